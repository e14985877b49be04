"""Predict a distribution for every row of a file."""

from typing import Any

import hydra
from omegaconf import DictConfig

from mdn.app.command import command
from mdn.app.program import program


@hydra.main(config_path="../conf", config_name="predict", version_base="1.3")
def main(config: DictConfig) -> Any:
    """Run the command."""
    return command("predict", config)


if __name__ == "__main__":
    program("predict", main)
