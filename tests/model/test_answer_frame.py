"""Answers as frames: in the library of the question, with its index, and as `predict.py` has."""

import pickle
from dataclasses import replace

import narwhals as nw
import numpy as np
import pandas
import polars
import pyarrow as pa
import pytest
import torch
from checkpoints import rows, untrained
from small_runs import make_module

from mdn.data.table import Table
from mdn.distributions.mixture import GaussianMixture
from mdn.distributions.scale import DiagonalScale
from mdn.model.prediction_columns import ColumnSettings, Prediction

NAMES = ["x0", "x1", "x2"]
LABELS = ["a", "b", "c", "d"]


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return untrained("model.num_components=2", "model.ensemble_size=3", num_targets=2)


@pytest.fixture(scope="module")
def x():
    torch.manual_seed(1)
    return rows(4)


@pytest.fixture(scope="module")
def frame(x):
    return pandas.DataFrame(x.numpy(), columns=NAMES, index=pandas.Index(LABELS, name="customer"))


def transformed():
    module = make_module(num_inputs=3, num_targets=1)
    logs = {"y0": {"kind": "log", "low": 0.0}}
    module.model.card = replace(module.model.card, transforms=logs)
    module.start(Table(rows(20), torch.rand(20, 1).double(), None, NAMES, ["y0"]))
    return module.model.eval()


def test_it_has_the_columns_of_predictions(model, frame, x):
    columns = ["mean", "std", "median", "quantiles", "interval", "modes", "most_likely", "pi"]
    found = model.predict(frame).to_frame([*columns, "mu", "sigma"], quantiles=[0.25])
    settings = ColumnSettings([*columns, "mu", "sigma"], [0.25], 0.9, 1)
    expected = settings.compute(Prediction(model(x), model.card.targets))
    assert list(found.columns) == list(expected)
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values.detach())


def test_pandas_comes_with_its_index(model, frame):
    found = model.predict(frame).to_frame()
    assert isinstance(found, pandas.DataFrame)
    pandas.testing.assert_index_equal(found.index, frame.index)
    assert list(found.columns)[:4] == ["mean_y0", "mean_y1", "std_y0", "std_y1"]
    frame = frame.set_axis(pandas.MultiIndex.from_product([["n", "s"], [1, 2]]))
    assert frame.join(model.predict(frame).to_frame("mean"))["mean_y0"].notna().all()


@pytest.mark.parametrize("kind", [polars.DataFrame, pa.Table])
def test_other_frames_come_in_their_own_library(model, frame, kind):
    asked = nw.from_native(frame).to_polars() if kind is polars.DataFrame else None
    asked = pa.Table.from_pandas(frame, preserve_index=False) if asked is None else asked
    found = model.predict(asked).to_frame(["mean", "modes"])
    assert isinstance(found, kind)
    # Rows with fewer modes than others have no number there.
    numbers = nw.from_native(found)
    assert not any(numbers[name].is_nan().any() for name in numbers.columns)
    expected = model.predict(frame).to_frame(["mean", "modes"])
    for name in numbers.columns:
        np.testing.assert_allclose(numbers[name].to_numpy(), expected[name], equal_nan=True)


def test_what_was_no_frame_gives_a_table(model, x):
    for mixture in (model.predict(x), model(x), model.predict(x.numpy())):
        assert isinstance(mixture.to_frame(), pa.Table)
        assert mixture.to_frame().num_rows == 4


KEEPING = {
    "slice": (lambda m: m[1:3], ["b", "c"]),
    "reversed": (lambda m: m[[3, 2, 1, 0]], ["d", "c", "b", "a"]),
    "mask": (lambda m: m[np.array([True, False, False, True])], ["a", "d"]),
    "tensor": (lambda m: m[torch.tensor([2, 2])], ["c", "c"]),
    "one row": (lambda m: m[2], ["c"]),
    "to": (lambda m: m.to(dtype=torch.float32), LABELS),
    "to and back": (lambda m: m.to(dtype=torch.float32).to(dtype=torch.float64), LABELS),
    "detach": (lambda m: m.detach(), LABELS),
    "marginal": (lambda m: m.marginal("y1"), LABELS),
    "condition": (lambda m: m.condition({"y0": 0.2}), LABELS),
    "prune": (lambda m: m.prune(1e-3), LABELS),
    "component": (lambda m: m.component(0), LABELS),
    "flatten": (lambda m: m.flatten(), LABELS),
    "pickle": (lambda m: pickle.loads(pickle.dumps(m)), LABELS),
    "iteration": (lambda m: list(m)[1], ["b"]),
    "new axis": (lambda m: m[None][0], LABELS),
    "repeated and flat": (lambda m: m.expand(2, 4).flatten(), 2 * LABELS),
}


@pytest.mark.parametrize("name", KEEPING)
def test_rows_keep_their_labels(model, frame, name):
    change, labels = KEEPING[name]
    found = change(model.predict(frame)).to_frame("mean")
    assert list(found.index) == labels


def test_rows_of_targets_on_other_scales_keep_theirs(frame):
    mixture = transformed().predict(frame)
    assert list(mixture[[2, 0]].to_frame().index) == ["c", "a"]
    assert list(mixture.modes().to_frame().index.unique()) == LABELS
    assert list(mixture.to(dtype=torch.float32).expand(4).to_frame().index) == LABELS


DROPPING = {
    "an average over rows": lambda m: m.pool(),
    "a function of tensors": lambda m: m.map(lambda stored: stored.flip(0)),
}


@pytest.mark.parametrize("name", DROPPING)
def test_rows_that_cannot_be_told_apart_have_none(model, frame, name):
    assert DROPPING[name](model.predict(frame)).origin is None


def test_members_are_answered_as_their_pool(model, frame):
    members = model.predict_members(frame)
    found = members.to_frame(["mean", "aleatoric", "epistemic"])
    assert list(found.index) == LABELS
    np.testing.assert_allclose(found["mean_y1"], model.predict(frame).mean[:, 1])
    total = found["aleatoric_y0"] ** 2 + found["epistemic_y0"] ** 2
    np.testing.assert_allclose(total, model.predict(frame).std[:, 0] ** 2)
    assert list(members.pool().to_frame().index) == LABELS
    assert list(members[1].to_frame().index) == LABELS
    assert list(members[:, [3, 1]].pool().to_frame().index) == ["d", "b"]


def test_samples_are_reproducible(model, frame):
    one, other = (
        model.predict(frame).to_frame(
            "samples", samples=3, generator=torch.Generator().manual_seed(0)
        )
        for _ in range(2)
    )
    assert one.shape == (4, 6)
    pandas.testing.assert_frame_equal(one, other)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"columns": ["maen"]}, "columns must be some of mean, std"),
        ({"columns": []}, "columns must be some of mean, std"),
        ({"columns": ["epistemic"]}, "ask it of model.predict_members"),
        ({"columns": ["log_density"]}, r"'log_density' does not follow .*; ask log_prob\(y\)"),
        ({"columns": ["novelty"]}, r"ask model.novelty\(frame\)"),
        ({"columns": "quantiles", "quantiles": [0.5, 0.5]}, "quantiles must differ, got 0.5"),
        ({"columns": "quantiles", "quantiles": [90]}, "levels are probabilities"),
        ({"columns": "samples", "samples": 0}, "samples must be a whole number"),
        ({"interval_level": 1.2}, "levels are probabilities"),
    ],
)
def test_what_cannot_be_answered_is_refused(model, frame, arguments, said):
    with pytest.raises(ValueError, match=said):
        model.predict(frame).to_frame(**arguments)


def test_a_batch_of_two_axes_has_no_rows(model, x):
    with pytest.raises(ValueError, match=r"got batch shape \[2, 4\]; index it"):
        model(x).expand(2, 4).to_frame()


def test_one_mixture_is_one_row_and_none_are_no_rows(model, frame):
    assert model(rows(1))[0].to_frame("mean").num_rows == 1
    assert model.predict(frame.iloc[:0]).to_frame().shape == (0, 10)
    assert model(rows(0)).to_frame(["mean", "modes", "quantiles"]).num_rows == 0


def test_targets_without_names_are_counted():
    mu = torch.zeros(3, 1, 2)
    mixture = GaussianMixture(torch.zeros(3, 1), mu, DiagonalScale(1 + mu, 2))
    assert mixture.to_frame("mean").column_names == ["mean_y0", "mean_y1"]


def two_peaks(names=("price",)):
    mu = torch.tensor([[[0.0], [9.0]], [[1.0], [1.1]], [[5.0], [-5.0]]], dtype=torch.float64)
    log_pi = torch.tensor([[0.7, 0.3]], dtype=torch.float64).log().expand(3, 2)
    return GaussianMixture(log_pi, mu, DiagonalScale(torch.ones_like(mu), 1), names)


def test_modes_are_long_rows():
    found = two_peaks().modes()
    table = found.to_frame().to_pydict()
    assert list(table) == ["row", "mode", "price", "log_density"]
    assert table["row"] == [0, 0, 1, 2, 2]
    assert table["mode"] == [0, 1, 0, 0, 1]
    np.testing.assert_allclose(table["price"], [0, 9, 1.03, 5, -5], atol=1e-2)
    y, log_prob, there = found
    np.testing.assert_allclose(table["log_density"], log_prob[there])
    assert y is found.y
    again = pickle.loads(pickle.dumps(found))
    assert again.target_names == ("price",)
    assert again.to_frame().to_pydict() == table


def test_modes_and_regions_have_the_index(model, frame):
    mixture = model.predict(frame).marginal("y1")
    for found in (mixture[[2, 1]].modes(), mixture[[2, 1]].highest_density_region(0.5)):
        assert list(found.to_frame().index.unique()) == ["c", "b"]
        assert set(found.to_frame()["row"]) == {0, 1}


def test_regions_are_long_rows():
    table = two_peaks().highest_density_region(0.9).to_frame().to_pydict()
    assert list(table) == ["row", "interval", "lower", "upper", "log_density"]
    assert table["row"] == [0, 0, 1, 2, 2]
    assert all(low < high for low, high in zip(table["lower"], table["upper"], strict=True))
    alone = two_peaks()[0].highest_density_region(0.9).to_frame()
    assert alone.to_pydict() == {name: each[:2] for name, each in table.items()}


def test_columns_of_one_name_are_refused():
    with pytest.raises(ValueError, match="target 'mode' has the name of another column"):
        two_peaks(("mode",)).modes().to_frame()
    assert "mode" in repr(two_peaks(("mode",)).modes())
    with pytest.raises(ValueError, match=r"got batch shape \[2, 3\]; ask one mixture"):
        two_peaks().expand(2, 3).modes().to_frame()


def test_modes_say_the_first_ones():
    said = repr(two_peaks().modes())
    assert said.splitlines()[0] == "Modes of 3 mixtures, batch shape [3]"
    assert said.splitlines()[2].split() == ["row", "mode", "price", "log_density"]
    assert len(repr(two_peaks().expand(1000, 3).modes()).splitlines()) < 16
    assert "Highest-density regions of 3" in repr(two_peaks().highest_density_region(0.5))
