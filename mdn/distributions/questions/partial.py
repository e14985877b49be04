"""Rows with missing targets: the density of those that are there."""

from dataclasses import replace
from typing import TypeVar

from jaxtyping import Float
from torch import Tensor

from mdn.distributions import likelihood
from mdn.distributions.questions.subsets import Subsets
from mdn.distributions.values import takes_values

AnyPartial = TypeVar("AnyPartial", bound="Partial")


class Partial(Subsets):
    """Questions about rows in which NaN is a missing target."""

    @takes_values
    def observed_log_prob(self, y: Float[Tensor, "*rows D"]) -> Float[Tensor, "*out"]:
        """Return the log density of the targets that a row has, in nats; NaN is missing.

        It is 0 for a row without any. `log_prob` answers NaN for a row that lacks one.
        """
        if not y.isnan().any():
            return self.log_prob(y)
        mixture, rows, nats = completed(self, y)
        return mixture.log_prob(rows) + nats

    @takes_values
    def observed_log_responsibilities(self, y: Float[Tensor, "*rows D"]) -> Float[Tensor, "*out K"]:
        """Return the log probability that component k produced the targets that a row has."""
        if not y.isnan().any():
            return likelihood.log_responsibilities(y, self.log_pi, self.mu, self.scale)
        mixture, rows, _ = completed(self, y)
        return likelihood.log_responsibilities(rows, mixture.log_pi, mixture.mu, mixture.scale)


def completed(
    mixture: AnyPartial, y: Float[Tensor, "*rows D"]
) -> tuple[AnyPartial, Float[Tensor, "*rows D"], Float[Tensor, "*rows"]]:
    """Return a mixture for each row, and rows without NaN, that stand for the targets present.

    The log density of the rows under it is that of the targets present, less so many nats.

    Args:
        mixture: the mixtures.
        y: rows; NaN is missing.

    Returns:
        The mixtures, the rows, and the nats.
    """
    rows, mu, scale, nats = likelihood.completed(y, mixture.mu, mixture.scale)
    log_pi = mixture.log_pi.expand(mu.shape[:-1])
    return replace(mixture, log_pi=log_pi, mu=mu, scale=scale), rows, nats
