"""Pictures of models: the density over one input, with data where the frame has them."""

import numpy as np
import pandas
import pytest
import torch
from checkpoints import mixed_rows, rows, untrained, untrained_mixed

import mdn


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return untrained("model.num_components=2", num_targets=2)


@pytest.fixture(scope="module")
def frame(model):
    torch.manual_seed(1)
    x = rows(40)
    values = torch.cat([x, model(x).sample()], 1).numpy()
    return pandas.DataFrame(values, columns=["x0", "x1", "x2", "y0", "y1"])


def points(figure):
    found = [c.get_offsets() for c in figure.axes[0].collections if len(c.get_offsets()) > 1]
    return np.concatenate(found) if found else np.empty((0, 2))


def test_rows_of_the_frame_lie_on_the_density(model, frame, tmp_path):
    figure = model.plot(frame, x="x1", target="y1")
    figure.savefig(tmp_path / "figure.png", dpi=20)
    assert (figure.axes[0].get_xlabel(), figure.axes[0].get_ylabel()) == ("x1", "y1")
    np.testing.assert_allclose(
        np.sort(points(figure), 0), np.sort(frame[["x1", "y1"]].to_numpy(), 0)
    )


def test_an_input_is_chosen_where_none_is_named(model, frame):
    assert model.plot(frame, target="y0").axes[0].get_xlabel() in {"x0", "x1", "x2"}


def test_a_frame_without_the_target_has_no_points(model, frame):
    inputs = frame[["x0", "x1", "x2"]]
    for data in (inputs, inputs.to_numpy()):
        figure = model.plot(data, target="y0")
        assert figure.axes[0].get_xlabel() == "x0"
        assert not len(points(figure))
        low, high = figure.axes[0].get_ylim()
        assert low < frame["y0"].mean() < high


def test_rows_without_the_target_are_left_out(model, frame):
    gaps = frame.assign(y0=frame["y0"].where(frame.index % 2 == 0))
    found = points(model.plot(gaps, x="x0", target="y0"))
    assert np.isfinite(found).all(-1).sum() == 20


@pytest.mark.parametrize("name", ["size", "city", "when", "new"])
def test_every_kind_of_input_has_its_axis(name, tmp_path):
    model, x = untrained_mixed(), mixed_rows(60)
    cities = ["Berlin", "São Paulo", "Oslo, north", None]
    data = pandas.DataFrame(
        {
            "size": x[:, 0].numpy(),
            "city": [None if np.isnan(c) else cities[int(c)] for c in x[:, 1].tolist()],
            "when": pandas.to_datetime(x[:, 2].numpy(), unit="s"),
            "new": x[:, 3].numpy() > 0,
            "y": np.linspace(-1, 1, 60),
        }
    )
    figure = model.plot(data, name)
    figure.savefig(tmp_path / "figure.png", dpi=20)
    assert figure.axes[0].get_xlabel() == name


def test_without_inputs_it_is_a_histogram(tmp_path):
    y = torch.randn(60, 1, dtype=torch.float64)
    model = mdn.fit({"kind": "gmm_em", "num_components": 2}, mdn.Table.from_arrays(None, y))
    figure = model.plot(pandas.DataFrame({"y0": y[:, 0]}))
    figure.savefig(tmp_path / "figure.png", dpi=20)
    assert figure.axes[0].get_xlabel() == "y0"
    assert figure.axes[0].patches
    assert not model.plot(pandas.DataFrame({"other": y[:, 0]})).axes[0].patches


def test_what_cannot_be_drawn_is_refused(model, frame):
    with pytest.raises(ValueError, match=r"one target of \['y0', 'y1'\]; name one of them"):
        model.plot(frame)
    with pytest.raises(ValueError, match=r"one target of .* got 'y2'"):
        model.plot(frame, target="y2")
    with pytest.raises(ValueError, match=r"one input of \['x0', 'x1', 'x2'\]; got 'x9'"):
        model.plot(frame, x="x9", target="y0")
    with pytest.raises(ValueError, match="at least two rows, got 1"):
        model.plot(frame.iloc[:1], x="x0", target="y0")
    with pytest.raises(ValueError, match="the frame lacks"):
        model.plot(frame[["x0"]], target="y0")
    with pytest.raises(TypeError, match="y0 must be real numbers"):
        model.plot(frame.assign(y0="much"), target="y0")
