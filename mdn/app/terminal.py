"""Results printed on a terminal: scores, remarks on them, and where the files of a run are."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table as Grid
from rich.text import Text

from mdn.app.keys_in_messages import in_keys
from mdn.app.printable import printable
from mdn.app.run_directory import FIGURES, METRICS_FILE, REPORT_FILE
from mdn.data.splits.comparison import PartSummary
from mdn.data.summary import TableSummary
from mdn.data.summary_text import HEADER, NUMBERS, cells, heading, hidden
from mdn.report.score_tables import ScoreTable

_LABELS = {
    "test/nll": "test NLL, nats per row",
    "test/grid_nll": "  of the cells of rounded targets",
    "test/optimal_nll": "  the best any model can reach",
    "test/excess_nll": "  excess over it",
    "test/marginal_nll": "  one Gaussian that ignores x",
    "test/position_error": "distance from the wanted position",
    "val/nll": "validation NLL",
    "cv/nll": "cross-validated NLL of single networks",
    "cv/grid_nll": "  of the cells of rounded targets",
    "cv/crps": "  CRPS",
    "cv/coverage_90": "  share inside of 90 % intervals",
    "recalibration": "spread multiplied by",
    "spread_refitted": "spreads learned again on rows held out",
    "rare_components": "rare, narrow components added",
    "smoothing": "smoothed by, standard deviations of the target",
    "guard": "guard, probability for rows unlike those of training",
    "fit_seconds": "seconds to fit",
    "epochs": "epochs",
    "epochs_kept": "  of the weights that are kept",
    "converged": "converged",
    "test/components_alive": "components alive",
    "singularity/revived": "components revived",
    "singularity/resets": "components reset",
    "members_own_epochs": "each member at its own best epoch",
}
_FOLDS = "val   each network holds out an eighth of the training rows of its own"

_FEW_TARGETS = 3
"""Targets whose means are printed."""

_WIDE = 200
"""Signs of a line where no terminal would break it."""

_INSTEAD = {"val/nll": "cv/nll"}
"""Scores that are not shown where another is, which tells the same."""

_OUT_OF = {"test/components_alive": "num_components"}
"""Counts, and the totals they are shown with."""


def print_results(metrics: Mapping[str, float], run_dir: Path, remarks: Sequence[str] = ()) -> None:
    """Print a short table of scores, then remarks on them and the files of the run."""
    grid = Grid(show_header=False, box=None, pad_edge=False)
    grid.add_column()
    grid.add_column(justify="right")
    for key, label in _LABELS.items():
        if key in metrics and _INSTEAD.get(key) not in metrics:
            total = f" of {metrics[_OUT_OF[key]]}" if key in _OUT_OF else ""
            style = "bold" if key == "test/nll" else ""
            grid.add_row(label, _readable(metrics[key]) + total, style=style)
    console = _console()
    console.print()
    console.print(grid)
    _print_remarks(console, remarks)
    _print_files(console, run_dir)


def print_summary(
    summary: TableSummary, parts: Mapping[str, PartSummary], cross_fitted: bool = False
) -> None:
    """Print what is known of the columns of a table, remarks on them, and the parts of the rows.

    Args:
        summary: of the training rows.
        parts: the training rows and others, by their names.
        cross_fitted: whether networks hold out training rows of their own.
    """
    console = _console()
    if not console.is_terminal:
        console.width = _WIDE
    console.print(heading(summary), style="bold", markup=False)
    console.print(_columns(summary))
    sizes = [_part(name, parts[name]) for name in ("train", "val", "test") if name in parts]
    for line in filter(None, [hidden(summary), *summary.remarks]):
        console.print(in_keys(printable(line)), markup=False)
    console.print()
    for line in [*sizes, *([_FOLDS] if cross_fitted else []), ""]:
        console.print(printable(line), markup=False)


def _columns(summary: TableSummary) -> Grid:
    grid = Grid(box=None, pad_edge=False, header_style="dim")
    for name in HEADER:
        grid.add_column(name, justify="right" if name in NUMBERS else "left")
    for row in cells(summary):
        grid.add_row(*(Text(cell) for cell in row))
    return grid


def _part(name: str, part: PartSummary) -> str:
    """Return a line on the rows of a part, and the means of its first targets."""
    means = [
        f"{target} {mean:.4g} (standard deviation {part.stds[target]:.3g})"
        for target, mean in part.means.items()
    ]
    shown = means[:_FEW_TARGETS] + (["..."] if len(means) > _FEW_TARGETS else [])
    return f"{name:<6}{part.rows:,} rows, mean {', '.join(shown)}"


def print_evaluation(
    tables: Sequence[ScoreTable], run_dir: Path, remarks: Sequence[str] = ()
) -> None:
    """Print all scores, then remarks on them and the files of the evaluation."""
    console = _console()
    for table in tables:
        console.print()
        console.print(printable(table.title), style="bold", markup=False)
        console.print(_grid(table))
        if table.note:
            console.print(printable(table.note), style="dim", markup=False)
    _print_remarks(console, remarks)
    _print_files(console, run_dir)


def _print_remarks(console: Console, remarks: Sequence[str]) -> None:
    if remarks:
        console.print()
    for remark in remarks:
        console.print(in_keys(printable(remark)), style="bold", markup=False)


def _grid(table: ScoreTable) -> Grid:
    # Column names are data: rich takes no markup from Text.
    grid = Grid(box=None, pad_edge=False, show_header=any(table.columns))
    grid.add_column()
    for name in table.columns:
        grid.add_column(Text(printable(name)), justify="right", overflow="fold")
    for label, numbers in table.rows:
        grid.add_row(label, *numbers)
    return grid


def _console() -> Console:
    return Console(soft_wrap=True, highlight=False)


def _print_files(console: Console, run_dir: Path) -> None:
    console.print()
    for label, path in _files(run_dir).items():
        console.print(f"{label:<12}{path}", markup=False)


def _files(run_dir: Path) -> dict[str, str]:
    shown = Path(os.path.relpath(run_dir))
    paths = {
        "checkpoint": shown / "checkpoints" / "best.ckpt",
        "report": shown / REPORT_FILE,
        "figures": shown / FIGURES,
        "metrics": shown / METRICS_FILE,
    }
    present = {label: str(path) for label, path in paths.items() if path.exists()}
    logged = any(run_dir.glob("events.out.tfevents*"))
    return present | ({"look at it": f"tensorboard --logdir {shown}"} if logged else {})


def _readable(value: float) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value) if isinstance(value, int) else f"{value:.4f}"
