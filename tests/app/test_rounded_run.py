"""Runs on rounded targets, and recalibrated ones, as a command makes them."""

import json

import numpy as np
import pytest
import torch
from pyarrow import csv, table
from scipy import stats

import mdn
from mdn.app.build_lightning import stored_data
from mdn.app.compose import compose
from mdn.app.evaluate import evaluate
from mdn.app.train import train

SMALL = [
    "trainer.max_epochs=3",
    "+trainer.enable_progress_bar=false",
    "model.num_components=2",
    "model.smoothing=0",
    "model.guard=0",
    "backbone.width=8",
    "callbacks.progress=null",
    "callbacks.density_plot=null",
]


@pytest.fixture
def marks(tmp_path):
    """A CSV file with one input and one target in whole numbers."""
    generator = np.random.default_rng(0)
    x = generator.normal(size=400)
    y = np.round(2 * x + generator.normal(size=400)).astype(int)
    path = tmp_path / "marks.csv"
    csv.write_csv(table({"x": x, "mark": y}), path)
    return path


@pytest.fixture
def run(marks, tmp_path):
    """Train on the marks: the metrics, and the run's directory."""

    def train_on_them(name, *overrides):
        run_dir = tmp_path / name
        data = ["data=file", f"data.path={marks}", "data.targets=[mark]"]
        train(compose("train", [*data, *SMALL, *overrides], run_dir))
        return json.loads((run_dir / "metrics.json").read_text()), run_dir

    return train_on_them


def test_a_grid_is_warned_of_and_scored_in_training_and_evaluation(run, tmp_path):
    with pytest.warns(UserWarning, match="target 'mark' lies on a grid of step 1"):
        metrics, run_dir = run("plain")
    ckpt = run_dir / "checkpoints" / "best.ckpt"
    model = mdn.load(ckpt)
    assert model.card.grid == {"mark": 1.0}
    rows = stored_data(model.card.data).tables["test"]
    with torch.no_grad():
        mixture = model(rows.x)
    mu, sigma = mixture.mu[..., 0].numpy(), mixture.sigma[..., 0].numpy()
    low, high = (stats.norm.cdf((rows.y.numpy() + side - mu) / sigma) for side in (-0.5, 0.5))
    expected = -np.log((mixture.pi.numpy() * (high - low)).sum(1)).mean()
    assert metrics["test/grid_nll"] == pytest.approx(expected, rel=1e-6)
    again = compose("evaluate", [f"ckpt={ckpt}", "report=false"], tmp_path)
    evaluate(again)
    told = json.loads((tmp_path / "metrics.json").read_text())
    assert told["test/grid_nll"] == pytest.approx(expected, rel=1e-6)


def test_who_guards_against_spikes_is_not_warned(run, marks):
    y = np.loadtxt(marks, delimiter=",", skiprows=1)[:, 1]
    metrics, run_dir = run("guarded", "family.min_scale=grid", "data.dequantize=true")
    card = mdn.load(run_dir / "checkpoints" / "best.ckpt").card
    floor = card.model["family"]["min_scale"]
    assert floor == pytest.approx(1 / 12**0.5 / y.std(), rel=0.1)
    assert card.grid == {"mark": 1.0}
    assert metrics["test/grid_nll"] < stats.entropy(np.unique(y, return_counts=True)[1])
    data = stored_data(card.data)
    assert (data.train_table.y - data.tables["train"].y).abs().max() <= 0.5
    assert not torch.equal(data.train_table.y, data.tables["train"].y)


def test_a_recalibration_is_kept_in_the_best_checkpoint(run, tmp_path):
    guard = "data.dequantize=true"
    plain, _ = run("plain", guard)
    metrics, run_dir = run("recalibrated", guard, "recalibrate=true")
    best, last = (mdn.load(run_dir / "checkpoints" / f"{name}.ckpt") for name in ("best", "last"))
    assert best.recalibration == metrics["recalibration"] != 1
    assert last.recalibration == 1
    assert "recalibration" not in plain
    before = mdn.load(tmp_path / "plain" / "checkpoints" / "best.ckpt")
    rows = stored_data(best.card.data).tables["test"]
    with torch.no_grad():
        expected = before(rows.x).dispersed(metrics["recalibration"])
        torch.testing.assert_close(best(rows.x).std, expected.std, atol=0, rtol=1e-4)
        nll = -best(rows.x).log_prob(rows.y).mean().item()
    assert metrics["test/nll"] == pytest.approx(nll, abs=1e-4)
    resumed, _ = run(
        "resumed", guard, f"ckpt_path={run_dir}/checkpoints/last.ckpt", "trainer.max_epochs=4"
    )
    assert resumed["epochs"] == 4


def test_the_regressor_takes_the_same_options():
    generator = np.random.default_rng(0)
    x = generator.normal(size=(120, 1))
    y = np.round(2 * x[:, 0] + generator.normal(size=120))
    settings = {"recalibration": "held_out", "dequantize": True, "family.min_scale": "grid"}
    fitted = mdn.MDNRegressor(2, max_epochs=2, settings=settings, random_state=0).fit(x, y)
    assert fitted.module_.recalibration != 1
    assert fitted.module_.family.min_scale == pytest.approx(1 / 12**0.5 / y.std(), rel=0.1)
    assert np.isfinite(fitted.score(x, y))
