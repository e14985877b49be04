"""When and where a job began."""

from pathlib import Path

from hydra.core.hydra_config import HydraConfig


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
