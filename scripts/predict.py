"""Predict a distribution for every row of a file."""

import hydra
from omegaconf import DictConfig

from mdn.app.command_line import run_command
from mdn.app.job import run_job


@hydra.main(config_path="../conf", config_name="predict", version_base="1.3")
def main(config: DictConfig) -> float | None:
    """Run the command."""
    return run_job("predict", config)


if __name__ == "__main__":
    run_command("predict", main)
