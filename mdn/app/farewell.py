"""What a stopped training run leaves, and the commands that go on with it."""

import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from mdn.app.interrupts import StopReason
from mdn.app.kept_overrides import going_on, is_flag
from mdn.app.paths import SCRIPTS
from mdn.app.run_directory import METRICS_FILE


def farewell(
    reason: StopReason, run_dir: Path, started: float | None, overrides: Sequence[str]
) -> str:
    """Say why a training run ends early, what it has saved, and how to resume or evaluate it.

    Args:
        reason: why it ends.
        run_dir: its directory.
        started: seconds since the epoch; older checkpoints belong to another run. None where the
            start is unknown.
        overrides: of the run.
    """
    lines = what_to_do(reason, run_dir, started, overrides)
    nothing = (
        "" if reason.failed or _any_saved(run_dir, started) else ": nothing had been saved yet"
    )
    return "\n".join([f"{reason.line}{nothing}", *lines])


def what_to_do(
    reason: StopReason, run_dir: Path, started: float | None, overrides: Sequence[str]
) -> list[str]:
    """Return the lines that resume or evaluate a run; its arguments are those of `farewell`."""
    script = Path(sys.argv[0])
    last, best = (_saved(run_dir, name, started) for name in ("last", "best"))
    if reason.failed and not (last or best):
        return []
    resume = going_on(last, overrides)
    lines = []
    if resume and not _is_newer(run_dir / METRICS_FILE, started):  # which are written last
        lines.append(f"go on       {_modules(resume)}{shell_command(script, *resume)}")
    if best:
        label = "evaluate   " if reason.fit_was_over else "best so far"
        lines.append(f"{label} {shell_command(script.with_name('evaluate.py'), f'ckpt={best}')}")
    return lines


def _any_saved(run_dir: Path, started: float | None) -> bool:
    return any(_saved(run_dir, name, started) for name in ("last", "best"))


def _saved(run_dir: Path, name: str, started: float | None) -> Path | None:
    path = Path(os.path.relpath(run_dir)) / "checkpoints" / f"{name}.ckpt"
    return path if _is_newer(path, started) else None


def _is_newer(path: Path, started: float | None) -> bool:
    return path.exists() and (started is None or path.stat().st_mtime >= started)


def _modules(resume: Sequence[str]) -> str:
    """Return the path of the user's own modules, where a class in them has to be named again."""
    path = os.environ.get("PYTHONPATH")
    own = any(is_flag(each) or "_target_" in each for each in resume)
    return f"PYTHONPATH={shlex.quote(path)} " if path and own else ""


def shell_command(script: Path, *arguments: str) -> str:
    """Return the command line that runs a script, as its user types it."""
    installed = script.parent == SCRIPTS and SCRIPTS.parent.name == "mdn"
    program = ["mdn", script.stem] if installed else [*_launcher(script), str(script)]
    return shlex.join([*program, *arguments])


def _launcher(script: Path) -> list[str]:
    processes = os.environ.get("LOCAL_WORLD_SIZE")
    by_torchrun = "TORCHELASTIC_RUN_ID" in os.environ and script.stem == "train"
    return ["torchrun", f"--nproc_per_node={processes}"] if by_torchrun else ["python"]
