"""Whether stated probabilities come true, and how much they say.

Where a density is right, each of three numbers of a row is uniform on [0, 1]: F(y) of every target
(the probability integral transform), F(y_j given y_1 ... y_j-1) of one target after the other
(Rosenblatt 1952), and the probability of the smallest region that holds y (Hyndman 1996). What is
asked of them is the same: histogram, distance from uniform, coverage. For rounded targets and atoms
they take the `cells` of the targets.
"""

import math
from collections.abc import Sequence
from functools import singledispatch

import torch
from jaxtyping import Float
from torch import Tensor

from mdn.distributions import normal
from mdn.distributions.abstract import Mixture
from mdn.distributions.arguments import Levels, inner_probability, probability, whole
from mdn.distributions.mixture import GaussianMixture
from mdn.distributions.numbers import Numbers, as_tensor
from mdn.distributions.values import takes_values
from mdn.metrics.cells import Cells, cells_if_any, drawn_in_cells, uniform_between

LEVELS = (0.5, 0.8, 0.9, 0.95)
"""Levels at which coverage and width are reported."""


@takes_values
def pit(
    mixture: Mixture,
    y: Float[Tensor, "*rows D"],
    cells: Cells | None = None,
    generator: torch.Generator | None = None,
) -> Float[Tensor, "*out D"]:
    """Return the probability integral transform of each target on its own.

    Args:
        mixture: the predictions.
        y: the values.
        cells: of rounded targets and atoms; the transform of such a value is drawn uniformly
            between those of both ends of its cell. None for values that stand for themselves.
        generator: of these draws.
    """
    cells = cells_if_any(cells)
    if cells is None:
        return mixture.cdf(y)
    low, high = cells.ends(y)
    return uniform_between(mixture.cdf(low), mixture.cdf(high), generator)


@takes_values
def rosenblatt(
    mixture: Mixture,
    y: Float[Tensor, "*rows D"],
    cells: Cells | None = None,
    generator: torch.Generator | None = None,
) -> Float[Tensor, "*out D"]:
    """Transform each target given those before it; uniform and independent when right.

    For another order of the targets pass their `marginal` in it.

    Args:
        mixture: the predictions.
        y: the values.
        cells: of rounded targets and atoms, within which values are drawn from the mixture.
        generator: of these draws.
    """
    return rosenblatt_of(mixture, drawn_in_cells(mixture, y, cells, generator))


@singledispatch
def rosenblatt_of(mixture: GaussianMixture, y: Float[Tensor, "*rows D"]) -> Float[Tensor, "*out D"]:
    """Return `rosenblatt` of values that are read; another kind of mixture registers its own."""
    # The factor of a covariance is triangular: what it whitens of target j is given those before.
    standard = mixture.scale.whiten_far(y[..., None, :] - mixture.mu)
    std = mixture.scale.tril().diagonal(dim1=-2, dim2=-1)
    each = normal.log_density(standard) - std.log()
    before = mixture.log_pi[..., None] + each.cumsum(-1) - each
    return (torch.softmax(before, -2) * normal.cdf(standard)).sum(-2).clamp(max=1)


@takes_values
def density_rank(
    mixture: Mixture,
    y: Float[Tensor, "*rows D"],
    num_samples: int = 1000,
    generator: torch.Generator | None = None,
    cells: Cells | None = None,
) -> Float[Tensor, "*out"]:
    """Return the probability of the smallest region with y: how often a sample is more likely.

    Args:
        mixture: the predictions.
        y: the values.
        num_samples: drawn from each mixture.
        generator: of the samples.
        cells: of rounded targets and atoms, within which values are drawn from the mixture.

    Raises:
        ValueError: on fewer than one sample.
    """
    num_samples = whole("num_samples", num_samples, 1)
    with torch.no_grad():
        own = mixture.log_prob(drawn_in_cells(mixture, y, cells, generator))
        above = torch.zeros_like(own)
        for part in mixture.sample_in_parts(num_samples, generator):
            for log_prob in mixture.log_prob(part):
                above += log_prob > own
    return _unless_nan(own, above / num_samples)


def central_coverage(
    transforms: Numbers, level: Levels, weight: Numbers | None = None
) -> Float[Tensor, "..."]:
    """Return the share of rows inside the central interval, from their transforms [N, ...].

    Args:
        transforms: of the rows; with the `cells` of rounded targets and atoms, the right density
            covers them as often as it states.
        level: the probability of the interval.
        weight: how often each row counts.
    """
    transforms, level = _transforms(transforms), probability(level)
    inside = _unless_nan(transforms, ((transforms - 0.5).abs() <= level / 2).to(transforms))
    return inside.mean(0) if weight is None else _weighted_mean(inside, weight)


def region_coverage(rank: Numbers, level: Levels) -> Float[Tensor, ""]:
    """Return the share of rows inside the highest-density region, from density ranks [N]."""
    rank, level = _transforms(rank), probability(level)
    return _unless_nan(rank, (rank <= level).to(rank)).mean()


def interval_width(mixture: Mixture, level: Levels) -> Float[Tensor, "*batch D"]:
    """Return the width of the central interval of each target."""
    lower, upper = mixture.interval(level)
    return upper - lower


def region_size(
    mixture: Mixture,
    level: Levels,
    num_samples: int = 1000,
    generator: torch.Generator | None = None,
) -> Float[Tensor, "*batch"]:
    """Estimate the volume of the highest-density region by samples, E[1 / p(Y); Y inside].

    Raises:
        ValueError: on a level that is not between 0 and 1, or that holds none of the samples.
    """
    return region_sizes(mixture, [level], num_samples, generator)[0]


def region_sizes(
    mixture: Mixture,
    levels: Sequence[Levels],
    num_samples: int = 1000,
    generator: torch.Generator | None = None,
) -> Float[Tensor, "L ..."]:
    """Estimate the volumes at several levels, from the same samples.

    Raises:
        ValueError: as `region_size`.
    """
    num_samples = whole("num_samples", num_samples, 1)
    inside = [_num_inside(inner_probability(level), num_samples) for level in levels]
    log_prob = mixture.sample_log_prob(num_samples, generator).sort(0, descending=True).values
    sizes = torch.exp(-log_prob).cumsum(0) / num_samples
    return torch.stack([sizes[count - 1] for count in inside])


def _num_inside(level: float, num_samples: int) -> int:
    count = round(level * num_samples)
    if count == 0:
        raise ValueError(
            f"a region of level {level:g} holds none of {num_samples} samples; set num_samples to "
            f"at least {math.ceil(1 / level)}"
        )
    return count


def sharpness(mixture: Mixture) -> Float[Tensor, " D"]:
    """Return the root mean predicted variance of each target: the RMSE the model expects."""
    return mixture.std.square().reshape(-1, mixture.num_targets).mean(0).sqrt()


def histogram(transforms: Numbers, bins: int = 20) -> Float[Tensor, "bins ..."]:
    """Return the density of transforms [N, ...] in equal bins: 1 everywhere when right."""
    transforms, bins = _transforms(transforms), whole("bins", bins, 1)
    if transforms.isnan().any():
        raise ValueError("a histogram has no bin for NaN; drop such transforms")
    place = (transforms * bins).long().clamp(0, bins - 1)
    counts = transforms.new_zeros(bins, *transforms.shape[1:])
    return counts.scatter_add_(0, place, torch.ones_like(transforms)) * (bins / len(transforms))


def ks_distance(transforms: Numbers) -> Float[Tensor, "..."]:
    """Return the Kolmogorov-Smirnov distance from uniform; 0.87 / sqrt N by chance alone."""
    ordered, low, high = _steps(transforms)
    return torch.maximum(high - ordered, ordered - low).amax(0)


def calibration_error(transforms: Numbers) -> Float[Tensor, "..."]:
    """Return the mean distance of stated from observed probability, over all levels."""
    # The area between the empirical distribution function and the diagonal, seen from the side.
    ordered, low, high = _steps(transforms)
    inside = ordered.clamp(low, high)
    area = (inside - low).square() + (high - inside).square()
    outside = (ordered - inside).abs() / len(ordered)
    return (0.5 * area + outside).sum(0)


def _transforms(transforms: Numbers) -> Tensor:
    """Transforms of at least one row, whatever form they came in."""
    found = as_tensor(transforms, "transforms")
    if found.ndim == 0 or len(found) == 0:
        raise ValueError(
            f"transforms must be those of at least one row, [N, ...], got shape {list(found.shape)}"
        )
    return found


def _weighted_mean(values: Tensor, weight: Numbers) -> Tensor:
    share = as_tensor(weight, "weight").to(values)
    if share.shape != values.shape[:1] or not (share >= 0).all() or not share.any():
        raise ValueError(
            f"weight takes one number of at least 0 for each of {len(values)} rows, and one above "
            f"0, got shape {list(share.shape)}"
        )
    return torch.tensordot(share / share.sum(), values, dims=1)


def _unless_nan(of: Tensor, answer: Tensor) -> Tensor:
    """Put NaN where the argument is NaN: a comparison with NaN is not one."""
    return torch.where(of.isnan(), of, answer)


def _steps(transforms: Numbers) -> tuple[Tensor, Tensor, Tensor]:
    """Transforms in order, and the empirical distribution function before and after each."""
    transforms = _transforms(transforms)
    steps = torch.linspace(0, 1, len(transforms) + 1, dtype=torch.float64).to(transforms)
    steps = steps.view(-1, *(1,) * (transforms.ndim - 1)).expand(-1, *transforms.shape[1:])
    return transforms.sort(0).values, steps[:-1], steps[1:]
