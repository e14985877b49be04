"""What rows with missing targets tell of all targets together, by one Gaussian."""

import torch
from jaxtyping import Float
from torch import Tensor

from mdn.distributions.families import Full
from mdn.distributions.mixture import GaussianMixture
from mdn.fitting.em import fit_em, observed_patterns

_MOST_ROWS = 20_000
_MOST_UPDATES = 100
_FLOOR = 1e-6


def gaussian_of(
    y: Float[Tensor, "N D"], weight: Float[Tensor, " N"] | None = None
) -> GaussianMixture:
    """Return the likeliest Gaussian of standardized targets, by exact EM; NaN is missing.

    Args:
        y: targets, of which at most 20,000 rows drawn at random are looked at.
        weight: of each row.
    """
    generator = torch.Generator().manual_seed(0)
    rows = torch.randperm(len(y), generator=generator)[:_MOST_ROWS].to(y.device)
    some = None if weight is None else weight[rows]
    family = Full(_FLOOR)
    return fit_em(y[rows], 1, family, weight=some, max_iter=_MOST_UPDATES).mixture


def filled(y: Float[Tensor, "N D"], gaussian: GaussianMixture) -> Float[Tensor, "N D"]:
    """Return rows in which what was missing has its mean given the rest of the row."""
    complete = torch.where(y.isnan(), gaussian.mean.to(y), y)
    for observed, rows in observed_patterns(y):
        if not observed.all():
            known = observed.nonzero().squeeze(-1).tolist()
            mean = gaussian.condition(known, y[rows][:, observed].double()).mean
            complete[rows.nonzero(), ~observed] = mean.to(y)
    return complete
