"""Whether a model is better than none."""

import warnings

import torch

from mdn.data.table import Table
from mdn.model.model import Model
from mdn.training.held_out import predicted

_MOST_NATS_LOST = 1.0
"""A model may lose so much to one Gaussian before it is said: short fits lose a little."""

_FEWEST_ROWS = 10
"""Rows that can tell."""


@torch.no_grad()
def warn_if_useless(model: Model, held_out: Table) -> None:
    """Say where a model is far worse than one Gaussian that ignores the inputs.

    Args:
        model: a trained one.
        held_out: rows of `TableModule.val_table`.
    """
    mixtures, marginal = predicted(model, held_out).mixture, model.marginal
    losses = marginal.observed_log_prob(held_out.y) - mixtures.observed_log_prob(held_out.y)
    weight = torch.ones_like(losses) if held_out.weight is None else held_out.weight
    lost = (weight @ losses / weight.sum()).item()
    if len(held_out) >= _FEWEST_ROWS and not lost <= _MOST_NATS_LOST:  # nor is it NaN
        warnings.warn(
            f"the model is worse than one Gaussian that ignores the inputs, by {lost:.3g} nats per "
            f"row on {len(held_out)} rows held back; do not use it: give it more rows, train it "
            "longer, or choose fewer components or another family",
            stacklevel=3,
        )
