"""Smoothings and guards that are tried on rows that were not learned from.

Every validation scores a few of each, for the best of them decides how long to train: a network
whose spread is overfitted may still have the better means, and only wants its spread mended.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import product

import torch
from jaxtyping import Float
from torch import Tensor

from mdn.distributions.mixture import GaussianMixture
from mdn.distributions.open_settings import ByHeldOut
from mdn.model.adjustments import guard_widths
from mdn.model.guard import guard_alone
from mdn.model.model import Model

_SMOOTHINGS = (0.0, 0.03, 0.06, 0.1, 0.16, 0.25)
_MORE_SMOOTHINGS = (0.0, 0.01, 0.02, 0.03, 0.045, 0.06, 0.08, 0.1, 0.13, 0.16, 0.2, 0.25, 0.3)
_GUARDS = (0.0, 0.001, 0.003, 0.01, 0.03)

LogProb = Callable[[GaussianMixture, Tensor], Tensor]
"""The log density of targets under a mixture, or that of their cells."""


def observed_log_prob(
    mixture: GaussianMixture, y: Float[Tensor, "*rows D"]
) -> Float[Tensor, "*out"]:
    """Return the log density of the targets that each row has."""
    return mixture.observed_log_prob(y)


@dataclass(frozen=True)
class Candidate:
    """What may be done with standardized mixtures after the head.

    Attributes:
        smoothing: the standard deviation of the noise that is added.
        guard: the probability of rows unlike those of training.
    """

    smoothing: float = 0.0
    guard: float = 0.0


@dataclass(frozen=True)
class Candidates:
    """Every smoothing with every guard.

    Attributes:
        smoothings: to try.
        guards: likewise.
    """

    smoothings: Sequence[float] = (0.0,)
    guards: Sequence[float] = (0.0,)

    @classmethod
    def of(
        cls, smoothing: float | ByHeldOut, guard: float | ByHeldOut, least_guard: float
    ) -> "Candidates":
        """Return what settings leave open, as coarsely as each validation tries them.

        Args:
            smoothing: a number, or what is to be found.
            guard: likewise.
            least_guard: the smallest one to try.
        """
        guards = sorted({max(each, least_guard) for each in _GUARDS})
        return cls(
            _SMOOTHINGS if smoothing == "held_out" else (float(smoothing),),
            guards if guard == "held_out" else (float(guard),),
        )

    @property
    def finer(self) -> "Candidates":
        """The same guards, with more smoothings where there is a choice."""
        return replace(self, smoothings=_MORE_SMOOTHINGS) if len(self.smoothings) > 1 else self

    @property
    def all(self) -> list[Candidate]:
        """Every one of them, in the order of the scores."""
        return [Candidate(*each) for each in product(self.smoothings, self.guards)]

    def nll(
        self,
        model: Model,
        mixture: GaussianMixture,
        y: Float[Tensor, "*rows D"],
        log_prob: LogProb = observed_log_prob,
    ) -> Float[Tensor, " C *out"]:
        """Return the nll of standardized targets under each candidate; NaN is a missing target.

        Args:
            model: of the mixture.
            mixture: as the head gives it.
            y: standardized targets.
            log_prob: of targets under a mixture.
        """
        unlike = y.new_zeros(())
        if any(self.guards):
            guard = guard_alone(mixture, model.target_correlation, guard_widths(model.card))
            unlike = log_prob(guard, y)
        smoothed = [log_prob(_smoothed(mixture, each), y) for each in self.smoothings]
        pairs = product(smoothed, self.guards)
        return torch.stack([-with_guard(log_prob, guard, unlike) for log_prob, guard in pairs])


def _smoothed(mixture: GaussianMixture, smoothing: float) -> GaussianMixture:
    return mixture.convolved(smoothing) if smoothing else mixture


def with_guard(
    log_prob: Float[Tensor, "*batch"], guard: float, unlike: Float[Tensor, "*_"]
) -> Float[Tensor, "*batch"]:
    """Return the log density of mixtures with a guard.

    Args:
        log_prob: of the mixtures alone.
        guard: the probability of rows unlike those of training.
        unlike: the log density of the guard alone.
    """
    if not guard:
        return log_prob
    return torch.logaddexp(log_prob + math.log1p(-guard), unlike + math.log(guard))
