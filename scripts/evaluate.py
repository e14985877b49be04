"""Evaluate a checkpoint on its run's test rows or on a file."""

import sys
from typing import Any

import hydra
from omegaconf import DictConfig

from mdn.run.choices import check_choices
from mdn.run.command import command


@hydra.main(config_path="../conf", config_name="evaluate", version_base="1.3")
def main(config: DictConfig) -> Any:
    """Run the command."""
    return command("evaluate", config)


if __name__ == "__main__":
    check_choices(sys.argv[1:])
    main()
