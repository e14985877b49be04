"""Recipes: settings with defaults, from plain data and back, and numbers for what is open."""

import subprocess
import sys
from functools import partial

import numpy as np
import pandas as pd
import pytest
import torch
from small_runs import targets_alone

import mdn
from mdn.distributions.families import Diagonal, Full
from mdn.distributions.open_settings import HeldOut
from mdn.fitting.objectives import NLL
from mdn.model.plain import check_plain
from mdn.networks.backbones import MLP, NoBackbone
from mdn.networks.kinds import numbers
from mdn.training.em_module import EMModule
from mdn.training.module import MDNModule
from mdn.training.modules import module_of
from mdn.training.recipe import EMRecipe, Recipe, as_recipe

OPEN = ("auto", "grid")


def profile(rows, counted=None, step=0.0):
    """The profile of some rows, the first of them counted, the target a multiple of a step."""
    values = torch.linspace(-3, 3, rows, dtype=torch.float64)
    weight = None if counted is None else (torch.arange(rows) < counted).double()
    return targets_alone((values / step).round() * step if step else values, weight=weight).profile


def leaves(node):
    for value in node.values() if isinstance(node, dict) else node:
        if isinstance(value, dict | list):
            yield from leaves(value)
        else:
            yield value


@pytest.mark.parametrize("recipe", [Recipe(), EMRecipe(num_components="auto", max_epochs="auto")])
def test_nothing_is_open_once_it_is_resolved(recipe):
    assert {*leaves(recipe.describe())} & {*OPEN}
    resolved = recipe.resolve(profile(30))
    assert not {*leaves(resolved.describe())} & {*OPEN}
    assert resolved.resolve(profile(9)).describe() == resolved.describe()


def test_open_numbers_follow_from_the_rows():
    rows = profile(9_000, counted=1_000)
    recipe = Recipe().resolve(rows)
    assert (recipe.batch_size, recipe.num_components) == (128, 10)
    assert recipe.backbone(2).num_features == 64
    assert recipe.describe()["backbone"]["depth"] == 3
    assert recipe.max_epochs == 85
    assert Recipe().resolve(rows, processes=2).max_epochs == 130
    assert Recipe().resolve().describe() == Recipe().resolve(profile(1000)).describe()


def test_a_number_that_was_chosen_stays():
    settings = {
        "num_components": 7,
        "batch_size": 5,
        "max_epochs": 3,
        "guard": 0.01,
        "cross_fit": False,
    }
    chosen = Recipe(**settings, backbone=partial(MLP, depth=1))
    assert chosen.resolve(profile(30)).describe() == chosen.describe()


def test_the_grid_decides_the_floor_of_any_family():
    rounded = profile(300, step=0.5)
    for family in (Full("grid"), Diagonal("grid")):
        recipe = Recipe(family=family).resolve(rounded)
        assert type(recipe.family) is type(family)
        assert recipe.family.floor == pytest.approx(0.5 / 12**0.5 / rounded.targets.spread.item())
    with pytest.raises(ValueError, match="min_scale is 'grid', which only the rows"):
        _ = Full("grid").floor
    with pytest.raises(ValueError, match="there are no rows yet whose grid could decide it"):
        Recipe(family=Full("grid")).resolve()


def test_a_floor_of_the_grid_is_checked_as_any_other():
    recipe = Recipe.from_settings({"family": {"kind": "constant", "min_scale": "grid"}})
    with pytest.raises(ValueError, match="std must be at least min_scale"):
        recipe.resolve(profile(300, step=3.0))


CHANGES = {
    "a name": ({"family": "diagonal"}, Recipe(family=Diagonal())),
    "a name and a setting": (
        {"family": "diagonal", "family.min_scale": 0.5},
        Recipe(family=Diagonal(0.5)),
    ),
    "a setting of the default": ({"family.min_scale": 0.5}, Recipe(family=Full(0.5))),
    "a mapping": ({"family": {"kind": "diagonal", "min_scale": 1}}, Recipe(family=Diagonal(1))),
    "a mapping without a kind": (
        {"backbone": {"width": 8}},
        Recipe(backbone=partial(MLP, width=8)),
    ),
    "an object": ({"family": Diagonal(0.5)}, Recipe(family=Diagonal(0.5))),
    "an object and a setting": (
        {"family": Diagonal(), "family.min_scale": 0.5},
        Recipe(family=Diagonal(0.5)),
    ),
    "a class": ({"backbone": NoBackbone}, Recipe(backbone=NoBackbone)),
    "a list": ({"first_layer_gain": [2.0]}, Recipe(first_layer_gain=(2.0,))),
    "a range": (
        {"recalibration": {"kind": "held_out", "least": 0.5, "most": 2.0}},
        Recipe(recalibration=HeldOut(0.5, 2.0)),
    ),
    "a rate": (
        {"optimizer.lr": 0.5},
        Recipe(optimizer=partial(torch.optim.AdamW, **Recipe().optimizer.keywords | {"lr": 0.5})),
    ),
}


@pytest.mark.parametrize("case", CHANGES)
def test_settings_are_what_python_would_write(case):
    settings, recipe = CHANGES[case]
    assert Recipe.from_settings(settings).describe() == recipe.describe()


def test_a_recipe_is_built_again_from_its_description():
    recipe = Recipe(family=Diagonal(0.5), recalibration=HeldOut(0.5, 2), ensemble_size=2)
    again = mdn.model.registry.build("model", recipe.describe())
    assert again.describe() == recipe.describe()
    assert Recipe.from_settings(recipe.describe()).describe() == recipe.describe()


def test_settings_name_the_kind_of_recipe():
    assert isinstance(as_recipe({"kind": "gmm_em", "num_components": 3}), EMRecipe)
    assert as_recipe(EMRecipe().describe()).describe() == EMRecipe().describe()
    assert isinstance(as_recipe({}), Recipe)
    with pytest.raises(ValueError, match=r"kind of recipe must be one of .*, got 'gmm'"):
        as_recipe({"kind": "gmm"})
    with pytest.raises(ValueError, match="the recipe is 'gmm_em', and Recipe makes another kind"):
        Recipe.from_settings(EMRecipe().describe())


NO_SETTINGS = {
    "a mapping for a flag": (dict(dequantize={"a": 1}), "dequantize must be true or false"),
    "a word for a flag": (dict(start_from_data="no"), "start_from_data must be true or false"),
    "one number for a list": (dict(first_layer_gain=2.0), "first_layer_gain must be a list"),
    "nothing for a number": (dict(recalibration=None), "recalibration must"),
    "a part of another role": (dict(optimizer=NLL()), "optimizer must not be .*, which is for obj"),
    "a family for an objective": (dict(objective=Diagonal()), "objective must not be"),
}


@pytest.mark.parametrize("case", NO_SETTINGS)
def test_a_setting_has_its_own_type(case):
    settings, message = NO_SETTINGS[case]
    with pytest.raises(ValueError, match=message):
        Recipe.from_settings(settings)


def test_a_recipe_is_typed_without_the_checks_of_tests():
    """Run-time type checks of tests come before its own."""
    code = "import mdn; mdn.Recipe(family='full')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "ValueError: family must be a part that is made already, got 'full'" in done.stderr


MISTAKES = {
    "a misspelt setting": ({"famly": "full"}, "no setting 'famly'; did you mean family"),
    "a misspelt setting of a part": ({"family.min_scal": 1}, "'min_scal'; did you mean min_scale"),
    "an unknown part": ({"family": "ful"}, "family is 'ful', which .* knows full, tied, diagonal"),
    "a word for a number": ({"num_components": "many"}, "a whole number or auto, got 'many'"),
    "a word for a size": ({"backbone.width": "wide"}, "width must be a whole number, got 'wide'"),
    "half a network": ({"ensemble_size": 1.5}, "ensemble_size must be a whole number, got 1.5"),
    "true for a number": ({"ensemble_size": True}, "ensemble_size must be a whole number"),
    "a number for a list": ({"first_layer_gain": 2.0}, "first_layer_gain must be a list"),
    "a number for a family": ({"family": 3}, "family must be a set of settings, got 3"),
    "no components": ({"num_components": 0}, "num_components must be a whole number of at least 1"),
    "a negative floor": ({"family.min_scale": -1}, "min_scale must be a positive number, got -1"),
    "not a number": ({"family.min_scale": float("nan")}, "min_scale must be a positive number"),
    "an absurd floor": ({"family.min_scale": 101}, "min_scale must be .* at most 100, got 101"),
    "a negative rate": ({"mixture_lr": -1.0}, "mixture_lr must be a positive number"),
    "no gain": ({"first_layer_gain": []}, "first_layer_gain takes at least one factor"),
    "all rows held out": ({"val_fraction": 1.0}, "val_fraction must lie between 0 and 1"),
    "a wild recalibration": ({"recalibration": 1000}, "recalibration must lie within 0.1 and 10"),
    "an empty range": (
        {"recalibration": {"kind": "held_out", "least": 2, "most": 1}},
        "least must be at most 1, got 2",
    ),
    "a negative seed": ({"seed": -1}, "seed must be a whole number from 0 to 4294967295, got -1"),
    "no patience": ({"patience": 0}, "patience must be a whole number of at least 1"),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_a_mistake_is_refused_by_its_name(case):
    settings, message = MISTAKES[case]
    with pytest.raises(ValueError, match=message):
        Recipe.from_settings(settings)


def test_numbers_of_numpy_become_plain_ones():
    given = {
        "num_components": np.int64(2),
        "val_fraction": np.float64(0.25),
        "dequantize": np.True_,
    }
    parts = {"optimizer.lr": np.float64(0.5), "backbone": {"width": np.int32(7)}}
    plain = {"num_components": 2, "val_fraction": 0.25, "dequantize": True}
    wanted = Recipe.from_settings(plain | {"optimizer.lr": 0.5, "backbone.width": 7})
    recipe = Recipe.from_settings(given | parts)
    assert recipe.describe() == wanted.describe()
    check_plain(recipe.describe(), "recipe")
    with pytest.raises(ValueError, match="num_components must be a whole number or auto"):
        Recipe.from_settings({"num_components": np.float64(2)})


def test_a_setting_of_a_part_is_given_once():
    with pytest.raises(ValueError, match=r"backbone.width is given twice, 3 and 5; leave out one"):
        Recipe.from_settings({"backbone": {"width": 3}, "backbone.width": 5})


@pytest.mark.parametrize(
    ("recipe", "inputs"),
    [
        (EMRecipe(num_components=2, max_epochs=2), []),
        ({"backbone": "none", "max_epochs": 1}, []),
        (Recipe(backbone=NoBackbone, max_epochs=1), []),
        ({"max_epochs": 1, "ensemble_size": 1}, ["b", "c"]),
    ],
)
@pytest.mark.filterwarnings("ignore:the model is worse than one Gaussian")
def test_inputs_are_those_that_a_recipe_looks_at(recipe, inputs):
    rows = np.random.default_rng(0).normal(size=(60, 3))
    frame = pd.DataFrame(rows, columns=["a", "b", "c"])
    model = mdn.fit(recipe, frame, targets=["a"])
    assert model.card.inputs == inputs
    assert model.predict(frame[inputs]).mean.shape == (60, 1)
    assert mdn.fit(recipe, frame, targets=["a"], inputs=["b"]).card.inputs == ["b"]


def test_an_unknown_start_of_em_is_refused():
    with pytest.raises(
        ValueError, match=r"start_from must be one of k-means, .*did you mean k-means"
    ):
        EMRecipe(start_from="k-mean")


def test_what_rows_held_out_decide_has_a_range():
    recipe = Recipe(max_epochs=9, recalibration=HeldOut(0.5, 2))
    assert recipe.held_out == {"epochs": HeldOut(1, 9), "recalibration": HeldOut(0.5, 2)}
    assert EMRecipe().held_out == {"epochs": HeldOut(1, 500)}
    with pytest.raises(ValueError, match="max_epochs is 'auto', which only the rows"):
        _ = Recipe().held_out


def test_a_module_needs_no_more_than_its_columns():
    assert MDNModule(numbers(3), num_targets=1).model.num_components == 80
    assert EMModule(numbers(0), num_targets=2).model.num_components == 5


def test_each_recipe_has_its_module():
    assert isinstance(module_of(Recipe(ensemble_size=1).resolve(), numbers(2), 1), MDNModule)
    assert isinstance(module_of(EMRecipe(), numbers(2), 1), EMModule)


@pytest.mark.parametrize(
    ("name", "meant"), [("width", "backbone.width"), ("lr", "optimizer.lr"), ("famly", "family")]
)
def test_a_setting_of_a_part_is_found(name, meant):
    with pytest.raises(ValueError, match=f"no setting '{name}'; did you mean {meant}"):
        Recipe.from_settings({name: 3})


@pytest.mark.parametrize("recipe", ["full", [1], None])
def test_what_is_no_recipe_is_refused(recipe):
    with pytest.raises(TypeError, match="recipe must be a Recipe, an EMRecipe or settings"):
        as_recipe(recipe)
