"""Rules that follow from the types in the source of a class."""

import pytest

from mdn.app.rule_kinds import Column, Columns, Flag, Number, Several, Text
from mdn.app.signatures import rule_by_type, settings

RECIPE, DATA = "mdn.training.recipe.Recipe", "mdn.training.datamodule.FileData"
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
