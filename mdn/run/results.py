"""What a run says at its end: scores beside what they are held against, and where things lie."""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jaxtyping import Float
from rich.console import Console
from rich.table import Table as Grid
from rich.text import Text
from torch import Tensor

from mdn.data.synthetic import Problem
from mdn.data.table import Table
from mdn.mixture_module import MixtureModule
from mdn.report.tables import ScoreTable
from mdn.run.files import FIGURES, METRICS_FILE, REPORT_FILE


def reference_scores(
    module: MixtureModule, table: Table, problem: Problem | None, nll: float
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
    "converged": "converged",
    "singularity/revived": "components revived",
    "singularity/resets": "components restarted",
}


def print_results(metrics: dict[str, Any], run_dir: Path) -> None:
    """A short table of the scores, and where checkpoint, figures and TensorBoard log are."""
    grid = Grid(show_header=False, box=None, pad_edge=False)
    grid.add_column()
    grid.add_column(justify="right")
    for key, label in _ROWS.items():
        if key in metrics:
            grid.add_row(label, _readable(metrics[key]), style="bold" if key == "test/nll" else "")
    console = _console()
    console.print()
    console.print(grid)
    _print_places(console, run_dir)


def print_evaluation(tables: Sequence[ScoreTable], run_dir: Path) -> None:
    """All scores, and where the report is."""
    console = _console()
    for table in tables:
        console.print()
        console.print(table.title, style="bold", markup=False)
        console.print(_grid(table))
        if table.note:
            console.print(table.note, style="dim", markup=False)
    _print_places(console, run_dir)


def _grid(table: ScoreTable) -> Grid:
    # Column names are data: as Text they are no markup.
    grid = Grid(box=None, pad_edge=False, show_header=any(table.columns))
    grid.add_column()
    for name in table.columns:
        grid.add_column(Text(name), justify="right", overflow="fold")
    for label, cells in table.rows:
        grid.add_row(label, *cells)
    return grid


def _console() -> Console:
    return Console(soft_wrap=True, highlight=False)


def _print_places(console: Console, run_dir: Path) -> None:
    console.print()
    for label, place in _places(run_dir).items():
        console.print(f"{label:<12}{place}", markup=False)


def _places(run_dir: Path) -> dict[str, str]:
    shown = Path(os.path.relpath(run_dir))
    places = {
        "checkpoint": shown / "checkpoints" / "best.ckpt",
        "report": shown / REPORT_FILE,
        "figures": shown / FIGURES,
        "metrics": shown / METRICS_FILE,
    }
    there = {label: str(place) for label, place in places.items() if place.exists()}
    logged = any(run_dir.glob("events.out.tfevents*"))
    return there | ({"look at it": f"tensorboard --logdir {shown}"} if logged else {})


def _readable(value: float) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value) if isinstance(value, int) else f"{value:.4f}"
