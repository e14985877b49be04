"""Rows with missing targets, as rows of another mixture that have all of them.

The density of the targets that are there is the marginal of each component. A component in which
the missing targets are standard normals, independent of the others, and lie at 0 as the row then
does, has that marginal times (2 pi)^(-1/2) for each missing target. So the closed form of the
likelihood, its gradient and the responsibilities serve these rows too.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from mdn.distributions.likelihood.formula import LOG_2PI
from mdn.distributions.scale import Scale


def completed(
    y: Float[Tensor, "*rows D"], mu: Float[Tensor, "*batch K D"], scale: Scale
) -> tuple[Float[Tensor, "*rows D"], Float[Tensor, "*out K D"], Scale, Float[Tensor, "*rows"]]:
    """Return rows, means and scales in which what was missing is standard normal, and lies at 0.

    Args:
        y: rows; NaN is missing.
        mu: component means.
        scale: the factor of each component's covariance.

    Returns:
        The rows, the means, the scales, and the nats by which these rows are less likely than
        what is there.
    """
    there = ~y.isnan()
    centered = torch.where(there[..., None, :], mu, 0.0)
    nats = 0.5 * LOG_2PI * (~there).sum(-1).to(mu)
    return y.masked_fill(~there, 0.0), centered, scale.masked(there), nats
