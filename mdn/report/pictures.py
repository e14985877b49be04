"""The pictures of a report, each with a caption that says what to look for."""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import matplotlib as mpl
import torch
from jaxtyping import Float
from matplotlib.figure import Figure
from torch import Tensor

from mdn.data.table import Table
from mdn.distributions.abstract import Mixture
from mdn.distributions.overview import listed
from mdn.model.input_axes import input_axes
from mdn.model.model import Model
from mdn.plotting import (
    coverage_figure,
    density_figure,
    partial_dependence_figure,
    pit_figure,
    pool_usage_figure,
    reliability_figure,
    slices_figure,
    usage_figure,
)
from mdn.report.evaluation import Scores
from mdn.report.usage_history import ComponentUsage, component_usage

DPI = 150
"""Dots per inch of images, and of rasterized parts of drawings."""
_MOST_TARGETS = 3
"""The most targets whose partial dependence is drawn."""


@dataclass(frozen=True, eq=False)
class Picture:
    """A figure with its file name, its title and its caption."""

    name: str
    title: str
    caption: str
    figure: Figure

    @cached_property
    def svg(self) -> bytes:
        """The figure as SVG, without a date and always with the same identifiers."""
        drawing = io.BytesIO()
        with mpl.rc_context({"svg.hashsalt": self.name}):
            self.figure.savefig(drawing, format="svg", metadata={"Date": None}, dpi=DPI)
        return drawing.getvalue()


def pictures(model: Model, table: Table, scores: Scores, run_dir: Path) -> Iterator[Picture]:
    """Yield pictures of the density, its calibration, and the use of components in training.

    Args:
        model: the model.
        table: the rows that it is evaluated on.
        scores: its scores on them.
        run_dir: directory of the run that trained it.
    """
    whole = table.whole()
    if len(whole):
        yield from _density_pictures(model, whole)
    yield from _calibration_pictures(scores, table.target_names)
    usage = component_usage(run_dir)
    if usage is not None:
        yield _usage_picture(usage, model.num_learned)


def _usage_picture(usage: ComponentUsage, num_components: int) -> Picture:
    if usage.is_complete:
        weight = torch.stack(list(usage.weight.values()), -1)
        figure, caption = usage_figure(usage.epoch, weight), _ALL_WEIGHTS
    else:
        weight = {_LABELS[name]: values for name, values in reversed(usage.weight.items())}
        effective = {_LABELS[name]: values for name, values in usage.effective.items()}
        figure = pool_usage_figure(usage.epoch, weight, effective, num_components)
        caption = _WEIGHT_SUMMARY
    return Picture("component_usage", "Component usage", caption, figure)


_ALL_WEIGHTS = (
    "The mean weight of each component over the validation rows during training. The numbers at "
    "the right name the components."
)
_WEIGHT_SUMMARY = (
    "Left: the largest, the median and the smallest mean weight of a component over the "
    "validation rows during training. Right: the effective number of components, exp(H) of "
    "weights with entropy H, which is the number of components where all weigh the same."
)
_LABELS = {
    "min": "smallest",
    "median": "median",
    "max": "largest",
    "effective_components": "of the mean weights",
    "effective_components_per_row": "of a row's weights, on average",
}


def _density_pictures(model: Model, table: Table) -> Iterator[Picture]:
    @torch.no_grad()
    def predict(x: Float[Tensor, "N P"]) -> Mixture:
        return model(x)

    rows = (predict, table.x, table.y)
    names = table.input_names, table.target_names
    axes = input_axes(table.kinds)
    caption = "The density that the model states, and the evaluated rows as points."
    yield Picture("density", "Density", caption, density_figure(*rows, *names, axes))
    if not table.input_names:
        return
    caption = (
        "The density at five values of the input that tells most, the darker part being the "
        "smallest set that holds 90 %. " + _OTHER_INPUTS[len(table.input_names) > 1]
    )
    yield Picture("slices", "Conditional slices", caption, slices_figure(*rows, *names, axes))
    if len(table.input_names) > 1:
        for target, name in enumerate(table.target_names[:_MOST_TARGETS]):
            figure = partial_dependence_figure(*rows, *names, target, axes)
            title = f"Partial dependence of {name}"
            yield Picture(f"partial_dependence_{target}", title, _DEPENDENCE, figure)


_OTHER_INPUTS = {
    True: "Other inputs are at their medians.",
    False: "Marks at the bottom are the evaluated rows nearest to each value.",
}
_DEPENDENCE = (
    "The density with one input set to a value in every row, averaged over rows. Lines are the "
    "median and the 5 and 95 % quantiles, ticks at the bottom deciles of the input. Far from the "
    "ticks the model has hardly seen data."
)


_IN_CELLS = (
    " Values of {} repeat; each one is drawn anew from the density within the cell that it stands "
    "for."
)


def _calibration_pictures(scores: Scores, names: list[str]) -> Iterator[Picture]:
    cells = _IN_CELLS.format(listed(scores.in_cells)) if scores.in_cells else ""
    yield Picture(
        "reliability",
        "Reliability",
        "The share of rows below each stated quantile. Inside the band, which chance explains, "
        "nothing speaks against the model." + cells,
        reliability_figure(scores.pit, names),
    )
    yield Picture(
        "pit",
        "Probability integral transform",
        "Flat when densities are right; a hump tells that they are too wide, raised ends that "
        "they are too narrow, a slope that they lie too high or too low." + cells,
        pit_figure(scores.pit, names),
    )
    yield Picture(
        "coverage",
        "Coverage",
        "How many rows more or less than stated fall into central intervals and into "
        "highest-density regions, at every level." + cells,
        coverage_figure(scores.pit, scores.rank, names),
    )
