"""Train a mixture density network; --help shows what can be set."""

from typing import Any

import hydra
from omegaconf import DictConfig

from mdn.app.command import command
from mdn.app.program import program


@hydra.main(config_path="../conf", config_name="train", version_base="1.3")
def main(config: DictConfig) -> Any:
    """Run the command."""
    return command("train", config)


if __name__ == "__main__":
    program("train", main)
