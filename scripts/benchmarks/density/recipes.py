"""Runs of this project: the default recipe, and one Gaussian tuned on the validation rows."""

import json
import warnings
from contextlib import redirect_stdout
from io import StringIO
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.density.split import Split
from mdn.app.run_directory import METRICS_FILE
from mdn.app.train import train

Metrics = dict[str, float]

WIDTHS = (32, 128)
RATES = (3e-3, 1e-2)
DECAYS = (1e-2, 0.3, 10.0)
"""The grid of the tuned Gaussian network; the strongest decay is meant for a hundred rows."""

_QUIET = ["~callbacks.progress", "callbacks.density_plot.enabled=false"]
_GAUSSIAN = [
    "family=full",
    "model.num_components=1",
    "model.ensemble_size=1",
    "model.backbone.depth=2",
]


def default_nll(split: Split) -> float:
    """Return the test NLL of the default recipe."""
    return run(split, [])["test/nll"]


def gaussian_nll(split: Split) -> float:
    """Return the test NLL of the Gaussian network that is best on the validation rows."""
    tried = [run(split, _GAUSSIAN + choice) for choice in grid()]
    return min(tried, key=lambda metrics: metrics["val/nll"])["test/nll"]


def grid() -> list[list[str]]:
    """Return the overrides of each candidate for the Gaussian network."""
    return [
        [f"model.backbone.width={width}", f"optimizer.lr={rate}", f"optimizer.weight_decay={decay}"]
        for width, rate, decay in product(WIDTHS, RATES, DECAYS)
    ]


def run(split: Split, overrides: list[str]) -> Metrics:
    """Return the metrics of a training run."""
    # The log may still be written to when the run has ended.
    with (
        TemporaryDirectory(ignore_cleanup_errors=True) as folder,
        warnings.catch_warnings(),
        redirect_stdout(StringIO()),
    ):
        warnings.filterwarnings("ignore", "target '.*", UserWarning)  # values that repeat
        train(split.configure([*_QUIET, *overrides], Path(folder)))
        return json.loads((Path(folder) / METRICS_FILE).read_text())
