"""What is done to a mixture of standardized targets after the head, in this order.

    recalibration    its spread about its mean is multiplied
    smoothing        Gaussian noise is added: each covariance gets a constant on its diagonal
    guard            a little probability goes to rows unlike those of training

Each is off by default. The result is a Gaussian mixture again, of which every answer is exact.
"""

from collections.abc import Sequence

from jaxtyping import Float
from torch import Tensor

from mdn.distributions.mixture import GaussianMixture
from mdn.model.card import ModelCard
from mdn.model.guard import WIDER, Widths, guarded


def adjusted(
    mixture: GaussianMixture,
    card: ModelCard,
    tril: Float[Tensor, "D D"] | None,
    center: Float[Tensor, "*batch D"] | None = None,
) -> GaussianMixture:
    """Return what a model answers with where its head gives a mixture.

    Args:
        mixture: of standardized targets, from the head.
        card: of the model.
        tril: the Cholesky factor of the correlation of the targets; a guard alone needs it.
        center: about which the spread is multiplied; None for the mean of the mixture.
    """
    if card.recalibration != 1:
        mixture = mixture.dispersed(card.recalibration, center)
    if card.smoothing:
        mixture = mixture.convolved(card.smoothing)
    if not card.guard:
        return mixture
    assert tril is not None
    return guarded(mixture, card.guard, tril, guard_widths(card))


def guard_widths(card: ModelCard) -> Widths:
    """Return the standard deviations of a guard as multiples of those of the training targets.

    Its second component is no wider than the first where a target is learned on another scale: on
    a log scale its mean would be nearly all of every predicted mean.
    """
    return card.guard_width, card.guard_width * (1.0 if card.transforms else WIDER)


def in_words(card: ModelCard, factor: Sequence[float]) -> dict[str, str]:
    """Say what is done to the mixtures of a model, by the name of each adjustment that is on.

    Args:
        card: of the model.
        factor: one standard deviation of each standardized target in the units of the user.
    """
    said = {}
    if card.spread_refitted:
        said["spread"] = "learned again on the rows that each network held out"
    if card.recalibration != 1:
        said["recalibrated"] = f"spread about each mean times {card.recalibration:.3g}"
    if card.smoothing:
        said["smoothed"] = _smoothing(card, factor)
    if card.guard:
        said["guard"] = _guard(card)
    return said


def _smoothing(card: ModelCard, factor: Sequence[float]) -> str:
    several = len(card.targets) > 1
    of = f"of {'each' if several else 'the'}{' learned' if card.transforms else ''} target"
    said = f"by {card.smoothing:.3g} standard deviations {of}"
    own = not several and not card.transforms
    return f"{said} ({card.smoothing * factor[0]:.3g} in its units)" if own else said


def _guard(card: ModelCard) -> str:
    width = "" if card.guard_width == 1 else f", {card.guard_width:.3g} times as wide as those"
    return f"{100 * card.guard:.2g} % of the probability for rows unlike those of training{width}"
