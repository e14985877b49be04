"""A run read from the configuration: its recipe, and numbers in place of open settings."""

import pytest

from mdn.app.build_lightning import build_data
from mdn.app.compose import compose
from mdn.app.read_recipe import read_recipe
from mdn.app.run import read_run
from mdn.training.recipe import EMRecipe, Recipe


@pytest.fixture
def sizes(tmp_path):
    """The configuration of a run with all sizes."""

    def of(*overrides):
        run = read_run(compose("train", ["data=skew_normal", *overrides], tmp_path))
        return run.resolve(build_data(run.data)).shown

    return of


@pytest.fixture
def recipe(tmp_path):
    return lambda *overrides: read_recipe(compose("train", list(overrides), tmp_path))


def test_depth_is_automatic_where_there_is_a_backbone_and_nobody_chose(sizes):
    assert sizes("data.train_rows=10000")["backbone"]["depth"] == 5
    chosen = sizes("data.train_rows=10000", "backbone.depth=2")
    assert chosen["model"]["backbone"]["depth"] == 2
    assert "depth" not in sizes("model=gmm")["model"]["backbone"]


def test_the_configuration_shows_the_defaults_of_the_recipe(recipe):
    """Each default is in Python; what YAML shows is the same."""
    assert recipe().describe() == Recipe().describe()
    assert recipe("model=gmm_em").describe() == EMRecipe().describe()


def test_a_mixture_is_a_network_that_looks_at_no_input(recipe):
    changes = {"num_components": 5, "ensemble_size": 1, "backbone": "none"}
    assert recipe("model=gmm").describe() == Recipe.from_settings(changes).describe()


SETTINGS = {
    "data.batch_size=7": {"batch_size": 7},
    "data=file data.path=a.csv data.targets=[y] data.val_fraction=0.3": {"val_fraction": 0.3},
    "data=file data.path=a.csv data.targets=[y] data.dequantize=true": {"dequantize": True},
    "trainer.max_epochs=3": {"max_epochs": 3},
    "callbacks.early_stopping.patience=9": {"patience": 9},
    "~callbacks.early_stopping": {"patience": None},
    "callbacks=none": {"patience": None},
    "seed=4": {"seed": 4},
    "recalibrate=true": {"recalibration": {"kind": "held_out", "least": 0.1, "most": 10.0}},
    "model.num_components=3": {"num_components": 3},
    "family=tied family.min_scale=grid": {"family": {"kind": "tied", "min_scale": "grid"}},
    "backbone.width=128": {"backbone.width": 128},
    "schedule=constant optimizer.lr=0.1": {"schedule": "constant", "optimizer.lr": 0.1},
    "encoding.scaling=quantile encoding.pieces=4": {
        "encoding": {"kind": "columns", "scaling": "quantile", "pieces": 4}
    },
    "objective=crps regularizer.entropy=0.1": {"objective": "crps", "regularizer.entropy": 0.1},
}


@pytest.mark.parametrize("overrides", SETTINGS)
def test_a_setting_has_the_same_meaning_in_python(overrides, recipe):
    python = Recipe.from_settings(SETTINGS[overrides])
    assert recipe(*overrides.split()).describe() == python.describe()


TWO = ["trainer.accelerator=cpu", "trainer.devices=2", "+trainer.strategy=ddp"]
PROCESSES = {
    "one": ([], 38),
    "two": (TWO, 76),
    "two on each of two nodes": ([*TWO, "+trainer.num_nodes=2"], 130),
    "as many as a CPU has": (["trainer.accelerator=cpu", "trainer.devices=auto"], 38),
    "as asked": ([*TWO, "trainer.max_epochs=7"], 7),
}


@pytest.mark.parametrize("case", PROCESSES)
def test_more_processes_take_fewer_steps_an_epoch(case, sizes):
    overrides, epochs = PROCESSES[case]
    found = sizes("data.train_rows=10000", "data.batch_size=64", *overrides)
    assert found["trainer"]["max_epochs"] == epochs
