"""How good predicted densities are: functions of (mixture, y), one number a row.

`running` holds them over batches and processes, and is imported on its own: it needs torchmetrics.
"""

from mdn.metrics import transformed as transformed  # registers its kind of mixture
from mdn.metrics.calibration import (
    LEVELS,
    calibration_error,
    central_coverage,
    density_rank,
    histogram,
    interval_width,
    ks_distance,
    pit,
    region_coverage,
    region_size,
    rosenblatt,
    sharpness,
)
from mdn.metrics.cells import Cells, drawn_in_cells
from mdn.metrics.log_scores import (
    gain,
    grid_nll,
    marginal_gaussian,
    nll,
    nll_bits,
    target_nll,
)
from mdn.metrics.scores import (
    POINTS,
    absolute_error,
    crps,
    energy_score,
    pinball,
    point_prediction,
    squared_error,
)
from mdn.metrics.uniformity import PitDistance, ks_critical, pit_distance

__all__ = [
    "LEVELS",
    "POINTS",
    "Cells",
    "PitDistance",
    "absolute_error",
    "calibration_error",
    "central_coverage",
    "crps",
    "density_rank",
    "drawn_in_cells",
    "energy_score",
    "gain",
    "grid_nll",
    "histogram",
    "interval_width",
    "ks_critical",
    "ks_distance",
    "marginal_gaussian",
    "nll",
    "nll_bits",
    "pinball",
    "pit",
    "pit_distance",
    "point_prediction",
    "region_coverage",
    "region_size",
    "rosenblatt",
    "sharpness",
    "squared_error",
    "target_nll",
]
