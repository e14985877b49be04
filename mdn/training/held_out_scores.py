"""What rows that were not learned from are scored by: a density, or cells of rounded targets."""

from functools import partial

import torch
from jaxtyping import Float, Float64
from torch import Tensor

from mdn.data.table import Table
from mdn.distributions.mixture import GaussianMixture
from mdn.metrics import grid_nll
from mdn.model.model import Model
from mdn.training.candidates import LogProb, observed_log_prob


def scored_by(
    model: Model, table: Table, dtype: torch.dtype = torch.float64
) -> tuple[Table, LogProb]:
    """Return the rows that can be scored, and how to score standardized targets.

    Rounded targets are scored by their cells; the density would reward narrow spikes.

    Args:
        model: a trained one.
        table: rows of `TableModule.val_table`.
        dtype: that probabilities of cells are computed in.
    """
    step = _steps(model, table)
    if step is None:
        return table, observed_log_prob
    return table.whole(), partial(_grid_log_prob, step=step.to(dtype))


def _steps(model: Model, table: Table) -> Float64[Tensor, " D"] | None:
    """The steps of rounded targets, standardized; None where there are none."""
    seen = model.card.grid
    steps = table.profile.rounded_targets if seen is None else seen
    if not steps or model.targets.transforms or not len(table.whole()):
        return None
    step = torch.tensor([steps.get(name, 0.0) for name in table.target_names], dtype=torch.float64)
    return step / model.targets.factor.cpu()


def _grid_log_prob(
    mixture: GaussianMixture, y: Float[Tensor, "*rows D"], step: Float[Tensor, " D"]
) -> Float[Tensor, "*out"]:
    return -grid_nll(mixture, y, step)
