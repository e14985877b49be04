"""Write a trained model in a format that other programs read."""

from typing import Any

import hydra
from omegaconf import DictConfig

from mdn.app.command import command
from mdn.app.program import program


@hydra.main(config_path="../conf", config_name="export", version_base="1.3")
def main(config: DictConfig) -> Any:
    """Run the command."""
    return command("export", config)


if __name__ == "__main__":
    program("export", main)
