"""Encodings in a fit: the features that a recipe asks for are those of the model and its file."""

import math

import pytest
import torch

import mdn
from mdn.data.table import Table
from mdn.networks.encoding import Encoding
from mdn.networks.kinds import Boolean, Category, Number, Time
from mdn.training.fit import fit
from mdn.training.recipe import Recipe

KINDS = (Number(), Category(("a", "b", "c")), Time(), Boolean())


def rows(count=120):
    stream = torch.Generator().manual_seed(0)
    columns = [torch.rand(count, generator=stream).double() * size for size in (1, 4, 4e8, 2)]
    x = torch.stack(columns, 1)
    x[:, [1, 3]] = x[:, [1, 3]].floor()
    x[torch.rand(x.shape, generator=stream) < 0.1] = math.nan
    y = torch.randn(count, 1, generator=stream).double()
    return Table(x, y, None, ["number", "level", "time", "truth"], ["y"], KINDS)


@pytest.mark.filterwarnings("ignore")  # one epoch teaches it nothing
@pytest.mark.parametrize(
    ("encoding", "features"),
    [
        (Encoding(), 2),
        (Encoding("quantile", pieces=4), 6),
        (Encoding("robust", waves=3), 8),
        (Encoding(principal=True), 3),
    ],
)
def test_a_model_and_its_file_have_the_features_of_the_recipe(encoding, features, tmp_path):
    table = rows()
    recipe = Recipe(ensemble_size=2, max_epochs=1, encoding=encoding)
    model = fit(recipe, table, trainer={"accelerator": "cpu"})
    assert model.card.fitted_kinds == model.inputs.kinds
    assert model.inputs.kinds[0].num_features == features
    model.save(tmp_path / "model.ckpt")
    again = mdn.load(tmp_path / "model.ckpt")
    assert torch.equal(again(table.x).mu, model(table.x).mu)
    exported = torch.export.export(again.inputs, (table.x,)).module()
    assert torch.equal(exported(table.x), again.inputs(table.x))


def resolved(x):
    recipe = Recipe(max_epochs=1).resolve(Table.from_arrays(x, x[:, :1].sin()).profile)
    return recipe.encoding.principal


def test_principal_components_are_features_where_inputs_tell_each_other():
    stream = torch.Generator().manual_seed(0)
    one, rest = torch.randn(2, 200, 1, generator=stream).double()
    assert resolved(torch.cat([one, one + 0.1 * rest], 1)) is True
    assert resolved(torch.cat([one, rest], 1)) is False
    assert Recipe().resolve().encoding.principal is False


def test_an_open_encoding_makes_no_kinds():
    with pytest.raises(ValueError, match="principal is 'auto', which only the rows"):
        Encoding().of(KINDS)


def test_what_a_recipe_says_of_principal_components_comes_first():
    one = torch.arange(9.0).double()[:, None]
    profile = Table.from_arrays(one.expand(9, 2), one).profile
    said = Recipe.from_settings({"encoding.principal": False}).resolve(profile)
    assert said.encoding.principal is False
