"""What training never saw is told by the names of the inputs, and counted."""

import pytest
import torch
from checkpoints import CITIES, MIXED, TIMES, mixed_rows, save, untrained_mixed

from mdn.model.card import ModelCard
from mdn.model.input_counts import InputCounts
from mdn.model.load import load
from mdn.model.novelty import Novelty, ranges_of
from mdn.networks.standardize import Standardizer

KNOWN = [0.0, 1.0, TIMES[1].item(), 1.0]
NAN = torch.nan
ROWS = {
    (): KNOWN,
    ("size",): [100.0, *KNOWN[1:]],
    ("city",): [0.0, float(len(CITIES)), *KNOWN[2:]],
    ("when",): [0.0, 1.0, TIMES[2].item() + 1e9, 1.0],
    ("new",): [NAN, NAN, NAN, NAN],  # in the others a value was missing in training too
    ("size", "new"): [-1e30, 1.0, NAN, -5.0],
}


@pytest.fixture
def model(tmp_path):
    return load(save(untrained_mixed(), tmp_path / "model.ckpt"))


def test_what_is_new_is_told_by_name(model):
    x = torch.tensor([*ROWS.values()], dtype=torch.float64)
    assert Novelty.of(model.card, x).names(model.card.inputs) == [[*names] for names in ROWS]


def test_training_rows_are_not_new(model):
    x = mixed_rows(64)
    x[x[:, 1] == len(CITIES), 1] = 0.0  # those were too rare to have a level of their own
    shown = Novelty.of(model.card, x)
    assert not (shown.level | shown.missing).any()
    torch.manual_seed(0)
    units, x = Standardizer(1, bounded=True), torch.randn(500, 1).double()
    card = ModelCard(["x"], ["y"], ranges=ranges_of(units.fit(x), x))
    assert not Novelty.of(card, x).far.any()
    width = x.max() - x.min()
    edges = torch.stack([x.max() + 0.09 * width, x.max() + 0.11 * width])[:, None]
    assert Novelty.of(card, edges).far.tolist() == [[False], [True]]


def test_an_absurd_training_row_does_not_widen_the_range():
    x = torch.cat([torch.randn(500, 1).double(), torch.tensor([[1e12]]).double()])
    low, high = ranges_of(Standardizer(1, bounded=True).fit(x), x)[0]
    assert -10 < low < high < 10


def test_any_other_value_is_new_where_training_had_one():
    x = torch.full((9, 1), 7.0, dtype=torch.float64)
    card = ModelCard(["x"], ["y"], ranges=ranges_of(Standardizer(1, bounded=True).fit(x), x))
    values = torch.tensor([[7.0], [7.1]], dtype=torch.float64)
    assert Novelty.of(card, values).far.tolist() == [[False], [True]]


def test_nothing_is_far_where_no_range_is_known(model):
    card = ModelCard([*MIXED], ["y"], kinds=model.card.kinds)
    x = torch.tensor([[1e30, 0.0, -1e30, 5.0]], dtype=torch.float64)
    assert Novelty.of(card, x).names(MIXED) == [[]]


def test_counts_of_pieces_are_added(model):
    x = torch.tensor([*ROWS.values()], dtype=torch.float64)
    counts = InputCounts()
    for piece, levels in ((x[:2], []), (x[2:], ["Bonn", "Ulm"]), (x[2:3], ["Ulm", "Jena"])):
        some = InputCounts.of(model.card, piece)
        some.levels = {"city": levels}
        counts.add(some)
    assert counts.sentences() == [
        "values missing in 7 rows: 1 of 'size', 1 of 'city', 2 of 'when', 1 of 'new'; no training "
        "row lacked 'new'",
        "2 of 7 rows hold levels of 'city' that the model does not know: 'Bonn', 'Ulm', 'Jena'",
    ]
    assert InputCounts.of(model.card, x[:2]).sentences() == []


def test_ranges_of_a_card_are_pairs():
    with pytest.raises(ValueError, match="it has 1 ranges for 2 inputs"):
        ModelCard(["a", "b"], ["y"], ranges=[[0.0, 1.0]])
    for pair in ([0.0], [2.0, 1.0], [float("nan"), 1.0]):
        with pytest.raises(ValueError, match="pairs of numbers, the smaller first, or empty"):
            ModelCard(["a"], ["y"], ranges=[pair])


def test_atoms_of_a_card_are_pairs():
    assert ModelCard(["a"], ["y"], atoms={"y": [[-0.1, 0.1]]}).atoms == {"y": [[-0.1, 0.1]]}
    for pair in ([0.0], [], [2.0, 1.0], [float("nan"), 1.0]):
        with pytest.raises(ValueError, match="its atoms must be pairs of numbers"):
            ModelCard(["a"], ["y"], atoms={"y": [pair]})
