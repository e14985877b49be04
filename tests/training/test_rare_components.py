"""A fit adds what it lacks after training, where the recipe allows it."""

from functools import cache
from pathlib import Path

import pytest
import torch

import mdn
from mdn.data.seeds import generator
from mdn.data.table import Table
from mdn.model.checkpoint import CARD, JOINT, WEIGHTS, read_checkpoint
from mdn.training import rare_components
from mdn.training.fit import card_of, fit_callbacks, held_in_memory, quiet_trainer, resolve, train
from mdn.training.recipe import Recipe

SMALL = dict(max_epochs=3, num_components=4, ensemble_size=2, seed=1)


def rows(share=0.08, count=800, seed=0):
    source = generator("rows", seed)
    x = 2 * torch.rand(count, 1, generator=source, dtype=torch.float64) - 1
    y = (3 * x).sin() + torch.randn(count, 1, generator=source, dtype=torch.float64)
    branch = torch.rand(count, 1, generator=source) < share
    narrow = 50 * x + torch.randn(count, 1, generator=source, dtype=torch.float64)
    return Table.from_arrays(x, torch.where(branch, 0.01 * narrow, y))


@cache
def plain_fit():
    return mdn.fit(Recipe(**SMALL), rows())


def nll(model, table):
    with torch.no_grad():
        return -model(table.x).log_prob(table.y).mean().item()


def test_a_rare_branch_is_added(tmp_path):
    plain = plain_fit()
    model = mdn.fit(Recipe(**SMALL, rare_components=3), rows())
    assert plain.card.rare_components == 0
    assert model.card.rare_components == 1
    test = rows(count=4000, seed=1)
    assert nll(model, test) < nll(plain, test) - 0.05
    assert "narrow components" in repr(model)
    model.save(tmp_path / "model.ckpt")
    loaded = mdn.load(tmp_path / "model.ckpt")
    assert loaded.card.rare_components == 1
    assert nll(loaded, test) == pytest.approx(nll(model, test), abs=1e-6)


def test_where_there_is_none_the_fit_is_the_same():
    plain = mdn.fit(Recipe(**SMALL), rows(share=0.0))
    model = mdn.fit(Recipe(**SMALL, rare_components=3), rows(share=0.0))
    assert model.card.rare_components == 0
    for before, after in zip(plain.parameters(), model.parameters(), strict=True):
        assert torch.equal(before, after)


def test_rows_held_out_can_take_it_back(monkeypatch):
    likelihoods = iter([0.0, -1e6])
    monkeypatch.setattr(rare_components, "_log_likelihood", lambda *_: next(likelihoods))
    model = mdn.fit(Recipe(**SMALL, rare_components=3), rows())
    assert model.card.rare_components == 0
    plain = plain_fit()
    for before, after in zip(plain.parameters(), model.parameters(), strict=True):
        assert torch.equal(before, after)


@pytest.mark.filterwarnings("ignore:target 'y0' lies on a grid")
def test_rounded_targets_are_left_alone():
    table = rows()
    table = Table.from_arrays(table.x, table.y.round(decimals=1))
    assert mdn.fit(Recipe(**SMALL, rare_components=3), table).card.rare_components == 0


def test_the_best_checkpoint_holds_it_and_what_training_left(tmp_path):
    recipe = Recipe(**SMALL, rare_components=1)
    data = held_in_memory(recipe, rows())
    recipe = resolve(recipe, data)
    trainer = quiet_trainer(recipe, fit_callbacks(recipe, tmp_path), {}, tmp_path)
    module = train(recipe, data, trainer, card_of(recipe, data))
    best = read_checkpoint(Path(trainer.checkpoint_callback.best_model_path))
    assert best[CARD]["rare_components"] == 1
    head = "model.network.head.components.weight"
    assert torch.equal(best[WEIGHTS][head], module.state_dict()[head])
    assert not torch.equal(best[JOINT][head], best[WEIGHTS][head])


def test_a_negative_number_is_refused():
    with pytest.raises(ValueError, match="rare_components must be a whole number"):
        Recipe(rare_components=-1)
