"""What a run says at its end: scores beside what they are held against, and where things lie."""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from hydra.utils import instantiate
from jaxtyping import Float
from omegaconf import OmegaConf
from rich.console import Console
from rich.table import Table as Grid
from rich.text import Text
from torch import Tensor

from mdn.app.files import CONFIG_FILE, FIGURES, METRICS_FILE, REPORT_FILE
from mdn.app.places import CONF
from mdn.data.synthetic import Problem, RobotArm
from mdn.data.table import Table
from mdn.data.write import write_text
from mdn.fitting.singularity import Thresholds, find_dead, tally
from mdn.model.model import Model
from mdn.report.names import printable
from mdn.report.tables import ScoreTable
from mdn.training.callbacks.evaluating import evaluating
from mdn.training.datamodule import EVALUATION_BATCH

_RESET = CONF / "callbacks" / "singularity_reset.yaml"


def reference_scores(
    model: Model, table: Table, problem: Problem | None, nll: float
) -> dict[str, float]:
    """What a Gaussian that ignores x reaches on these rows, and the optimum where it is known.

    And what is judged without a likelihood: components alive, and where predictions bring an arm.
    """
    marginal = model.marginal.log_prob(table.y)
    scores = {"test/marginal_nll": _mean_nll(marginal, table.weight)}
    exact = None if problem is None else problem.log_prob(table.x, table.y)
    if exact is not None:
        optimal = _mean_nll(exact, table.weight)
        scores |= {"test/optimal_nll": optimal, "test/excess_nll": nll - optimal}
    if isinstance(problem, RobotArm):
        scores["test/position_error"] = _position_error(model, table, problem)
    return scores | {"test/components_alive": components_alive(model, table)}


def components_alive(model: Model, table: Table) -> int:
    """How many components answer for so many rows that the default reset takes none for dead.

    Whatever a run's own reset does: the count is to mean the same in all runs.
    """
    weight = torch.ones(len(table)).double() if table.weight is None else table.weight
    chunks = zip(*(v.split(EVALUATION_BATCH) for v in (table.x, table.y, weight)), strict=True)
    sums = []
    with evaluating(model):
        for x, y, share in chunks:
            mixture, y = model.standardized(x.to(model.device), y.to(model.device))
            sums.append(tally(mixture.expand(len(x)), y, share.to(y), 0.0))
    return int((~find_dead(torch.stack(sums).sum(0), _default_thresholds())).sum())


def _default_thresholds() -> Thresholds:
    return instantiate(OmegaConf.select(OmegaConf.load(_RESET), "singularity_reset.thresholds"))


def _position_error(model: Model, table: Table, problem: RobotArm) -> float:
    """The mean distance from the wanted position that the likeliest component's mean leaves."""
    with evaluating(model):
        _, angles = model(table.x.to(model.device)).most_likely()
    return problem.position_error(table.x, angles.cpu()).mean().item()


def _mean_nll(log_prob: Float[Tensor, " N"], weight: Float[Tensor, " N"] | None) -> float:
    if weight is None:
        return -log_prob.mean().item()
    return -((weight * log_prob).sum() / weight.sum()).item()


def write_metrics(metrics: dict[str, Any], run_dir: Path) -> None:
    """Write `metrics.json`, one flat object, whole or not at all."""
    write_text(json.dumps(metrics, indent=2) + "\n", run_dir / METRICS_FILE)


def write_config(config: dict[str, Any], run_dir: Path) -> None:
    """Write `config.yaml`: what this run does, every size a number and every path followed."""
    write_text(OmegaConf.to_yaml(OmegaConf.create(_escaped(config))), run_dir / CONFIG_FILE)


def _escaped(node: Any) -> Any:
    """Every path is followed: a `${` that is left is a part of a name."""
    if isinstance(node, dict):
        return {key: _escaped(value) for key, value in node.items()}
    if isinstance(node, list):
        return [_escaped(value) for value in node]
    return node.replace("${", "\\${") if isinstance(node, str) else node


_ROWS = {
    "test/nll": "test NLL, nats per row",
    "test/grid_nll": "  of the cells of rounded targets",
    "test/optimal_nll": "  the best any model can reach",
    "test/excess_nll": "  excess over it",
    "test/marginal_nll": "  one Gaussian that ignores x",
    "test/position_error": "distance from the wanted position",
    "val/nll": "validation NLL",
    "recalibration": "spread multiplied by",
    "fit_seconds": "seconds to fit",
    "epochs": "epochs",
    "converged": "converged",
    "test/components_alive": "components alive",
    "singularity/revived": "components revived",
    "singularity/resets": "components reset",
    "members_own_epochs": "each member at its own best epoch",
}
_OUT_OF = {"test/components_alive": "num_components"}
"""Counts, and what they are counted among."""


def print_results(metrics: dict[str, Any], run_dir: Path, said: Sequence[str] = ()) -> None:
    """Print a short table of the scores, what must be said of them, and where the files are."""
    grid = Grid(show_header=False, box=None, pad_edge=False)
    grid.add_column()
    grid.add_column(justify="right")
    for key, label in _ROWS.items():
        if key in metrics:
            among = f" of {metrics[_OUT_OF[key]]}" if key in _OUT_OF else ""
            shown = _readable(metrics[key]) + among
            grid.add_row(label, shown, style="bold" if key == "test/nll" else "")
    console = _console()
    console.print()
    console.print(grid)
    _print_remarks(console, said)
    _print_places(console, run_dir)


def print_evaluation(tables: Sequence[ScoreTable], run_dir: Path, said: Sequence[str] = ()) -> None:
    """All scores, what must be said of them, and where the report is."""
    console = _console()
    for table in tables:
        console.print()
        console.print(printable(table.title), style="bold", markup=False)
        console.print(_grid(table))
        if table.note:
            console.print(printable(table.note), style="dim", markup=False)
    _print_remarks(console, said)
    _print_places(console, run_dir)


def _print_remarks(console: Console, said: Sequence[str]) -> None:
    if said:
        console.print()
    for sentence in said:
        console.print(sentence, style="bold", markup=False)


def _grid(table: ScoreTable) -> Grid:
    # Column names are data: as Text they are no markup.
    grid = Grid(box=None, pad_edge=False, show_header=any(table.columns))
    grid.add_column()
    for name in table.columns:
        grid.add_column(Text(printable(name)), justify="right", overflow="fold")
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
