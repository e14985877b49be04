"""What a job that ends early leaves in its directory, and what of it is removed."""

import os
from contextlib import suppress
from pathlib import Path

from hydra.core.hydra_config import HydraConfig

from mdn.app.run_directory import CONFIG_FILE


def output_dir() -> Path:
    """Return the directory of this job."""
    return Path(HydraConfig.get().runtime.output_dir)


def start_time() -> float | None:
    """Return when this job began, in seconds since the epoch; None where that is not known."""
    # Hydra writes the configuration first: older files belong to an earlier run.
    subdir = HydraConfig.get().output_subdir
    if subdir is None:
        return None
    written = output_dir() / subdir / "config.yaml"
    return written.stat().st_mtime if written.exists() else None


def remove_leftovers() -> None:
    """Remove the files of a job that has saved nothing, and the directories that are then empty."""
    # Files of others may be in the same directory: only files of this run are removed.
    run_dir, started = output_dir(), start_time()
    if started is None or any(run_dir.glob("checkpoints/*")):
        return
    for path in [path for pattern in _written_files() for path in run_dir.glob(pattern)]:
        if path.stat().st_mtime >= started - 1:
            path.unlink()
    for folder in (run_dir / ".hydra", run_dir / "checkpoints", run_dir / "figures", run_dir):
        with suppress(OSError):
            folder.rmdir()


def _written_files() -> list[str]:
    # What this process writes before there is a checkpoint.
    hydra = [f".hydra/{name}.yaml" for name in ("config", "hydra", "overrides")]
    log = f"events.out.tfevents.*.{os.getpid()}.*"
    return [f"{HydraConfig.get().job.name}.log", log, "hparams.yaml", CONFIG_FILE, *hydra]
