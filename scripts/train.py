"""Train a mixture density network; --help shows what can be set."""

import hydra
from omegaconf import DictConfig

from mdn.app.command_line import run_command
from mdn.app.job import run_job


@hydra.main(config_path="../conf", config_name="train", version_base="1.3")
def main(config: DictConfig) -> float | None:
    """Run the command."""
    return run_job("train", config)


if __name__ == "__main__":
    run_command("train", main)
