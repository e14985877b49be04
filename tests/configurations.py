"""Files of the configuration, with what they inherit from one another."""

from pathlib import Path
from typing import Any

import yaml
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

CONF = Path(__file__).parents[1] / "conf"


def composed(path: Path) -> dict[str, Any]:
    """The node that a file of a group makes, its interpolations as they are written."""
    text = path.read_text()
    if path.parent == CONF or "@package _global_" in text:  # more than a node
        return yaml.safe_load(text) or {}
    group, name = path.parent.name, path.stem
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = OmegaConf.to_container(compose("train", [f"{group}={name}"]), resolve=False)
    assert isinstance(config, dict)
    return config.get(group, {})
