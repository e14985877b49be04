"""The command that evaluates: what it leaves behind and what it says."""

import json
import math

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from mdn.app.compose import compose
from mdn.app.evaluate import evaluate
from mdn.app.train import train
from mdn.model.checkpoint import write_checkpoint
from mdn.model.load import load


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    """Of a short run on two correlated targets."""
    run_dir = tmp_path_factory.mktemp("run")
    rows = ["data.train_rows=64", "data.val_rows=32", "data.test_rows=64"]
    asked = [*rows, "trainer.max_epochs=5", "callbacks=default", "seed=3"]
    train(compose("train", asked, run_dir))
    return run_dir / "checkpoints" / "best.ckpt"


def asked_of(checkpoint, run_dir, report):
    return {"ckpt": str(checkpoint), "data": None, "run_dir": str(run_dir), "report": report}


def test_evaluate_leaves_scores_pictures_and_a_page(checkpoint, tmp_path, capsys):
    nll = evaluate(asked_of(checkpoint, tmp_path, report=True))
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    trained = json.loads((checkpoint.parents[1] / "metrics.json").read_text())
    for key in ("test/nll", "test/nll_standardized", "test/excess_nll", "test/marginal_nll"):
        assert metrics[key] == pytest.approx(trained[key], abs=1e-6)
    assert metrics["test/nll"] == nll
    assert metrics["test/nll_bits"] == pytest.approx(nll / math.log(2), abs=1e-5)
    pictures = {path.name for path in (tmp_path / "figures").iterdir()}
    names = ("density", "slices", "reliability", "pit", "coverage", "component_usage")
    assert pictures == {f"{name}.{ending}" for name in names for ending in ("png", "svg")}
    log = EventAccumulator(str(tmp_path)).Reload()
    assert sorted(log.Tags()["images"]) == sorted(f"figures/{name}" for name in names)
    html = (tmp_path / "report.html").read_text()
    assert html.count("data:image/svg+xml;base64,") == len(names)
    assert f"{trained['fit_seconds']:.6g}" in html
    said = capsys.readouterr().out
    assert "Intervals and regions" in said
    assert "report.html" in said


def test_the_gain_over_a_mixture_does_not_depend_on_where_the_test_rows_are(checkpoint, tmp_path):
    evaluate(asked_of(checkpoint, tmp_path, report=False))
    own = json.loads((tmp_path / "metrics.json").read_text())
    data = load(checkpoint).card.data
    evaluate(asked_of(checkpoint, tmp_path, report=False) | {"data": data})
    assert json.loads((tmp_path / "metrics.json").read_text()) == own
    # One Gaussian is among what the mixture is chosen from.
    assert own["test/gain_over_marginal_mixture"] < own["test/gain_over_marginal"] + 0.1


def test_without_the_rows_of_training_the_mixture_is_left_out(checkpoint, tmp_path, capsys):
    state = torch.load(checkpoint, weights_only=True)
    data = state["mdn"]["data"]
    columns = {"targets": state["mdn"]["targets"], "inputs": state["mdn"]["inputs"]}
    parts = {"weight": None, "val_path": None, "test_path": None, "dequantize": False}
    numbers = {"val_fraction": 0.1, "test_fraction": 0.1, "batch_size": 8, "seed": 0}
    gone = {"_target_": "mdn.training.file_data.FileData", "path": str(tmp_path / "gone.csv")}
    for recipe in (gone | columns | parts | numbers, {}):
        state["mdn"]["data"] = recipe
        moved = tmp_path / "moved.ckpt"
        write_checkpoint(state, moved)
        evaluate(asked_of(moved, tmp_path, report=False) | {"data": data})
        assert "are not at hand" in capsys.readouterr().out
        metrics = json.loads((tmp_path / "metrics.json").read_text())
        assert "test/gain_over_marginal_mixture" not in metrics


def test_scores_alone_when_no_report_is_asked_for(checkpoint, tmp_path):
    evaluate(asked_of(checkpoint, tmp_path, report=False))
    assert [path.name for path in tmp_path.iterdir()] == ["metrics.json"]
