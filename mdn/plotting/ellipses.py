"""Components as ellipses: an outline at two standard deviations holds 86 % of its component."""

import math
from collections.abc import Sequence
from functools import singledispatch

import torch
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.patches import Ellipse, PathPatch
from matplotlib.path import Path
from matplotlib.patheffects import withStroke
from torch import Tensor

from mdn.distributions.mixture import GaussianMixture
from mdn.distributions.transformed.mixture import TransformedMixture
from mdn.plotting.style import LINE

_RADIUS = 2.0
_OUTLINE_POINTS = 100
_MOST_ELLIPSES = 30
_WEIGHT_DRAWN = 0.95
"""The share of the weight that the drawn components have together."""
_MOST_NUMBERED = 12
_NUMBER = {
    "fontsize": 10,
    "fontweight": "bold",
    "ha": "center",
    "va": "center",
    "annotation_clip": True,
    "path_effects": [withStroke(linewidth=2.5, foreground="white")],
}


def batch_moments(
    mixtures: GaussianMixture,
) -> tuple[Float[Tensor, " K"], Float[Tensor, "K D"], Float[Tensor, "K D D"]]:
    """Return the weight, mean and covariance of each component over a whole batch of mixtures."""
    weight = mixtures.pi.mean(0)
    share = (mixtures.pi / mixtures.pi.sum(0).clamp(min=1e-30))[..., None]
    mu = (share * mixtures.mu).sum(0)
    away = mixtures.mu - mu
    spread = mixtures.scale.covariance() + away[..., :, None] * away[..., None, :]
    return weight, mu, (share[..., None] * spread).sum(0)


@singledispatch
def draw_components(mixtures: GaussianMixture, axes: Axes, dims: Sequence[int] = (0, 1)) -> None:
    """Draw the average components of a batch of mixtures in the plane of two targets."""
    draw_ellipses(axes, *pair_of(batch_moments(mixtures), *dims))


@draw_components.register
def _draw_on_learned_scale(
    mixtures: TransformedMixture, axes: Axes, dims: Sequence[int] = (0, 1)
) -> None:
    """Outlines hold as much of their components as ellipses do, and are none on this scale."""
    weight, mu, covariance = pair_of(batch_moments(mixtures.base), *dims)
    angle = torch.linspace(0, 2 * math.pi, _OUTLINE_POINTS, dtype=mu.dtype)
    circle = _RADIUS * torch.stack([angle.cos(), angle.sin()], -1)
    strengths = (weight / weight.max()).sqrt().clamp(min=0.2).tolist()
    transforms = [mixtures.transforms[d] for d in dims]
    for k in main_components(weight):
        z = mu[k] + circle @ torch.linalg.cholesky(covariance[k]).mT
        line = [t.inverse(column).numpy() for t, column in zip(transforms, z.T, strict=True)]
        axes.plot(*line, color=LINE, alpha=strengths[k], linewidth=0.5 + 1.3 * strengths[k])


def pair_of(
    moments: tuple[Tensor, Tensor, Tensor], across: int, up: int
) -> tuple[Float[Tensor, " K"], Float[Tensor, "K 2"], Float[Tensor, "K 2 2"]]:
    """Return the weights, means and covariances of two of the targets."""
    weight, mu, covariance = moments
    pair = torch.tensor([across, up])
    return weight, mu[:, pair], covariance[:, pair[:, None], pair]


def draw_ellipses(
    axes: Axes,
    weight: Float[Tensor, " K"],
    mu: Float[Tensor, "K 2"],
    covariance: Float[Tensor, "K 2 2"],
) -> None:
    """Draw an outline of each component, stronger the more it weighs, and its number if few.

    Of many components, only the heaviest with 95 % of the weight are drawn, and 30 at most.
    """
    strengths = (weight / weight.max()).sqrt().clamp(min=0.2).tolist()
    numbered = len(weight) <= _MOST_NUMBERED
    for k in main_components(weight):
        outline = ellipse(mu[k], covariance[k], _RADIUS)
        line = PathPatch(_in_lines(outline), fill=False, edgecolor=LINE, alpha=strengths[k])
        line.set_linewidth(0.5 + 1.3 * strengths[k])
        axes.add_patch(line)
        if numbered:
            axes.annotate(str(k), outline.center, color=LINE, alpha=strengths[k], **_NUMBER)


def main_components(weight: Float[Tensor, " K"]) -> list[int]:
    """Return all components if few, else the heaviest with nearly all of the weight, 30 at most."""
    if len(weight) <= _MOST_NUMBERED:
        return list(range(len(weight)))
    falling, order = weight.sort(descending=True)
    before = (falling.cumsum(0) - falling) / weight.sum()
    return order[before < _WEIGHT_DRAWN][:_MOST_ELLIPSES].tolist()


def ellipse(mu: Float[Tensor, "2"], covariance: Float[Tensor, "2 2"], radius: float) -> Ellipse:
    """Return the ellipse of points at a Mahalanobis distance of `radius` from the mean."""
    values, vectors = torch.linalg.eigh(covariance)
    minor, major = (2 * radius * values.clamp(min=0).sqrt()).tolist()
    angle = math.degrees(math.atan2(vectors[1, 1].item(), vectors[0, 1].item()))
    return Ellipse((mu[0].item(), mu[1].item()), major, minor, angle=angle)


def _in_lines(outline: Ellipse) -> Path:
    # Lines are clipped to the picture; a curve far beyond it would be drawn for minutes.
    return outline.get_patch_transform().transform_path(Path.unit_regular_polygon(_OUTLINE_POINTS))
