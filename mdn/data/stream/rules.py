"""What is done with streamed rows as with rows in memory."""

from dataclasses import replace

import torch

from mdn.data.extremes import without_extremes
from mdn.data.rounding import cell_widths, dequantized, spread
from mdn.data.stream.streamed_table import Noise, StreamedTable


@without_extremes.register
def _without_extremes(train: StreamedTable) -> StreamedTable:
    return train.within(train.profile.targets) if _any_outside(train) else train


@dequantized.register
def _dequantized(table: StreamedTable, generator: torch.Generator) -> StreamedTable:
    noise = Noise(cell_widths(table.profile), generator.initial_seed())
    return replace(table, noise=noise, sample=spread(table.sample, noise.widths, generator))


def _any_outside(table: StreamedTable) -> bool:
    """Tell whether any of the rows may have a target that is far out or beyond the limit."""
    targets = table.profile.targets
    ends = torch.stack([targets.low, targets.high])
    return bool(targets.far) or bool(targets.beyond(ends).any())
