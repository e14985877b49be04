"""Write a trained model in a format that other programs read."""

import hydra
from omegaconf import DictConfig

from mdn.app.command_line import run_command
from mdn.app.job import run_job


@hydra.main(config_path="../conf", config_name="export", version_base="1.3")
def main(config: DictConfig) -> float | None:
    """Run the command."""
    return run_job("export", config)


if __name__ == "__main__":
    run_command("export", main)
