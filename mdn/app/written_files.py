"""The names of all files that commands leave in their directories.

A command overwrites and removes only what it has written itself, and nobody can see who has written
a file. So it begins only where none of these names is taken. Whatever has one of them at its end is
its own.
"""

import os
import socket
from collections.abc import Sequence
from glob import escape
from pathlib import Path

from mdn.app.run_directory import (
    COLUMNS_FILE,
    CONFIG_FILE,
    FIGURES,
    METRICS_FILE,
    REGRET_FILE,
    REPORT_FILE,
    SWEEP_FILE,
)

CHECKPOINTS = ("checkpoints/*.ckpt",)
RESULTS = (METRICS_FILE, REPORT_FILE)
SETTINGS = (".hydra/config.yaml", ".hydra/hydra.yaml", ".hydra/overrides.yaml")
"""What Hydra writes before a job begins."""

JOBS = ("*/.hydra",)
"""Folders of jobs in the directory of a sweep."""

_PICTURES = (
    *("density", "slices", "partial_dependence_[0-9]", "component_usage"),
    *("reliability", "pit", "coverage"),
)

WRITTEN = {
    "train": (
        *(CONFIG_FILE, COLUMNS_FILE, METRICS_FILE),
        *(f"{FIGURES}/density.png", f"{FIGURES}/density_epoch_[0-9]*.png"),
        *(f"{FIGURES}/fit.gif", f"{FIGURES}/frames/[0-9]*.png"),
    ),
    "evaluate": (
        *RESULTS,
        *(f"{FIGURES}/{name}.{ending}" for name in _PICTURES for ending in ("svg", "png")),
    ),
    "sweep": ("multirun.yaml", SWEEP_FILE, REGRET_FILE),
}
"""What a command writes, besides checkpoints, settings and logs."""

SAVED = {
    "train": (*CHECKPOINTS, *RESULTS),
    "evaluate": (*CHECKPOINTS, *RESULTS),
    "sweep": ("*/",),
}
"""What nobody wants to lose of it."""

EVALUATION_LOG = ".evaluation"
"""The end of the names of an evaluation's logs, by which they are told from others."""


def there(directory: Path, patterns: Sequence[str]) -> list[Path]:
    """Return what a directory holds under some names."""
    return [path for pattern in patterns for path in sorted(directory.glob(pattern))]


def logs(directory: Path, process: int | None = None, machine: str | None = None) -> list[Path]:
    """Return the TensorBoard logs that a process has written; by default this one."""
    host, number = escape(machine or socket.gethostname()), process or os.getpid()
    return there(directory, [f"events.out.tfevents.*.{host}.{number}.*"])


def evaluation_logs(directory: Path) -> list[Path]:
    """Return the TensorBoard logs of evaluations."""
    return there(directory, [f"events.out.tfevents.*{EVALUATION_LOG}"])
