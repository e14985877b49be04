"""Commands on runs whose networks each hold out rows of their own."""

import json
import warnings

import pandas as pd
import pytest
import torch

RUN = ["data=file", "data.path=a.csv", "data.targets=[y]", "callbacks.density_plot.enabled=false"]
SMALL = ["trainer.max_epochs=2", "model.ensemble_size=3", "backbone.width=8", "run_dir=run"]
SMALL += ["model.smoothing=0", "model.guard=0"]
LAST = "ckpt_path=run/checkpoints/last.ckpt"


@pytest.fixture
def trained(script, tmp_path):
    x = torch.randn(120, dtype=torch.float64)
    rows = pd.DataFrame({"x": x, "y": x + torch.randn(120, dtype=torch.float64)})
    rows.to_csv(tmp_path / "a.csv", index=False)
    status, out, err = script("train", *RUN, *SMALL)
    assert status == 0, out + err
    return json.loads((tmp_path / "run/metrics.json").read_text()), out


def test_a_run_tells_how_rows_score_that_a_network_has_not_learned(trained, script, tmp_path):
    metrics, out = trained
    assert metrics["train_rows"] == 108
    assert 3 * 13 <= metrics["val_rows"] <= 3 * 14
    assert metrics["cv/nll"] == pytest.approx(metrics["val/nll"], abs=1e-4)
    assert {"cv/crps", "cv/coverage_90"} < metrics.keys()
    assert "val   each network holds out an eighth of the training rows of its own" in out
    assert "cross-validated NLL of single networks" in out
    assert "validation NLL" not in out
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)  # the rows are those of the run
        status, out, err = script(
            "evaluate", "ckpt=run/checkpoints/best.ckpt", "run_dir=scores", "report=false"
        )
    assert status == 0, out + err
    evaluated = json.loads((tmp_path / "scores/metrics.json").read_text())
    assert evaluated["test/nll"] == pytest.approx(metrics["test/nll"])


def test_another_split_is_refused_by_its_key(trained, script):
    status, out, err = script("train", LAST, "model.cross_fit=false", "trainer.max_epochs=3")
    assert status == 1
    assert "model.cross_fit was True and is False" in out + err


def test_what_cannot_be_is_refused_by_its_key(trained, script):
    for more in ("data.val_fraction=0.1", "model.ensemble_size=1", "data.val_path=a.csv"):
        status, out, err = script("train", *RUN, "model.cross_fit=true", more, "run_dir=other")
        assert status == 1
        assert "model.cross_fit=true has each network hold out training rows" in out + err


def test_a_run_learns_spreads_again(trained, script, tmp_path):
    metrics, out = trained
    assert metrics["spread_refitted"] is False
    assert "spreads learned again on rows held out" in out
    again = "model.refit_spread=true", "trainer.max_epochs=3", "run_dir=again"
    status, out, err = script("train", LAST, *again)
    assert status == 0, out + err
    metrics = json.loads((tmp_path / "again/metrics.json").read_text())
    assert metrics["spread_refitted"] is True
    # The rows that a spread was learned from have no say in its score.
    assert metrics["val/nll"] == metrics["cv/nll"]
    status, out, err = script("evaluate", "ckpt=again/checkpoints/best.ckpt", "run_dir=scores")
    assert status == 0, out + err
    evaluated = json.loads((tmp_path / "scores/metrics.json").read_text())
    assert evaluated["test/nll"] == pytest.approx(metrics["test/nll"])
    page = (tmp_path / "scores/report.html").read_text()
    assert "learned again on the rows that each network held out" in page
    status, out, err = script("train", LAST.replace("run/", "again/"), "trainer.max_epochs=4")
    assert status == 0, out + err


def test_spreads_that_cannot_be_learned_again_are_refused_by_their_key(trained, script):
    more = "model.refit_spread=true", "model.cross_fit=false", "run_dir=other"
    status, out, err = script("train", *RUN, *more)
    assert status == 1
    assert "model.refit_spread=true learns the spread of each network again" in out + err
    assert "set model.refit_spread to held_out or False" in out + err
