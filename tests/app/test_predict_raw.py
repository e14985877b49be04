"""Raw rows are predicted with their gaps and new levels, which are counted and can be told."""

import io
import sys
from functools import partial

import numpy as np
import pandas as pd
import pytest
import torch
from checkpoints import CITIES, MIXED, TIMES, rows, save, untrained, untrained_mixed
from pyarrow import parquet

from mdn.data.readers import reader as readers
from mdn.model.load import load

NEW = pd.DataFrame(
    {
        "when": [pd.Timestamp(1000 * t.item(), unit="ms") for t in TIMES] + [None],
        "size": [0.5, None, 100.0, -0.5],
        "new": [True, False, None, True],
        "y": [0.0, 1.0, -1.0, 0.5],
        "city": ["Berlin", "Bonn", None, "Oslo, north"],
    }
)
CODES = torch.tensor(
    [
        [0.5, 0, TIMES[0], 1],
        [torch.nan, len(CITIES), TIMES[1], 0],
        [100, torch.nan, TIMES[2], torch.nan],
        [-0.5, 2, torch.nan, 1],
    ],
    dtype=torch.float64,
)
NOVELTY = ["", "city", "size, new", ""]
SAID = [
    "values missing in 4 rows: 1 of 'size', 1 of 'city', 1 of 'when', 1 of 'new'; no training row "
    "lacked 'new'",
    "1 of 4 rows hold levels of 'city' that the model does not know: 'Bonn'",
]


@pytest.fixture
def predict(script):
    """Run the script in an empty folder: (exit status, standard output, what it said)."""
    return partial(script, "predict", "ckpt=model.ckpt")


@pytest.fixture
def model(tmp_path):
    return load(save(untrained_mixed(), tmp_path / "model.ckpt"))


@pytest.fixture(autouse=True)
def _pieces_of_two_rows(monkeypatch):
    monkeypatch.setattr(readers, "PIECE", 2)


def wanted(model):
    with torch.no_grad():
        mixture = model(CODES)
    return mixture.mean[:, 0], mixture.log_prob(torch.tensor(NEW[["y"]].to_numpy()))


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_file_with_gaps_and_new_levels(ending, model, predict):
    getattr(NEW, f"to_{ending}")(f"new.{ending}", index=False)
    columns = "columns=[mean,novelty,log_density]"
    status, _, said = predict(f"data.path=new.{ending}", "out=out.parquet", columns, "id=city")
    assert status == 0, said
    found = parquet.read_table("out.parquet")
    mean, log_density = wanted(model)
    np.testing.assert_allclose(found["mean_y"], mean, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(found["log_density"], log_density, rtol=1e-4, atol=1e-5)
    assert found["novelty"].to_pylist() == NOVELTY
    assert [line for line in said.splitlines() if "predicted" not in line] == SAID


def test_a_pipe_says_them_beside_the_answers(model, predict, monkeypatch):
    text = NEW.to_csv(index=False).encode()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BufferedReader(io.BytesIO(text))))
    status, written, said = predict("data.path=-", "out=-", "columns=[mean,novelty]")
    assert status == 0, said
    found = pd.read_csv(io.StringIO(written), keep_default_na=False)
    np.testing.assert_allclose(found["mean_y"], wanted(model)[0], rtol=1e-4, atol=1e-5)
    assert found["novelty"].tolist() == NOVELTY
    assert [line for line in said.splitlines() if "predicted" not in line] == SAID


def test_rows_without_gaps_are_not_spoken_of(model, predict):
    NEW.iloc[:1].to_csv("new.csv", index=False)
    status, written, said = predict("data.path=new.csv", "out=out.csv")
    assert status == 0
    assert "missing" not in written + said


def test_frames_of_any_library_in_any_order(model):
    polars = pytest.importorskip("polars")
    frames = [NEW, NEW[[*reversed(NEW.columns)]], polars.from_pandas(NEW)]
    for frame in frames:
        with pytest.warns(UserWarning, match="values missing in 4 rows: 1 of 'new'; no training"):
            mixture = model.predict(frame)
        np.testing.assert_allclose(mixture.mean[:, 0], wanted(model)[0], rtol=1e-4, atol=1e-5)
        assert [", ".join(names) for names in model.novelty(frame)] == NOVELTY


def test_rows_of_numbers_do_not_hold_text(model):
    with pytest.raises(ValueError, match=r"text or dates in \['city', 'when'\].*give a frame"):
        model.predict(CODES)
    assert list(model.card.inputs) == [*MIXED]


def test_numbers_may_be_missing_and_not_infinite():
    model, x = untrained(), rows(5)
    x[2, 1] = torch.nan
    with pytest.warns(UserWarning, match=r"values missing in 5 rows: 1 of 'x1'; no training row"):
        mixture = model.predict(x)
    assert mixture.mean.isfinite().all()
    with pytest.raises(ValueError, match="must be finite, got inf in row 2 of 'x1'"):
        model.predict(x.nan_to_num(torch.inf))
