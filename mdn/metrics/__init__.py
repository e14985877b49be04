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

__all__ = [
    "LEVELS",
    "POINTS",
    "absolute_error",
    "calibration_error",
    "central_coverage",
    "crps",
    "density_rank",
    "energy_score",
    "gain",
    "grid_nll",
    "histogram",
    "interval_width",
    "ks_distance",
    "marginal_gaussian",
    "nll",
    "nll_bits",
    "pinball",
    "pit",
    "point_prediction",
    "region_coverage",
    "region_size",
    "rosenblatt",
    "sharpness",
    "squared_error",
    "target_nll",
]
