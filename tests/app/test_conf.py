"""Every configuration composes, and each node names exactly what its constructor takes."""

import inspect

import pytest
from configurations import CONF, composed
from hydra import compose, initialize_config_dir
from hydra.utils import get_object
from omegaconf import OmegaConf

from mdn.app.read_recipe import PLACES
from mdn.model import registry
from mdn.training.base_recipe import BaseRecipe

FILES = sorted(CONF.rglob("*.yaml"))
GROUPS = [
    "family",
    "encoding",
    "backbone",
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


OTHERWISE = {("last_update", "filename")}
"""Values that make a file a choice of its own."""

ELSEWHERE = {*PLACES} - {"seed"} | {"recalibration"}
"""Settings of a recipe that the configuration does not have among those of the model."""


def own_nodes(file):
    """What a file instantiates of this project, with the parameters that it may set."""
    for node in nodes(composed(file)):
        if node["_target_"].startswith("mdn."):
            target = get_object(node["_target_"])
            given = {"num_inputs", "optimizer", "total_steps"}
            if not issubclass(target if inspect.isclass(target) else object, BaseRecipe):
                yield node, {k: v for k, v in registry.parameters(target).items() if k not in given}
            else:
                takes = registry.parameters(target)
                yield node, {k: v for k, v in takes.items() if k not in ELSEWHERE}


@pytest.mark.parametrize("file", FILES, ids=lambda path: str(path.relative_to(CONF)))
def test_keys_are_the_constructors_parameters(file):
    for node, takes in own_nodes(file):
        assert {*node} - {"_target_", "seed"} == {*takes} - {"seed"}


@pytest.mark.parametrize("file", FILES, ids=lambda path: str(path.relative_to(CONF)))
def test_values_are_the_constructors_defaults(file):
    for node, takes in own_nodes(file):
        for name, value in node.items():
            shown = name != "_target_" and value != "???" and "${" not in str(value)
            if shown and not isinstance(value, dict):
                same = value == registry.plain(takes[name].default)
                assert same or file.stem in VARIANTS or (file.stem, name) in OTHERWISE, name


def test_each_default_is_written_once():
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose("train", ["family.min_scale=0.25", "optimizer.lr=0.5", "seed=7"])
    model = OmegaConf.to_container(config.model, resolve=False)
    assert model["family"] == "${family}"
    assert model["backbone"] == "${backbone}"
    assert config.model.family.min_scale == 0.25
    assert config.model.optimizer.lr == 0.5
    assert config.data.seed == 7
