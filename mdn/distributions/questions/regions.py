"""Highest-density regions: the smallest set that holds a given probability.

It is where the density exceeds a threshold: for one target a union of intervals, at most one for
each component, found to rounding; for several targets the threshold is a quantile of the log
density of samples (Hyndman 1996).
"""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from mdn.distributions.abstract import Mixture
from mdn.distributions.arguments import Levels, inner_probability
from mdn.distributions.long_answers import LongAnswers
from mdn.distributions.origin import Origin
from mdn.distributions.questions.density_curves import DensityCurves
from mdn.distributions.questions.modes import Modes
from mdn.distributions.questions.ragged import most, split, widen

# A share of its level that the probability of a region may be off by.
_TOLD = 1e-6


class _RegionFields(NamedTuple):
    lower: Float[Tensor, "*batch K"]
    upper: Float[Tensor, "*batch K"]
    log_threshold: Float[Tensor, "*batch"]


class Region(_RegionFields):
    """The highest-density regions of mixtures over one target.

    Attributes:
        lower: lower ends of the intervals, in increasing order; NaN in places left over.
        upper: their upper ends.
        log_threshold: the log density at every end.
    """

    origin: Origin | None = None

    def about(self, mixture: Mixture) -> "Region":
        """Take the rows from the mixtures that have these regions."""
        self.origin = mixture.origin
        return self

    def to_frame(self) -> object:
        """Return one row for each interval, as a frame like that of `Mixture.to_frame`.

        Columns are "row", the place in the batch; "interval", counted from 0 upwards; "lower" and
        "upper", its ends; and "log_density" there.

        Raises:
            ValueError: on more than one batch axis.
        """
        return self._answers.to_frame()

    def __repr__(self) -> str:
        return self._answers.overview("Highest-density regions").text()

    def _repr_html_(self) -> str:
        return self._answers.overview("Highest-density regions").html()

    @property
    def _answers(self) -> LongAnswers:
        height = self.log_threshold[..., None].expand(self.lower.shape)
        values = [("lower", self.lower), ("upper", self.upper), ("log_density", height)]
        return LongAnswers("interval", ~self.lower.isnan(), values, self.origin)


class Regions(Modes):
    """Questions about the smallest set that holds a given probability."""

    def highest_density_region(self, level: Levels) -> Region:
        """Return the shortest intervals of one target that hold `level` of the probability.

        Without gradient. Levels are answered up to the last number below 1. Near the top of a
        density its heights differ by less than their rounding: a level is refused that they do not
        tell to a millionth of it, for a Gaussian of any ordinary scale one below about 5e-5.

        Raises:
            ValueError: on several targets, on a level that is not between 0 and 1, or on one that
                is too small to be told.
        """
        if self.num_targets > 1:
            raise ValueError(
                f"intervals are for one target, got {self.num_targets}; take a marginal, or ask "
                "density_threshold() and compare log_prob with it"
            )
        level = inner_probability(level)
        flat, numbers = self.detach().flatten(), self.num_components**2
        parts = [_region(flat[part], level) for part in split(len(flat), numbers)]
        whole = (torch.cat(part) for part in zip(*parts, strict=True))
        region = Region(*(v.reshape((*self.batch_shape, *v.shape[1:])) for v in whole))
        return region.about(self)


def _region(mixture: Regions, level: float) -> Region:
    # Heights near a flat top differ by less than single precision resolves.
    double = mixture.to(dtype=torch.float64)
    mu, sigma, modes = (v.squeeze(-1) for v in (double.mu, double.sigma, double.modes().y))
    curves = DensityCurves.of(double.log_pi, mu, sigma, modes[:, : most(modes.isfinite())])
    log_threshold = curves.threshold(level)
    ends = curves.ends(log_threshold)
    _check_told(curves, log_threshold, ends, level)
    lower, upper = (widen(end, mixture.num_components, torch.nan) for end in ends)
    region = (lower, upper, log_threshold)
    return Region(*(v.to(mixture.mu.dtype) for v in region))


def _check_told(
    curves: DensityCurves, log_threshold: Tensor, ends: tuple[Tensor, Tensor], level: float
) -> None:
    rounding = 4 * torch.finfo(log_threshold.dtype).eps * (1 + log_threshold.abs())
    lost = rounding * curves.change(log_threshold, *ends) / level
    none = (curves.inside(*ends) <= 0) & log_threshold.isfinite()
    if ((lost > _TOLD) | none).any():
        raise ValueError(
            f"got a region of level {level}: so near the top, rounding hides where the density is "
            f"cut, and the level would be missed by more than {_TOLD:.0e} of it; ask for a larger "
            "level (for a Gaussian at least about 5e-5), or for modes()"
        )
