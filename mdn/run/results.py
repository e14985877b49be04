"""What a run says at its end: scores beside what they are held against, and where things lie."""

import json
import os
from pathlib import Path
from typing import Any

from jaxtyping import Float
from rich.console import Console
from rich.table import Table as Grid
from torch import Tensor

from mdn.data.synthetic import Problem
from mdn.data.table import Table
from mdn.module import MDNModule
from mdn.run.files import METRICS_FILE


def reference_scores(
    module: MDNModule, table: Table, problem: Problem | None, nll: float
) -> dict[str, float]:
    """What a Gaussian that ignores x reaches on these rows and, where it is known, the optimum."""
    marginal = module.marginal.log_prob(table.y)
    scores = {"test/marginal_nll": _mean_nll(marginal, table.weight)}
    exact = None if problem is None else problem.log_prob(table.x, table.y)
    if exact is not None:
        optimal = _mean_nll(exact, table.weight)
        scores |= {"test/optimal_nll": optimal, "test/excess_nll": nll - optimal}
    return scores


def _mean_nll(log_prob: Float[Tensor, " N"], weight: Float[Tensor, " N"] | None) -> float:
    if weight is None:
        return -log_prob.mean().item()
    return -((weight * log_prob).sum() / weight.sum()).item()


def write_metrics(metrics: dict[str, Any], run_dir: Path) -> None:
    """Write `metrics.json`, one flat object, whole or not at all."""
    target = run_dir / METRICS_FILE
    beside = target.with_suffix(".tmp")
    beside.write_text(json.dumps(metrics, indent=2) + "\n")
    os.replace(beside, target)


_ROWS = {
    "test/nll": "test NLL, nats per row",
    "test/optimal_nll": "  the best any model can reach",
    "test/excess_nll": "  excess over it",
    "test/marginal_nll": "  one Gaussian that ignores x",
    "val/nll": "validation NLL",
    "fit_seconds": "seconds to fit",
    "epochs": "epochs",
}


def print_results(metrics: dict[str, Any], run_dir: Path) -> None:
    """A table of the scores, and where checkpoint, figures and TensorBoard log are."""
    grid = Grid(show_header=False, box=None, pad_edge=False)
    grid.add_column()
    grid.add_column(justify="right")
    for key, label in _ROWS.items():
        if key in metrics:
            grid.add_row(label, _readable(metrics[key]), style="bold" if key == "test/nll" else "")
    console = Console(soft_wrap=True, highlight=False)
    console.print()
    console.print(grid)
    console.print()
    for label, place in _places(run_dir).items():
        console.print(f"{label:<12}{place}", markup=False)


def _places(run_dir: Path) -> dict[str, str]:
    shown = Path(os.path.relpath(run_dir))
    places = {
        "checkpoint": shown / "checkpoints" / "best.ckpt",
        "figures": shown / "figures",
        "metrics": shown / METRICS_FILE,
    }
    there = {label: str(place) for label, place in places.items() if place.exists()}
    return there | {"look at it": f"tensorboard --logdir {shown}"}


def _readable(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value:.4f}"
