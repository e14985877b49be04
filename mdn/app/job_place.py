"""When and where a job began."""

from pathlib import Path

from hydra.core.hydra_config import HydraConfig

from mdn.app.claims import CLAIMS


def output_dir() -> Path:
    """Return the directory of this job."""
    return Path(HydraConfig.get().runtime.output_dir)


def start_time() -> float | None:
    """Return when this job began, in seconds since the epoch; None where that is not known.

    Older files belong to an earlier run, or are what this one goes on with.
    """
    claim = CLAIMS.of(output_dir())
    return None if claim is None else claim.began
