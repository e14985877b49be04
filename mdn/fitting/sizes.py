"""Sizes that follow from the number of training rows, where the configuration says `auto`.

Measured on the problems with a known answer from 100 to 10,000 rows: few rows want few components
and small batches, many want deeper networks and as many steps as there is patience for.
"""

import math

_BATCHES = {500: 32, 5_000: 64, 20_000: 128}
"""The rows of a batch, by the most training rows that they suit."""
_LARGEST_BATCH = 256

_ROWS_FOR_DEPTH = 2_500
_SHALLOW, _DEEP = 3, 5

_HELD_OUT = 0.1
_FEWEST_HELD_OUT, _MOST_HELD_OUT = 25, 0.25
"""Ten rows choose an epoch badly: densities are then too narrow, and intervals hold too little."""

_ALIKE = 0.1
"""The variance that other inputs leave of one that they mostly tell."""

_STEPS = 6000
_FEWEST_EPOCHS, _MOST_EPOCHS = 20, 130

_FEWEST_COMPONENTS = 2
_COMPONENTS = {50: 10, 650: 20}
"""The most components, by the rows for each: beyond ten, each needs more rows to be worth it."""


def training_batch_size(rows: int) -> int:
    """Rows of a training batch."""
    return next((batch for most, batch in _BATCHES.items() if rows <= most), _LARGEST_BATCH)


def suitable_components(rows: int) -> int:
    """Return the number of components; too many cost little only where rows are plenty.

    Args:
        rows: of the training table, those of weight zero not counted.
    """
    affordable = (min(most, rows // each) for each, most in _COMPONENTS.items())
    return max(_FEWEST_COMPONENTS, *affordable)


def suitable_val_fraction(rows: float) -> float:
    """Return the share of the rows to hold out: a tenth, or 25 rows, but at most a fourth.

    Args:
        rows: that are to be split.
    """
    return min(_MOST_HELD_OUT, max(_HELD_OUT, _FEWEST_HELD_OUT / max(rows, 1)))


def suitable_depth(rows: int) -> int:
    """Return the number of hidden layers of a backbone.

    Args:
        rows: of the training table, those of weight zero not counted.
    """
    return _DEEP if rows > _ROWS_FOR_DEPTH else _SHALLOW


def suits_principal(least_variance: float) -> bool:
    """Tell whether principal components help: where some inputs are mostly told by others.

    Args:
        least_variance: of the standardized inputs, along any direction.
    """
    return least_variance < _ALIKE


def suitable_epochs(rows: int, batch_size: int, processes: int = 1) -> int:
    """Return the epochs that make enough steps for a network, and too few to overfit few rows.

    Args:
        rows: of the training table.
        batch_size: of one process.
        processes: that take a batch each in a step.
    """
    epochs = round(_STEPS / math.ceil(rows / (batch_size * processes)))
    return min(_MOST_EPOCHS, max(_FEWEST_EPOCHS, epochs))
