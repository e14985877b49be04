"""Dead and singular components, both called degenerate: how to find and where to reset them.

The likelihood of a mixture has two traps. A component can lose all rows to the others and with
them every gradient: it is dead. Or it can shrink onto a handful of rows, where the likelihood
grows without bound until a floor stops it: it is singular (Bishop 2006, section 9.2.1). Both show
in the responsibilities r_ik and the scales s_ik of weighted rows i,

    mass             sum_i w_i r_ik / sum_i w_i
    effective rows   (sum_i w_i r_ik)^2 / sum_i (w_i r_ik)^2        (Kish 1965)
    share on floor   the part of its mass at which s_ik is next to the floor.

A component at the floor that explains many rows is not singular: repeated values look like that.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from mdn.distributions.checks import check_fraction, check_not_negative
from mdn.distributions.mixture import GaussianMixture

_WORST_SHARE = 0.1
"""Resets choose among this share of the rows: the worst explained, and more than outliers."""


@dataclass(frozen=True)
class Thresholds:
    """When a component counts as dead or singular.

    Attributes:
        min_mass: dead below this mass, as a fraction of an equal share 1/K.
        min_rows: singular only with fewer effective rows than this.
        floor_factor: next to the floor means below this many times the floor.
        floor_share: singular with at least this share of its mass next to the floor.
    """

    min_mass: float = 0.01
    min_rows: float = 10
    floor_factor: float = 2.0
    floor_share: float = 0.5

    def __post_init__(self) -> None:
        for name in ("min_mass", "min_rows", "floor_factor"):
            check_not_negative(name, getattr(self, name))
        check_fraction("floor_share", self.floor_share)


def tally(
    mixtures: GaussianMixture,
    y: Float[Tensor, "N D"],
    weight: Float[Tensor, "*alike N"],
    floor: float,
) -> Float[Tensor, "4 *members K"]:
    """Sum over rows what `find_degenerate` judges by; sums of chunks and of processes add up.

    Args:
        mixtures: one for each row, [N], or [*members, N] of several models of the same rows.
        y: targets; NaN is missing.
        weight: of each row, for all models alike or for each.
        floor: the scale below which a component counts as on the floor.
    """
    weight = weight.double()
    share = weight[..., None] * mixtures.observed_log_responsibilities(y).exp()
    lowest = (mixtures.scale.smallest() < floor).expand(share.shape)
    sums = (share.sum(-2), share.square().sum(-2), (share * lowest).sum(-2))
    return torch.stack([*sums, weight.sum(-1, keepdim=True).expand_as(sums[0])])


def find_degenerate(
    sums: Float[Tensor, "4 *members K"], thresholds: Thresholds
) -> Bool[Tensor, "*members K"]:
    """Find the components that are dead or singular."""
    return find_dead(sums, thresholds) | find_singular(sums, thresholds)


def find_dead(
    sums: Float[Tensor, "4 *members K"], thresholds: Thresholds
) -> Bool[Tensor, "*members K"]:
    """Find the components that have next to no mass."""
    mass, _, _, total = sums
    return mass * mass.shape[-1] < thresholds.min_mass * total


def find_singular(
    sums: Float[Tensor, "4 *members K"], thresholds: Thresholds
) -> Bool[Tensor, "*members K"]:
    """Find the components that sit on the floor for a few rows."""
    mass, square, on_floor, _ = sums
    rows = mass.square() / square.clamp(min=torch.finfo(square.dtype).tiny)
    return (rows < thresholds.min_rows) & (on_floor >= thresholds.floor_share * mass)


def reset_rows(
    log_prob: Float[Tensor, " N"],
    weight: Float[Tensor, " N"],
    count: int,
    generator: torch.Generator,
) -> Int[Tensor, " count"]:
    """Draw distinct rows to reset to from those explained worst; fewer where there are fewer."""
    counted = torch.nonzero(weight > 0).squeeze(-1)
    worst = max(count, round(_WORST_SHARE * len(counted)))
    candidates = counted[log_prob[counted].argsort()[:worst]].cpu()
    return candidates[torch.randperm(len(candidates), generator=generator)[:count]]
