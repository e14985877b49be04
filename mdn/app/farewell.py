"""What a stopped training run leaves, and the commands that go on with it."""

import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from mdn.app.interrupts import StopReason
from mdn.app.kept_overrides import repeated_overrides, typed
from mdn.app.paths import SCRIPTS


def farewell(
    reason: StopReason, run_dir: Path, started: float | None, overrides: Sequence[str]
) -> str:
    """Say what a training run that ends early has saved, and how to resume or evaluate it.

    Args:
        reason: why it ends.
        run_dir: its directory.
        started: seconds since the epoch; older checkpoints belong to another run. None where the
            start is unknown.
        overrides: of the run.
    """
    script = Path(sys.argv[0])
    checkpoints = Path(os.path.relpath(run_dir)) / "checkpoints"
    last, best = (_saved(checkpoints / f"{name}.ckpt", started) for name in ("last", "best"))
    resume = [f"ckpt_path={last}", *repeated_overrides(overrides)] if last else typed(overrides)
    saved = bool(last or best)
    if reason.failed and not saved:
        return reason.message
    lines = [reason.message if saved else f"{reason.message}: nothing had been saved yet"]
    if resume and not reason.fit_was_over:
        lines.append(f"go on       {shell_command(script, *resume)}")
    if best:
        label = "evaluate   " if reason.fit_was_over else "best so far"
        lines.append(f"{label} {shell_command(script.with_name('evaluate.py'), f'ckpt={best}')}")
    return "\n".join(lines)


def _saved(path: Path, started: float | None) -> Path | None:
    ours = path.exists() and (started is None or path.stat().st_mtime >= started)
    return path if ours else None


def shell_command(script: Path, *arguments: str) -> str:
    """Return the command line that runs a script, as its user types it."""
    installed = script.parent == SCRIPTS and SCRIPTS.parent.name == "mdn"
    program = ["mdn", script.stem] if installed else ["python", str(script)]
    return shlex.join([*program, *arguments])
