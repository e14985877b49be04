"""Runs that go on from a checkpoint, and rows that have changed since."""

import json
from pathlib import Path

import pytest
from command_lines import FILE, SMALL


def test_resume_goes_on_and_refuses_to_do_nothing(run, tmp_path):
    run("train", *SMALL, "hydra.run.dir=first")
    last = "ckpt_path=first/checkpoints/last.ckpt"
    status, said = run("train", *SMALL, last, "hydra.run.dir=second")
    assert status == 1
    assert "nothing is left to do; raise trainer.max_epochs" in said
    status, said = run("train", *SMALL, "trainer.max_epochs=4", last, "hydra.run.dir=third")
    assert status == 0, said
    assert json.loads(Path("third/metrics.json").read_text())["epochs"] == 4


def test_resume_refuses_another_model(run, tmp_path):
    run("train", *SMALL, "hydra.run.dir=first")
    last = "ckpt_path=first/checkpoints/last.ckpt"
    status, said = run("train", *SMALL, "trainer.max_epochs=4", "model.num_components=3", last)
    assert status == 1
    assert "has model.num_components 2 and this run has 3; a run goes on with its own" in said
    assert not list(tmp_path.glob("outputs/train/*"))


def test_resume_refuses_another_split_but_not_another_place_or_batch_size(run, prices):
    data = [*FILE, "data.targets=[price,rent]"]
    assert run("train", *data, f"data.path={prices}", "hydra.run.dir=first")[0] == 0
    more = [*data, "trainer.max_epochs=4", "ckpt_path=first/checkpoints/last.ckpt"]
    status, said = run("train", *more, f"data.path={prices}", "seed=1", "data.batch_size=16")
    assert status == 1
    assert "(test, val, train): data.seed was 0 and is 1; a run goes on with" in said
    prices.rename("moved.csv")
    assert run("train", *more, "data.path=moved.csv", "data.batch_size=16")[0] == 0


def test_a_file_that_has_grown_is_not_resumed_from_and_not_scored_in_silence(run, prices):
    data = [*FILE, "data.targets=[price,rent]", f"data.path={prices}"]
    assert run("train", *data, "hydra.run.dir=first")[0] == 0
    lines = prices.read_text().splitlines(keepends=True)
    prices.write_text("".join([*lines, lines[1]]))
    more = ["trainer.max_epochs=4", "ckpt_path=first/checkpoints/last.ckpt"]
    status, said = run("train", *data, *more)
    assert status == 1
    assert "(test, val, train): a file has changed since; a run goes on with" in said
    with pytest.warns(UserWarning, match="no longer those of the run .* a file has changed"):
        assert run("evaluate", "ckpt=first/checkpoints/best.ckpt", "report=false")[0] == 0


def test_rows_that_have_changed_are_not_what_inputs_are_valued_against(run, prices):
    data = [*FILE, "data.targets=[price,rent]", f"data.path={prices}"]
    assert run("train", *data, "hydra.run.dir=first")[0] == 0
    other = Path("other.csv")
    other.write_text(prices.read_text())
    asked = ["ckpt=first/checkpoints/best.ckpt", "data=file", f"data.path={other}", "report=false"]

    def scores(name):
        assert run("evaluate", *asked, f"hydra.run.dir={name}")[0] == 0
        return json.loads(Path(name, "metrics.json").read_text())

    assert "test/gain_over_marginal_mixture" in scores("before")
    lines = prices.read_text().splitlines(keepends=True)
    prices.write_text("".join([*lines, lines[1]]))
    assert "test/gain_over_marginal_mixture" not in scores("after")
