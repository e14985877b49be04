"""Predictions of files: what the columns hold, whatever the format, and what a mistake leaves."""

import io
import os
import re
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch
from checkpoints import CONF, rows, save, untrained
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf
from pyarrow import csv, parquet
from scipy import stats

from mdn.app.predict import predict as run
from mdn.data.readers import reader as readers
from mdn.model.prediction_columns import COLUMNS

NUMBER = 60


@pytest.fixture
def predict(script):
    """Run the script in an empty folder with a model of x0, x1, x2: (exit status, what it said)."""
    return partial(script, "predict", "ckpt=model.ckpt")


@pytest.fixture
def model(tmp_path):
    module = untrained("model.num_components=3", "model.ensemble_size=1")
    save(module, tmp_path / "model.ckpt")
    return module


@pytest.fixture
def table(model, tmp_path):
    """Rows as CSV, Parquet and NPZ, with a name, a target, and columns in another order."""
    x = rows(NUMBER).numpy()
    columns = {f"x{i}": x[:, i] for i in (2, 0, 1)}
    columns["y0"] = 500 + 100 * np.random.default_rng(0).normal(size=NUMBER)
    np.savez(tmp_path / "new.npz", **columns)
    whole = pa.table({"name": [f"00{i}" for i in range(NUMBER)]} | columns | {"junk": ["a,b"] * 60})
    csv.write_csv(whole, tmp_path / "new.csv")
    parquet.write_table(whole, tmp_path / "new.parquet", row_group_size=7)
    return whole


@pytest.fixture
def small_pieces(monkeypatch):
    monkeypatch.setattr(readers, "PIECE", 16)


def mixture_of(model, table):
    return model(torch.tensor(np.column_stack([table[f"x{i}"] for i in range(3)]))).detach()


def scipy_cdf(mixture, row, y):
    pi, mu, sigma = (
        v[row].squeeze(-1).numpy() for v in (mixture.pi[..., None], mixture.mu, mixture.sigma)
    )
    return (pi * stats.norm.cdf(y, mu, sigma)).sum()


def test_noise_and_doubt_are_those_of_the_members(predict, table, tmp_path, small_pieces):
    model = untrained("model.num_components=3", "model.ensemble_size=4")
    save(model, tmp_path / "model.ckpt")
    columns = "columns=[mean,std,aleatoric,epistemic]"
    status, _, said = predict("data.path=new.csv", "out=out.parquet", columns)
    assert status == 0, said
    found = parquet.read_table("out.parquet")
    with torch.no_grad():
        x = torch.tensor(np.column_stack([table[f"x{i}"] for i in range(3)]))
        each = [model.members(x)[m] for m in range(4)]
    means = torch.stack([member.mean for member in each])[..., 0].numpy()
    variances = torch.stack([member.std for member in each])[..., 0].square().numpy()
    np.testing.assert_allclose(found["epistemic_y0"], means.std(0), rtol=1e-5)
    np.testing.assert_allclose(found["aleatoric_y0"], np.sqrt(variances.mean(0)), rtol=1e-5)
    np.testing.assert_allclose(found["mean_y0"], means.mean(0), rtol=1e-5)
    squares = [np.asarray(found[name]) ** 2 for name in ("aleatoric_y0", "epistemic_y0", "std_y0")]
    np.testing.assert_allclose(squares[0] + squares[1], squares[2], rtol=1e-5)


def test_one_network_has_no_doubt(predict, model, table):
    status, _, said = predict(
        "data.path=new.csv", "out=out.parquet", "columns=[std,aleatoric,epistemic]"
    )
    assert status == 0, said
    found = parquet.read_table("out.parquet")
    assert (np.asarray(found["epistemic_y0"]) == 0).all()
    np.testing.assert_allclose(found["aleatoric_y0"], found["std_y0"])


def test_columns_hold_what_their_names_say(predict, model, table, small_pieces):
    columns = f"columns=[{','.join(COLUMNS)}]"
    status, _, said = predict(
        "data.path=new.csv", "out=out.parquet", columns, "quantiles=[0.1,0.75]", "samples=2",
        "interval_level=0.8", "id=[name]",
    )  # fmt: skip
    assert status == 0, said
    found = parquet.read_table("out.parquet")
    mixture = mixture_of(model, table)
    for row in range(0, NUMBER, 7):
        at = {name: found[name][row].as_py() for name in found.column_names}
        weights = np.array([at[f"pi_{k}"] for k in range(3)])
        mu = np.array([at[f"mu_y0_{k}"] for k in range(3)])
        sigma = np.array([at[f"sigma_y0_{k}"] for k in range(3)])
        np.testing.assert_allclose(mu, mixture.mu[row, :, 0], rtol=1e-6)
        assert weights.sum() == pytest.approx(1)
        assert at["name"] == f"00{row}"
        assert at["mean_y0"] == pytest.approx(weights @ mu)
        second = weights @ (sigma**2 + mu**2)
        assert at["std_y0"] == pytest.approx(np.sqrt(second - (weights @ mu) ** 2), rel=1e-4)
        for name, level in {
            "median_y0": 0.5, "quantile_y0_0.1": 0.1, "quantile_y0_0.75": 0.75,
            "lower_y0": 0.1, "upper_y0": 0.9,
        }.items():  # fmt: skip
            assert scipy_cdf(mixture, row, at[name]) == pytest.approx(level, abs=1e-6)
        y = table["y0"][row].as_py()
        density = weights @ stats.norm.pdf(y, mu, sigma)
        assert at["log_density"] == pytest.approx(np.log(density), abs=1e-4)
        assert at["component"] == weights.argmax()
        assert at["component_mu_y0"] == pytest.approx(mu[weights.argmax()])
        near = np.linspace(-1e-3, 1e-3, 3) * sigma.min() + at["mode_y0_0"]
        heights = stats.norm.pdf(near[:, None], mu, sigma) @ weights
        assert heights.argmax() == 1
        assert at["mode_log_density_0"] == pytest.approx(np.log(heights[1]), abs=1e-4)
        others = [at[f"mode_log_density_{k}"] for k in range(3)]
        missing = [value is None for value in others]
        assert missing == sorted(missing)
        assert [at[f"mode_y0_{k}"] is None for k in range(3)] == missing


def test_every_format_gives_the_same(predict, table, small_pieces, monkeypatch):
    columns = "columns=[mean,quantiles,samples]"
    found = {}
    for name in ("new.csv", "new.parquet", "new.npz"):
        assert predict(f"data.path={name}", "out=out.parquet", columns)[0] == 0
        found[name] = parquet.read_table("out.parquet")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BufferedReader(io.FileIO("new.csv"))))
    status, written, said = predict("data.path=-", "out=-", columns)
    assert status == 0
    assert "60 rows predicted" in said
    found["piped"] = csv.read_csv(io.BytesIO(written.encode()))
    wanted = found.pop("new.parquet")
    assert wanted.num_rows == NUMBER
    for other in found.values():
        assert other.column_names == wanted.column_names
        for name in wanted.column_names:
            np.testing.assert_allclose(other[name], wanted[name], rtol=1e-12)


def test_samples_follow_the_seed_and_the_density(predict, model, table, small_pieces):
    same = {f"x{i}": np.full(50, table[f"x{i}"][0].as_py()) for i in range(3)}
    csv.write_csv(pa.table(same), "same.csv")
    asked = ["data.path=same.csv", "out=out.parquet", "columns=[samples]", "samples=40"]
    drawn = []
    for seed in (1, 1, 2):
        assert predict(*asked, f"seed={seed}")[0] == 0
        answers = parquet.read_table("out.parquet")
        drawn.append(np.stack([answers[name] for name in answers.column_names]).ravel())
    np.testing.assert_array_equal(drawn[0], drawn[1])
    assert not np.isin(drawn[0], drawn[2]).any()
    assert len(np.unique(drawn[0])) == 2000
    mixture = mixture_of(model, table)
    found = stats.kstest(drawn[0], np.vectorize(lambda y: scipy_cdf(mixture, 0, y)))
    assert found.pvalue > 1e-3


def test_levels_that_are_near_have_columns_of_their_own(predict, table):
    asked = ["columns=quantiles", "quantiles=[0.05,0.9999999,0.99999999]"]
    assert predict("data.path=new.csv", "out=out.parquet", *asked)[0] == 0
    found = parquet.read_table("out.parquet")
    assert found.column_names == [
        "quantile_y0_0.05",
        "quantile_y0_0.9999999",
        "quantile_y0_0.99999999",
    ]
    assert (found[1].to_numpy() < found[2].to_numpy()).all()


def test_lists_are_handed_on_to_parquet_only(predict, model, table):
    lists = table.append_column("tags", pa.array([[1, 2]] * NUMBER))
    parquet.write_table(lists, "lists.parquet")
    asked = ["data.path=lists.parquet", "columns=mean", "id=tags"]
    for out in ("out=out.csv", "out=-"):
        status, _, said = predict(*asked, out)
        assert status == 1
        assert "column 'tags' is of type list" in said
        assert "write .parquet" in said
    assert not Path("out.csv").exists()
    assert predict(*asked, "out=out.parquet")[0] == 0
    assert parquet.read_table("out.parquet")["tags"].to_pylist() == [[1, 2]] * NUMBER


@pytest.mark.parametrize("samples", [1, 2000], ids=["at the end", "on the way"])
def test_a_reader_of_standard_output_may_leave(predict, table, monkeypatch, samples):
    reader, writer = os.pipe()
    os.close(reader)
    with open(writer, "w") as pipe:
        monkeypatch.setattr(sys, "stdout", pipe)
        asked = ["data.path=new.csv", "out=-", "columns=samples", f"samples={samples}"]
        status, _, said = predict(*asked)
    assert (status, said) == (0, "")


def test_names_and_numbers_of_a_csv_are_handed_on_as_they_are(predict, table):
    given = csv.read_csv(
        "new.csv", convert_options=csv.ConvertOptions(column_types={"name": "string"})
    )
    assert (
        predict("data.path=new.csv", "out=out.csv", "id=[name,x1,junk]", "columns=[mean]")[0] == 0
    )
    types = csv.ConvertOptions(column_types={"name": "string"})
    found = csv.read_csv("out.csv", convert_options=types)
    assert found.column_names == ["name", "x1", "junk", "mean_y0"]
    for name in ("name", "x1", "junk"):
        assert found[name].to_pylist() == given[name].to_pylist()


def test_booleans_are_zero_and_one(predict, model, table, tmp_path):
    flags = pa.table({"x0": [500.0, 510.0], "x1": [True, False], "x2": [1.0, 2.0]})
    csv.write_csv(flags, "flags.csv")
    assert predict("data.path=flags.csv", "out=out.parquet", "columns=[mean]")[0] == 0
    x = torch.tensor([[500.0, 1, 1], [510, 0, 2]], dtype=torch.float64)
    found = parquet.read_table("out.parquet")["mean_y0"]
    np.testing.assert_allclose(found, model(x).mean.detach()[:, 0], rtol=1e-12)


def bad_csv(row, text):
    lines = [f"{i},1,2" for i in range(200)]
    lines[row] = text
    return "\n".join(["x0,x1,x2", *lines, ""])


MISTAKES = {
    "text": (bad_csv(150, "1,abc,2"), [], "line 152: column 'x1' holds 'abc'"),
    "infinite": (bad_csv(150, "1,inf,2"), [], "line 152"),
    "ragged": (bad_csv(150, "1,2"), [], "line 152: 2 values where the header names 3 columns"),
    "no rows": ("x0,x1,x2\n", [], "has column names and no rows"),
    "blank": ("\n\n", [], "only blank lines"),
    "no such column": ("x0,x1\n1,2\n", [], "has no column 'x2'"),
    "no such id": (bad_csv(0, "1,2,3"), ["id=[nam]"], "has no column 'nam'"),
    "no target": (bad_csv(0, "1,2,3"), ["columns=[log_density]"], "has no column 'y0'"),
    "unknown answer": (bad_csv(0, "1,2,3"), ["columns=[means]"], "columns must be some of mean,"),
    "no answer": (bad_csv(0, "1,2,3"), ["columns=[]"], "columns must be some of mean,"),
    "level twice": (bad_csv(0, "1,2,3"), ["quantiles=[0.5,0.1,0.5]"], "got 0.5 more than once"),
    "no level": (bad_csv(0, "1,2,3"), ["quantiles=half"], "numbers from 0 to 1, got 'half'"),
    "seed": (bad_csv(0, "1,2,3"), ["seed=-1"], "seed must be a whole number from 0 up, got -1"),
    "level": (bad_csv(0, "1,2,3"), ["quantiles=[5]"], "90 % is 0.9"),
    "no sample": (bad_csv(0, "1,2,3"), ["samples=0"], "samples must be at least 1, got 0"),
    "ending": (bad_csv(0, "1,2,3"), ["out=out.txt"], "out must end with one of"),
    "folder": (bad_csv(0, "1,2,3"), ["out=no/out.csv"], "there is no folder no"),
    "name taken": (
        "x0,x1,x2,mean_y0\n1,2,3,4\n",
        ["id=mean_y0"],
        "'mean_y0' is a column of the answers too",
    ),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_a_mistake_is_one_message_and_leaves_no_file(case, model, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(readers, "PIECE", 16)
    text, overrides, wanted = MISTAKES[case]
    Path("bad.csv").write_text(text)
    Path("out.csv").write_text("what was there")
    with initialize_config_dir(str(CONF), version_base="1.3"):
        given = ["ckpt=model.ckpt", "data.path=bad.csv", "out=out.csv", *overrides]
        config = OmegaConf.to_container(compose("predict", given), resolve=True)
    with pytest.raises((ValueError, FileNotFoundError), match=re.escape(wanted)):
        run(config)
    assert Path("out.csv").read_text() == "what was there"
    assert {path.name for path in Path().iterdir()} == {"model.ckpt", "bad.csv", "out.csv"}


def test_the_script_says_a_mistake_in_one_message(predict, model):
    Path("bad.csv").write_text(bad_csv(150, "1,abc,2"))
    status, _, said = predict("data.path=bad.csv", "out=out.csv")
    assert status == 1
    assert "line 152: column 'x1' holds 'abc'" in said
    assert "Traceback" not in said


@pytest.mark.parametrize(("code", "value"), [("number ,", 1.5), ("number .,", 1500.0)])
def test_rows_are_read_as_those_that_the_model_learned_from(code, value, predict, model, tmp_path):
    model.card = replace(model.card, formats={"x1": code})
    save(model, tmp_path / "model.ckpt")
    Path("new.csv").write_text("x0;x1;x2\n1;1,500;3\n")
    status, _, said = predict("data.path=new.csv", "out=out.parquet")
    assert status == 0, said
    expected = model(torch.tensor([[1.0, value, 3.0]])).mean.item()
    assert parquet.read_table("out.parquet")["mean_y0"].to_pylist() == [pytest.approx(expected)]
