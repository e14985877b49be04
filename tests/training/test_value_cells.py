"""A model keeps the cells of the targets that it was trained on."""

import pytest
import torch

import mdn
from mdn.data.table import Table
from mdn.model.card import ModelCard
from mdn.training.fit import fit
from mdn.training.value_cells import cells_of

SMALL = {"num_components": 2, "backbone.width": 4, "max_epochs": 1, "ensemble_size": 1}


def table_of(*columns):
    x = torch.linspace(-1, 1, len(columns[0]), dtype=torch.float64)[:, None]
    names = ["coarse", "fine", "zeros", "exact"][: len(columns)]
    return Table(x, torch.stack(columns, -1), None, ["x"], names)


@pytest.fixture
def rows():
    y = torch.randn(400, 4, dtype=torch.float64)
    coarse, fine = y[:, 0].round(), y[:, 1].round(decimals=2)
    zeros = torch.where(torch.rand(400) < 0.3, 0.0, y[:, 2].abs())
    return table_of(coarse, fine, zeros, y[:, 3])


@pytest.mark.filterwarnings("ignore:target:UserWarning")
def test_training_keeps_grids_of_any_step_and_the_cells_of_atoms(rows, tmp_path):
    model = fit(SMALL, rows)
    model.save(tmp_path / "model.ckpt")
    card = mdn.load(tmp_path / "model.ckpt").card
    assert card.grid == {"coarse": pytest.approx(1)}
    assert card.fine_grid == {"fine": pytest.approx(0.01)}
    [[low, high]] = card.atoms["zeros"]
    assert low == -high
    assert 0 < high < 0.1
    few = rows[torch.arange(3)]
    cells = cells_of(card, few)
    torch.testing.assert_close(cells.step, torch.tensor([1, 0.01, 0, 0], dtype=torch.float64))
    assert [each.tolist() for each in cells.atoms] == [[], [], [[low, high]], []]


def test_rows_tell_their_cells_where_no_training_did(rows):
    card = ModelCard(["x"], rows.target_names)
    assert cells_of(card, rows).among(rows.target_names) == ["coarse", "fine", "zeros"]


def test_a_card_without_cells_has_none(rows):
    card = ModelCard(["x"], rows.target_names, grid={})
    assert not cells_of(card, rows)


def test_atoms_of_a_strange_file_are_held_against_their_type():
    plain = ModelCard(["x"], ["y"]).plain()
    with pytest.raises(ValueError, match="its atoms must be"):
        ModelCard.read(plain | {"atoms": {"y": [0.0, 1.0]}})
