"""Where to start: a Gaussian mixture from k-means of the targets."""

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor

from mdn.families import Family
from mdn.mixture import GaussianMixture

_MOST_ROWS = 20_000
_RUNS = 4
# A scale that starts on the floor has next to no gradient to leave it with, and clusters of equal
# rows have no spread of their own: mix in this share of the spread of all rows.
_MARGINAL_SHARE = 1e-3


def kmeans_start(
    y: Float[Tensor, "N D"],
    num_components: int,
    family: Family,
    weight: Float[Tensor, " N"] | None,
    seed: int = 0,
) -> GaussianMixture:
    """A mixture for training to start from: k-means centres, equal weights, one common covariance.

    The covariance is that within the clusters, projected on the family: about the spacing of the
    means. With fewer distinct rows than components some centres are repeated.

    Args:
        y: targets; at most 20,000 rows of them, drawn with the seed, are looked at.
        num_components: K.
        family: decides the form of the scale, and its floor.
        weight: of each row; rows of weight zero do not count.
        seed: of the rows drawn and of k-means.

    Raises:
        ValueError: with fewer rows than components.
    """
    rows, weight = _some_rows(y, weight, num_components, seed)
    centres, labels = kmeans(rows, num_components, weight, seed)
    within = _covariance(rows - centres[labels], weight)
    marginal = _covariance(rows - _mean(rows, weight), weight)
    covariance = torch.lerp(within, marginal, _MARGINAL_SHARE).expand(num_components, -1, -1)
    log_pi = rows.new_full((num_components,), -math.log(num_components))
    mixture = GaussianMixture(log_pi, centres, family.project(covariance, log_pi.exp()))
    return mixture.to(y.device, y.dtype)


def kmeans(
    y: Float[Tensor, "N D"], num_components: int, weight: Float[Tensor, " N"], seed: int
) -> tuple[Float[Tensor, "K D"], Int[Tensor, " N"]]:
    """Centres, and the centre of each row; centres are repeated when there are too few rows."""
    from sklearn.cluster import KMeans

    distinct, labels = torch.unique(y, dim=0, return_inverse=True)
    if len(distinct) <= num_components:
        return distinct[torch.arange(num_components) % len(distinct)], labels
    # Centred, because distances between rows far from the origin have no digits left.
    shift = _mean(y, weight)
    model = KMeans(num_components, n_init=_RUNS, random_state=seed)  # pyright: ignore[reportArgumentType]
    model.fit((y - shift).numpy(), sample_weight=weight.numpy())
    return torch.from_numpy(model.cluster_centers_) + shift, torch.from_numpy(model.labels_).long()


def _some_rows(
    y: Tensor, weight: Tensor | None, num_components: int, seed: int
) -> tuple[Float[Tensor, "M D"], Float[Tensor, " M"]]:
    y = y.detach().cpu().double()
    weight = torch.ones(len(y)) if weight is None else weight.detach().cpu()
    counted = torch.nonzero(weight > 0).squeeze(-1)
    if len(counted) < num_components:
        raise ValueError(
            f"a start needs at least one row for each component, got {len(counted)} rows (of "
            f"positive weight) for {num_components} components; lower num_components"
        )
    order = torch.randperm(len(counted), generator=torch.Generator().manual_seed(seed))
    drawn = counted[order[:_MOST_ROWS]]
    return y[drawn], weight[drawn].double()


def _mean(rows: Float[Tensor, "M D"], weight: Float[Tensor, " M"]) -> Float[Tensor, " D"]:
    return weight @ rows / weight.sum()


def _covariance(away: Float[Tensor, "M D"], weight: Float[Tensor, " M"]) -> Float[Tensor, "D D"]:
    return (weight[:, None] * away).mT @ away / weight.sum()
