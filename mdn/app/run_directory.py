"""The files that a run leaves in its directory."""

import json
from collections.abc import Mapping
from pathlib import Path

from omegaconf import OmegaConf

from mdn.data.unfinished_files import sweep
from mdn.data.write import make_folder, write_text

METRICS_FILE = "metrics.json"
CONFIG_FILE = "config.yaml"
COLUMNS_FILE = "columns.json"
ERROR_FILE = "error.txt"
SWEEP_FILE = "sweep.csv"
REGRET_FILE = "regret.csv"
FIGURES = "figures"
REPORT_FILE = "report.html"


def write_metrics(metrics: Mapping[str, float], run_dir: Path) -> None:
    """Write `metrics.json`, one flat object, whole or not at all."""
    write_text(metrics_text(metrics), run_dir / METRICS_FILE)


def metrics_text(metrics: Mapping[str, float]) -> str:
    """Return the text of `metrics.json`."""
    return json.dumps(dict(metrics), indent=2) + "\n"


def write_columns(columns: Mapping[str, object], run_dir: Path) -> None:
    """Write `columns.json`: what was found in each column, and what is done with it."""
    text = json.dumps(dict(columns), indent=2, ensure_ascii=False)
    make_folder(run_dir)
    write_text(text + "\n", run_dir / COLUMNS_FILE)


def remove_unfinished(run_dir: Path) -> None:
    """Remove what dead programs have not finished writing in the folders of a run."""
    figures = run_dir / FIGURES
    for folder in (
        run_dir,
        run_dir / ".hydra",
        run_dir / "checkpoints",
        figures,
        figures / "frames",
    ):
        sweep(folder)


def trained_in(ckpt: Path) -> Path:
    """Return the directory of the run that wrote a checkpoint."""
    return ckpt.absolute().parent.parent


def read_fit_facts(run_dir: Path) -> dict[str, object]:
    """Read what training wrote about its fit, without test scores; nothing if it is damaged."""
    try:
        metrics = json.loads((run_dir / METRICS_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    known = metrics if isinstance(metrics, dict) else {}
    return {key: value for key, value in known.items() if not key.startswith("test/")}


def write_config(config: Mapping[str, object], run_dir: Path) -> None:
    """Write `config.yaml`: what a run does, with every size a number and every path followed."""
    escaped = {key: _escaped(value) for key, value in config.items()}
    write_text(OmegaConf.to_yaml(OmegaConf.create(escaped)), run_dir / CONFIG_FILE)


def _escaped(node: object) -> object:
    # Interpolations are resolved by now: a `${` that is left belongs to the name of a column.
    if isinstance(node, dict):
        return {key: _escaped(value) for key, value in node.items()}
    if isinstance(node, list):
        return [_escaped(value) for value in node]
    return node.replace("${", "\\${") if isinstance(node, str) else node
