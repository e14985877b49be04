"""Checkpoints of small models that have seen some rows and were never trained."""

from dataclasses import replace
from pathlib import Path

import torch
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from mdn.app.read_recipe import read_recipe
from mdn.data.table import Table
from mdn.model.card import ModelCard
from mdn.model.checkpoint import CARD, WEIGHTS, write_checkpoint
from mdn.model.registry import describe
from mdn.networks.kinds import WEEK, YEAR, Boolean, Category, Number, Time, numbers
from mdn.training.modules import module_of

CONF = Path(__file__).parents[1] / "conf"
SMALL = [
    *("model.num_components=3", "model.ensemble_size=1", "backbone.depth=3"),
    "encoding.principal=false",
]
SHIFT = torch.tensor([500.0, 3.0, -40.0], dtype=torch.float64)
FACTOR = torch.tensor([100.0, 0.5, 7.0], dtype=torch.float64)


def untrained(*overrides, num_inputs=3, num_targets=1):
    """A model with its card; columns x0, x1, ... and y0, y1, ..."""
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose("train", [*SMALL, "run_dir=.", *overrides])
    recipe = read_recipe(OmegaConf.to_container(config, resolve=True))
    inputs = [f"x{i}" for i in range(num_inputs)]
    targets = [f"y{i}" for i in range(num_targets)]
    module = module_of(recipe, numbers(num_inputs), num_targets)
    x = rows(64, num_inputs)
    y = SHIFT[:num_targets] + FACTOR[:num_targets] * torch.randn(64, num_targets).double()
    module.start(Table(x, y, None, inputs, targets))
    with torch.no_grad():
        for parameter in module.parameters():
            parameter += 0.05 * torch.randn_like(parameter)
    module.model.card = ModelCard(inputs, targets, module.settings.describe())
    return module.model.eval()


MIXED = ("size", "city", "when", "new")
CITIES = ("Berlin", "São Paulo", "Oslo, north")
TIMES = torch.tensor([1.6e9, 1.61e9, 1.7e9], dtype=torch.float64)


def untrained_mixed(*overrides, names=MIXED):
    """A model of a number, a category, a time and a truth value, all but the last with gaps."""
    kinds = (
        Number(missing=True),
        Category(CITIES, missing=True, other=True),
        Time(missing=True, cycles=(YEAR, WEEK)),
        Boolean(),
    )
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose("train", [*SMALL, "run_dir=.", *overrides])
    recipe = read_recipe(OmegaConf.to_container(config, resolve=True))
    module = module_of(recipe, kinds, 1)
    x = mixed_rows(64)
    module.start(Table(x, torch.randn(64, 1).double(), None, list(names), ["y"], kinds))
    with torch.no_grad():
        for parameter in module.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
    described = [describe(kind) for kind in kinds]
    module.model.card = replace(
        module.model.card, model=module.settings.describe(), kinds=described
    )
    return module.model.eval()


def mixed_rows(number):
    """Inputs of such a model: every combination of what may be there and what may be missing."""
    where = torch.arange(number)
    missing = torch.nan
    size = torch.randn(number).double().masked_fill(where % 5 == 0, missing)
    city = (where % 4).double().masked_fill(where % 7 == 0, missing)
    when = (TIMES[where % 3] + 0.25 * where).masked_fill(where % 11 == 0, missing)
    return torch.stack([size, city, when, (where % 2).double()], 1)


def rows(number, num_inputs=3):
    """Inputs of quite different units."""
    return SHIFT[:num_inputs] + FACTOR[:num_inputs] * torch.randn(number, num_inputs).double()


def stored(model):
    """What a training run writes of a model."""
    weights = {f"model.{name}": value for name, value in model.state_dict().items()}
    return {CARD: model.card.plain(), WEIGHTS: weights}


def save(model, path):
    """Write a model as a training run does."""
    write_checkpoint(stored(model), path)
    return path
