"""Compose the configuration of a command from Python."""

from functools import cache
from pathlib import Path

import hydra
from hydra import initialize_config_dir
from omegaconf import DictConfig

from mdn.app.check import checked, group_choices, resolved
from mdn.app.node import Node
from mdn.app.paths import CONF


def compose(command: str, overrides: list[str], run_dir: Path) -> Node:
    """Compose what a command line with these overrides is configured to do, as plain data.

    Raises:
        UserError: as `check` does.
    """
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = resolved(hydra.compose(command, [f"run_dir={run_dir}", *overrides]))
        return checked(config, _of_groups(command, *group_choices(overrides)))


@cache
def _of_groups(command: str, *choices: str) -> DictConfig:
    return hydra.compose(command, list(choices))
