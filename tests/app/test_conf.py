"""Every configuration composes, and each node names exactly what its constructor takes."""

import inspect

import pytest
from configurations import CONF, composed
from hydra import compose, initialize_config_dir
from hydra.utils import get_object
from omegaconf import OmegaConf

FILES = sorted(CONF.rglob("*.yaml"))
GROUPS = [
    "family",
    "model",
    "objective",
    "regularizer",
    "data",
    "optimizer",
    "schedule",
    "trainer",
    "callbacks",
    "experiment",
]
VARIANTS = [file.stem for file in FILES if "defaults:" in file.read_text()]
"""Files that change what they inherit."""

CHOICES = [f"{p.parent.name}={p.stem}" for p in FILES if p.parent.name in GROUPS]


def nodes(node):
    """Every mapping below a node that names a target."""
    if isinstance(node, dict):
        if "_target_" in node:
            yield node
        for value in node.values():
            yield from nodes(value)


@pytest.mark.parametrize("choice", CHOICES)
def test_every_choice_composes(choice):
    group = choice.split("=")[0]
    if group == "callbacks" and choice not in ("callbacks=default", "callbacks=none"):
        choice = f"+{choice.replace('=', '@extra=')}"
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose("train", [choice])
    assert config.monitor == "val/nll"


@pytest.mark.parametrize("command", ["train", "evaluate", "predict", "export"])
def test_every_command_composes(command):
    with initialize_config_dir(str(CONF), version_base="1.3"):
        assert compose(command)


@pytest.mark.parametrize("file", FILES, ids=lambda path: str(path.relative_to(CONF)))
def test_keys_are_the_constructors_parameters(file):
    for node in nodes(composed(file)):
        if not node["_target_"].startswith("mdn."):
            continue
        target = get_object(node["_target_"])
        wanted = inspect.signature(target).parameters
        supplied = {"optimizer", "total_steps"} if "schedules" in node["_target_"] else set()
        if node["_target_"].startswith(
            ("mdn.training.module.", "mdn.training.em_module.")
        ) or node.get("_partial_"):
            supplied |= {"num_inputs", "num_targets"}
        positional = {name for name, p in wanted.items() if p.kind != p.VAR_KEYWORD}
        assert set(node) - {"_target_", "_partial_"} == positional - supplied
        for name in positional - supplied:
            default, shown = wanted[name].default, node[name]
            follows = file.stem in VARIANTS or str(shown).startswith("${")
            if default is not inspect.Parameter.empty and not follows:
                assert shown in (default, "???"), f"{name} has two defaults"


def test_each_default_is_written_once():
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose("train", ["family.min_scale=0.25", "optimizer.lr=0.5", "seed=7"])
    model = OmegaConf.to_container(config.model, resolve=False)
    assert model["family"] == "${family}"
    assert config.model.family.min_scale == 0.25
    assert config.model.optimizer.lr == 0.5
    assert config.data.seed == 7
