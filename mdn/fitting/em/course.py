"""One fit by EM: update after update, until the likelihood does not rise any more."""

import math
from dataclasses import dataclass
from typing import TypedDict

import torch
from jaxtyping import Float
from torch import Tensor

from mdn.distributions.checks import check_not_negative
from mdn.distributions.families import Family
from mdn.distributions.mixture import GaussianMixture
from mdn.fitting.em.expectation import EStep
from mdn.fitting.em.maximization import m_step
from mdn.fitting.em.revival import revive, without_mass
from mdn.fitting.em.statistics import Statistics

_MOST_REVIVALS = 3
# By how much rounding alone may lower a mean log likelihood, relative to its size.
_ROUNDING = 1e-12


class Course(TypedDict):
    """What a fit that is resumed has to know, beside the mixture."""

    lower_bounds: list[float]
    converged: bool
    revivals: list[int]


@dataclass(frozen=True)
class Tolerance:
    """The rise of the mean log likelihood below which a fit has converged.

    Attributes:
        tol: in nats a row.
        relative_tol: as part of the likelihood's size; the larger of the two counts.
    """

    tol: float
    relative_tol: float

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            check_not_negative(name, value)

    def met(self, before: float, after: float) -> bool:
        """Tell whether the likelihood has come to rest; while it falls it has not."""
        size = abs(after)
        falls = after < before - _ROUNDING * max(1.0, size)
        return not falls and abs(after - before) < max(self.tol, self.relative_tol * size)


class Ascent:
    """A mixture that EM improves, update by update.

    Args:
        start: without batch axes; its scales are projected on the family.
        family: the covariance family.
        origin: a point near the data.
        tolerance: when to stop.

    Attributes:
        mixture: the current one, in float64; it may be set.
        lower_bounds: mean log likelihood before each update so far.
        converged: whether it has come to rest.
        revivals: how often each component had lost its rows and was put to use elsewhere.
    """

    def __init__(
        self,
        start: GaussianMixture,
        family: Family,
        origin: Float[Tensor, " D"],
        tolerance: Tolerance,
    ) -> None:
        check_finite(start, "the mixture to start from")
        self.mixture = onto_family(_in_float64(start, origin.device), family)
        self.lower_bounds: list[float] = []
        self.converged = False
        self.revivals = [0] * start.num_components
        self._family = family
        self._origin = origin
        self._tolerance = tolerance

    def e_step(self) -> EStep:
        """Return the E-step under the current mixture."""
        return EStep(self.mixture, self._family, self._origin)

    def update(self, statistics: Statistics) -> None:
        """Take the M-step from the statistics of all rows.

        Raises:
            ValueError: on a likelihood or a parameter that is not finite.
        """
        bound, number = statistics.mean_log_likelihood, len(self.lower_bounds) + 1
        if not math.isfinite(bound):
            raise ValueError(
                f"the mean log likelihood became {bound} in update {number} of EM; "
                "remove rows that lie absurdly far out, or raise min_scale"
            )
        mixture = m_step(statistics, self._family)
        check_finite(mixture, f"update {number} of EM")
        self.converged = bool(self.lower_bounds) and self._tolerance.met(
            self.lower_bounds[-1], bound
        )
        self.lower_bounds.append(bound)
        self.mixture = self._revived(mixture)

    def state_dict(self) -> Course:
        """Return the course of the fit so far, without the mixture, as plain data."""
        return {
            "lower_bounds": self.lower_bounds,
            "converged": self.converged,
            "revivals": self.revivals,
        }

    def load_state_dict(self, state: Course) -> None:
        """Go on from a course that was saved."""
        self.lower_bounds = list(state["lower_bounds"])
        self.converged = state["converged"]
        self.revivals = list(state["revivals"])

    def _revived(self, mixture: GaussianMixture) -> GaussianMixture:
        """The mixture with lost components put to use, a few times each: some data need fewer.

        That lowers the likelihood at first, so a mixture that had come to rest goes on.
        """
        lost = [k for k in without_mass(mixture) if self.revivals[k] < _MOST_REVIVALS]
        for k in lost:
            self.revivals[k] += 1
            mixture = revive(mixture, k)
            self.converged = False
        return mixture


def _in_float64(start: GaussianMixture, device: torch.device) -> GaussianMixture:
    """Widen a mixture; weights rounded to float32, or typed in by hand, sum to one again."""
    wide = start.detach().to(device, torch.float64)
    return GaussianMixture(wide.log_pi.log_softmax(-1), wide.mu, wide.scale)


def check_finite(mixture: GaussianMixture, source: str) -> None:
    """Refuse a mixture with a number that is not finite; a weight of zero is allowed.

    Args:
        mixture: without batch axes.
        source: what made it.

    Raises:
        ValueError: on such a mixture.
    """
    numbers = [mixture.pi, mixture.mu, *mixture.scale.tensors()]
    if not all(bool(part.isfinite().all()) for part in numbers):
        raise ValueError(
            f"{source} has weights, means or scales that are not finite; "
            "scale the data, or raise min_scale"
        )


def onto_family(mixture: GaussianMixture, family: Family) -> GaussianMixture:
    """Project a mixture onto a family: its weights and means, and the projected scales."""
    covariance = mixture.scale.covariance().expand(mixture.num_components, -1, -1)
    return GaussianMixture(mixture.log_pi, mixture.mu, family.project(covariance, mixture.pi))
