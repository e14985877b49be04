"""The configuration of a command, for programs that are none."""

from pathlib import Path
from typing import Any

import hydra
from hydra import initialize_config_dir

from mdn.run.check import resolved
from mdn.run.targets import check_targets

CONF = Path(__file__).parents[2] / "conf"


def compose(command: str, overrides: list[str], run_dir: Path) -> dict[str, Any]:
    """What a command line with these overrides is configured to do, as plain data."""
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = resolved(hydra.compose(command, [f"run_dir={run_dir}", *overrides]))
    check_targets(config)
    return config
