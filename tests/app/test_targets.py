"""What a `_target_` may name: parts of this project, and a user's own classes; what these take."""

import pytest

from mdn.app.errors import UserError
from mdn.app.rule_kinds import Column, Columns, Flag, Number, Several, Text
from mdn.app.targets import check_target, is_allowed, rule_by_type, settings

MODULE = """
import os

class Periodic:
    def __init__(self, num_inputs, width=64): ...

def periodic(num_inputs): ...
"""


@pytest.fixture(autouse=True)
def _module_of_a_user(tmp_path, monkeypatch):
    (tmp_path / "own_parts.py").write_text(MODULE)
    package = tmp_path / "own_package" / "inner"
    package.mkdir(parents=True)
    for folder in (package.parent, package):
        (folder / "__init__.py").touch()
    (package / "parts.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)


@pytest.mark.parametrize("module", ["own_parts", "own_package.inner.parts"])
def test_a_class_or_a_function_of_ones_own_is_allowed(module):
    assert is_allowed(f"{module}.Periodic")
    assert is_allowed(f"{module}.periodic")


@pytest.mark.parametrize(
    "target",
    [
        "own_parts.os.system",
        "own_parts.Missing",
        "missing_module.Periodic",
        "subprocess.Popen",
        "os.system",
        "torch.nn.Linear",
        "mdn.app.log.RunLog",
    ],
)
def test_other_targets_are_refused(target):
    with pytest.raises(UserError, match=r"backbone\._target_ must name a class of .*; got"):
        check_target(target, "backbone.")


RECIPE, DATA = "mdn.training.recipe.Recipe", "mdn.training.file_data.FileData"
RULES = {
    (RECIPE, "num_components"): Number(whole=True, words=("auto",)),
    (RECIPE, "ensemble_size"): Number(whole=True),
    (RECIPE, "gradient_clip"): Number(words=(None,)),
    (RECIPE, "first_layer_gain"): Several(Number(), 0),
    (RECIPE, "start_from_data"): Flag(),
    (RECIPE, "family"): None,
    (RECIPE, "optimizer"): None,
    ("mdn.distributions.families.Tied", "min_scale"): Number(words=("grid",)),
    ("mdn.distributions.families.Tied", "factor"): Text("text"),
    ("mdn.networks.backbones.MLP", "norm"): Text("text", null=True),
    ("mdn.fitting.objectives.Regularizer", "input_noise"): Several(Number(), 0, single=True),
    ("torch.optim.AdamW", "betas"): Several(Number(), 2, 2),
    ("torch.optim.AdamW", "foreach"): None,
    (DATA, "path"): Text(),
    (DATA, "val_path"): Text(null=True),
    (DATA, "targets"): Columns(),
    (DATA, "weight"): Column(null=True),
    (DATA, "no_such"): None,
    ("os.system", "command"): None,
}


@pytest.mark.parametrize("place", RULES, ids=".".join)
def test_a_rule_follows_from_the_type(place):
    assert rule_by_type(*place) == RULES[place]


def test_a_dataclass_takes_the_fields_of_those_that_it_derives_from():
    assert settings("mdn.distributions.families.Tied") == {"min_scale", "factor"}
    assert settings("mdn.distributions.families.Diagonal") == {"min_scale"}
