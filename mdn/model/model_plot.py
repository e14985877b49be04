"""The picture of a model: the density of a target over one input, with the rows of a frame."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from jaxtyping import Float
from torch import Tensor

from mdn.distributions.abstract import Mixture
from mdn.distributions.numbers import as_tensor
from mdn.distributions.target_names import hint
from mdn.model.frame_answers import FrameAnswers
from mdn.model.input_axes import input_axes
from mdn.plotting.histogram import histogram_figure
from mdn.plotting.informative_input import Predict, most_informative_input, with_input
from mdn.plotting.mixture_figure import mixture_figure
from mdn.plotting.one_target import figure_over_input, sample_inputs
from mdn.plotting.style import limits, scatter

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_ENDS = [0.003, 0.997]


def model_figure(
    model: FrameAnswers,
    data: object,
    x: Float[Tensor, "N P"],
    name: str | None,
    target: str | None,
) -> "Figure":
    """Return what `Model.plot` draws.

    Args:
        model: the model.
        data: the frame.
        x: its inputs.
        name: of the input; None to choose one.
        target: its name; None for the only one.
    """
    card = model.card
    target = _one_of("target", target, card.targets)
    if len(x) < 2:
        raise ValueError(f"a picture takes at least two rows, got {len(x)}")

    def predict(rows: Float[Tensor, "N P"]) -> Mixture:
        return model(rows.to(model.device)).marginal(target).to("cpu")

    x, y = x.to("cpu"), _observed(data, target)
    if name is not None or not card.inputs:
        chosen = card.inputs.index(_one_of("input", name, card.inputs)) if card.inputs else 0
    else:
        chosen = 0 if y is None else _most_informative(predict, x, y)
    if not card.inputs:
        alone = predict(x[:1])[0]
        return mixture_figure(alone) if y is None else histogram_figure(alone, y, [target])
    return _over_input(predict, x, y, chosen, target, model)


def _over_input(
    predict: Predict,
    x: Float[Tensor, "N P"],
    y: Float[Tensor, "N 1"] | None,
    chosen: int,
    target: str,
    model: FrameAnswers,
) -> "Figure":
    card = model.card
    axis, name = input_axes(card.fitted_kinds)[chosen], card.inputs[chosen]
    known = predict(sample_inputs(predict, x)).quantile(_ENDS) if y is None else y
    ends = limits(known.flatten()[known.flatten().isfinite()])
    there, _ = with_input(x, x, chosen)
    figure, axes = figure_over_input(predict, there, chosen, ends, (name, target), axis)
    if y is not None:
        scatter(axes, x[:, chosen], y[:, 0])
    return figure


def _most_informative(predict: Predict, x: Float[Tensor, "N P"], y: Float[Tensor, "N 1"]) -> int:
    complete = y.isfinite().all(-1)
    return most_informative_input(predict, x[complete], y[complete]) if complete.any() else 0


def _one_of(what: str, name: str | None, names: Sequence[str]) -> str:
    if name is None and len(names) == 1:
        return names[0]
    if name is not None and name in names:
        return name
    said = "name one of them" if name is None else f"got {name!r}{hint(name, names)}"
    raise ValueError(f"a picture shows one {what} of {list(names)!r:.300}; {said}")


def _observed(data: object, target: str) -> Float[Tensor, "N 1"] | None:
    """Return the values of a target, where the data have them in a column of its name."""
    import narwhals as nw

    frame = nw.from_native(data, pass_through=True)
    if not isinstance(frame, nw.DataFrame):
        return None
    columns = {str(label): label for label in frame.columns}
    if target not in columns:
        return None
    values = as_tensor(frame.get_column(columns[target]).to_native(), target)
    return values.to(torch.float64)[:, None]
