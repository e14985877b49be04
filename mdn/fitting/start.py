"""Starts: Gaussian mixtures from the targets alone, for training to begin at."""

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from mdn.distributions.checks import check_one_of
from mdn.distributions.families import Family
from mdn.distributions.mixture import GaussianMixture
from mdn.networks.units import column_units
from mdn.networks.weights import unit_weights

_MOST_ROWS = 20_000
_RUNS = 4
# A scale that starts on the floor has next to no gradient to leave it with, and clusters of equal
# rows have no spread of their own: mix in this share of the spread of all rows.
_MARGINAL_SHARE = 1e-3


@dataclass(frozen=True)
class Start:
    """A way to place the first components; call it with targets to get a mixture.

    Attributes:
        place: given distinct rows, K, the weight of each row and a seed, the means of K
            components and one covariance for all of them.
    """

    place: Callable[[Tensor, int, Tensor, int], tuple[Tensor, Tensor]]

    def __call__(
        self,
        y: Float[Tensor, "N D"],
        num_components: int,
        family: Family,
        weight: Float[Tensor, " N"] | None,
        seed: int = 0,
    ) -> GaussianMixture:
        """Return a mixture to start from, with equal weights and one covariance for all.

        With fewer distinct rows than components some means are repeated.

        Args:
            y: targets; at most 20,000 rows of them, drawn with the seed, are looked at. NaN is
                missing.
            num_components: K.
            family: decides the form of the scale, and its floor.
            weight: of each row; rows of weight zero do not count.
            seed: of the rows drawn and of the places.

        Raises:
            ValueError: with fewer rows than components.
        """
        rows, weight, far = _distinct_rows(y, weight, num_components, seed)
        mu, covariance = self.place(rows, num_components - len(far), weight, seed)
        mixture = _mixture(torch.cat([mu, far]), covariance, family)
        return mixture.to(y.device, _wide(y.dtype))


def _at_centers(
    rows: Float[Tensor, "M D"], num_components: int, weight: Float[Tensor, " M"], seed: int
) -> tuple[Float[Tensor, "K D"], Float[Tensor, "D D"]]:
    centers, labels = _kmeans(rows, num_components, weight, seed)
    within = _covariance(rows - centers[labels], weight)
    marginal = _covariance(rows - _mean(rows, weight), weight)
    return centers, torch.lerp(within, marginal, _MARGINAL_SHARE)


def _far_apart(
    rows: Float[Tensor, "M D"], num_components: int, weight: Float[Tensor, " M"], seed: int
) -> tuple[Float[Tensor, "K D"], Float[Tensor, "D D"]]:
    return _plus_plus(rows, num_components, weight, seed), _marginal_covariance(rows, weight)


def _at_random(
    rows: Float[Tensor, "M D"], num_components: int, weight: Float[Tensor, " M"], seed: int
) -> tuple[Float[Tensor, "K D"], Float[Tensor, "D D"]]:
    drawn = torch.multinomial(weight, min(num_components, len(rows)), generator=_generator(seed))
    return _repeated(rows[drawn], num_components), _marginal_covariance(rows, weight)


kmeans_start = Start(_at_centers)
"""Means at the centers of k-means, as wide as the clusters: about the spacing of the means."""

plus_plus_start = Start(_far_apart)
"""Means at rows far from each other (k-means++), each component as wide as all rows together."""

random_start = Start(_at_random)
"""Means at rows drawn at random, each component as wide as all rows together."""


def start_at(
    mu: Float[Tensor, "K D"],
    y: Float[Tensor, "N D"],
    family: Family,
    weight: Float[Tensor, " N"] | None,
) -> GaussianMixture:
    """Return a mixture with these means, equal weights, and components as wide as all rows."""
    return _mixture(mu, _marginal_covariance(y, weight), family)


STARTS: dict[str, Start] = {
    "k-means": kmeans_start,
    "k-means++": plus_plus_start,
    "random": random_start,
}
"""Where EM may start, by name."""


def start_named(name: str, argument: str = "start_from") -> Start:
    """Return one of `STARTS`.

    Args:
        name: its key.
        argument: what the message calls the name.

    Raises:
        ValueError: on any other name.
    """
    check_one_of(argument, name, STARTS)
    return STARTS[name]


def _mixture(
    mu: Float[Tensor, "K D"], covariance: Float[Tensor, "D D"], family: Family
) -> GaussianMixture:
    """Equal weights and one covariance for all."""
    log_pi = mu.new_full((len(mu),), -math.log(len(mu)))
    scale = family.nearest(covariance.expand(len(mu), -1, -1), log_pi.exp())
    return GaussianMixture(log_pi, mu, scale)


def _kmeans(
    rows: Float[Tensor, "M D"], num_components: int, weight: Float[Tensor, " M"], seed: int
) -> tuple[Float[Tensor, "K D"], Int[Tensor, " M"]]:
    """Return centers, and the center of each row."""
    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning

    if len(rows) <= num_components:
        return _repeated(rows, num_components), torch.arange(len(rows))
    # Centered, because distances between rows far from the origin have no digits left.
    shift = _mean(rows, weight)
    model = KMeans(num_components, random_state=seed).set_params(n_init=_RUNS)
    with warnings.catch_warnings():
        # Next to a far outlier even distinct rows coincide; repeated centers are all right here.
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit((rows - shift).numpy(), sample_weight=weight.numpy())
    return torch.from_numpy(model.cluster_centers_) + shift, torch.from_numpy(model.labels_).long()


def _plus_plus(
    rows: Float[Tensor, "M D"], num_components: int, weight: Float[Tensor, " M"], seed: int
) -> Float[Tensor, "K D"]:
    from sklearn.cluster import kmeans_plusplus

    if len(rows) <= num_components:
        return _repeated(rows, num_components)
    away = (rows - _mean(rows, weight)).numpy()
    _, chosen = kmeans_plusplus(
        away, num_components, sample_weight=weight.numpy(), random_state=seed
    )
    return rows[torch.from_numpy(chosen).long()]


def _repeated(rows: Float[Tensor, "M D"], num_components: int) -> Float[Tensor, "K D"]:
    return rows[torch.arange(num_components) % len(rows)]


def _distinct_rows(
    y: Tensor, weight: Tensor | None, num_components: int, seed: int
) -> tuple[Float[Tensor, "M D"], Float[Tensor, " M"], Float[Tensor, "F D"]]:
    """Distinct rows in order, what each weighs, and a row far out where there are such.

    Repeated rows and weights are one thing. Where one component in several can be spared, it
    starts at the heaviest of the rows that lie absurdly far out.
    """
    counted = torch.arange(len(y)) if weight is None else (weight.cpu() > 0).nonzero().squeeze(-1)
    if len(counted) < num_components:
        raise ValueError(
            f"a start needs at least one row for each component, got {len(counted)} rows (of "
            f"positive weight) for {num_components} components; lower num_components"
        )
    drawn = counted[torch.randperm(len(counted), generator=_generator(seed))[:_MOST_ROWS]]
    drawn = drawn.to(y.device)
    rows, weight, far = _filled(y[drawn], None if weight is None else weight[drawn])
    distinct, which = torch.unique(rows, dim=0, return_inverse=True)
    weight = weight.new_zeros(len(distinct)).index_add(0, which, weight)
    return distinct, weight, far[: min(1, num_components - 1)]


def _filled(
    y: Tensor, weight: Tensor | None
) -> tuple[Float[Tensor, "M D"], Float[Tensor, " M"], Float[Tensor, "F D"]]:
    """Rows to start from and their weights, and rows far out by weight, in float64 on the CPU.

    Rows of weight zero are left out. Rows absurdly far out stand apart: next to 1e9 all others are
    one cluster. What is missing is put at its column's mean.
    """
    y = y.detach().cpu().double()
    weight = y.new_ones(len(y)) if weight is None else weight.detach().cpu().double()
    y, weight = y[weight > 0], unit_weights(weight[weight > 0])
    units = column_units(y, weight)
    y = torch.where(y.isnan(), units.center.nan_to_num(), y)
    far = units.far.any(-1)
    if not far.any():
        return y, weight, y[:0]
    return y[~far], weight[~far], y[far][weight[far].argsort(descending=True)]


def _wide(dtype: torch.dtype) -> torch.dtype:
    """A type that mixtures have: the same, or float64 for whole numbers and half precision."""
    return dtype if dtype in (torch.float32, torch.float64) else torch.float64


def _generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _marginal_covariance(
    y: Float[Tensor, "N D"], weight: Float[Tensor, " N"] | None
) -> Float[Tensor, "D D"]:
    rows, weight, _ = _filled(y, weight)
    return _covariance(rows - _mean(rows, weight), weight)


def _mean(rows: Float[Tensor, "M D"], weight: Float[Tensor, " M"]) -> Float[Tensor, " D"]:
    return weight @ rows / weight.sum()


def _covariance(away: Float[Tensor, "M D"], weight: Float[Tensor, " M"]) -> Float[Tensor, "D D"]:
    return (weight[:, None] * away).mT @ away / weight.sum()
