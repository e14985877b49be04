"""Runs that go on from a checkpoint, and rows that have changed since."""

import json
import signal
from pathlib import Path

import pytest
import yaml
from command_lines import FILE, SMALL
from omegaconf import OmegaConf
from pyarrow import csv

from mdn.app import train
from mdn.model.checkpoint import OVERRIDES, read_checkpoint, write_checkpoint


def test_resume_goes_on_and_refuses_to_do_nothing(run, tmp_path):
    run("train", *SMALL, "hydra.run.dir=first")
    last = "ckpt_path=first/checkpoints/last.ckpt"
    status, said = run("train", *SMALL, last, "hydra.run.dir=second")
    assert status == 1
    assert "nothing is left to do; raise trainer.max_epochs" in said
    status, said = run("train", *SMALL, "trainer.max_epochs=4", last, "hydra.run.dir=third")
    assert status == 0, said
    assert json.loads(Path("third/metrics.json").read_text())["epochs"] == 4


CUT = {
    "members": ["model.ensemble_size=2", "recalibrate=true", "objective=crps"],
    "stopped early": [
        "callbacks.early_stopping.patience=1",
        "trainer.max_epochs=60",
        "optimizer.lr=1",
    ],
    "steps": ["+trainer.max_steps=5", "trainer.max_epochs=10", "model.ensemble_size=1"],
    "converged": ["model=gmm_em", "data=three_gaussians", "model.tol=0.1", "trainer.max_epochs=60"],
}


SLOW = pytest.mark.slow(reason="the same for other ends of a fit")
CASES = ["members", "stopped early", *(pytest.param(case, marks=SLOW) for case in [*CUT][2:])]


@pytest.mark.parametrize("case", CASES)
def test_a_run_that_was_cut_in_its_test_has_only_to_be_tested(run, monkeypatch, case):
    settings = [*SMALL, "callbacks.density_plot=null", *CUT[case]]
    assert run("train", *settings, "hydra.run.dir=whole")[0] == 0
    with monkeypatch.context() as patch:
        patch.setattr(train, "_test", lambda *_: signal.raise_signal(signal.SIGINT))
        assert run("train", *settings, "hydra.run.dir=first")[0] == 130
    status, said = run("train", CKPT, "hydra.run.dir=second")
    assert status == 0, said
    assert "no epoch is left to train: the run of first/" in said
    whole, second = (json.loads(Path(each, "metrics.json").read_text()) for each in NAMES)
    assert {**whole, "fit_seconds": 0} == {**second, "fit_seconds": 0}
    status, said = run("train", CKPT.replace("first", "second"))
    assert status == 1
    assert "nothing is left to do" in said


NAMES = "whole", "second"
CKPT = "ckpt_path=first/checkpoints/last.ckpt"
TINY = [*SMALL, "model.ensemble_size=1", "callbacks.density_plot=null", "hydra.run.dir=first"]


def configuration(name):
    return OmegaConf.to_container(OmegaConf.load(Path(name, "config.yaml")), resolve=True)


def test_a_run_goes_on_with_its_own_settings_but_for_those_that_are_given(
    run, prices, tmp_path, monkeypatch
):
    """Names in other scripts and signs of Hydra survive, and relative paths another directory."""
    folder = tmp_path / "a place: with, signs${x} 'é'"
    folder.mkdir()
    names = ["rooms", "age", "${price}", 'rent, "Größe"']
    table = csv.read_csv(prices).rename_columns(names)
    csv.write_csv(table, folder / "my prices.csv")
    monkeypatch.chdir(folder)
    status, said = run(
        *("train", *FILE, 'data.path="my prices.csv"', "backbone.width=8", "seed=3"),
        r"""data.targets=["\${price}",'rent, "Größe"']""",
        *("data.kinds={rooms: category}", "family=diagonal", "model.ensemble_size=2"),
        *("optimizer.betas=[0.8,0.99]", "+optimizer.amsgrad=true", "+trainer.min_epochs=1"),
        *("~callbacks.early_stopping", "callbacks.density_plot=null", "recalibrate=true"),
        f"hydra.run.dir={tmp_path}/first",
    )
    assert status == 0, said
    monkeypatch.chdir(tmp_path)
    status, said = run("train", CKPT, "trainer.max_epochs=4", "hydra.run.dir=second")
    assert status == 0, said
    first, last = said.index("settings    from first/"), said.index(f"path: {folder}/my prices.csv")
    changed = "changed     trainer.max_epochs from 3 to 4"
    assert said[first:last].splitlines()[1:] == [changed, "reads       the checkpoint's data."]
    before, after = configuration("first"), configuration("second")
    assert after["ckpt_path"] == "first/checkpoints/last.ckpt"
    assert after["trainer"].pop("max_epochs") == 4
    assert before["trainer"].pop("max_epochs") == 3
    assert after["data"]["path"] == f"{folder}/my prices.csv"
    for shown in (before, after):
        places = [shown["callbacks"][f"{each}_checkpoint"] for each in ("best", "last")]
        for place, key in ((shown, "run_dir"), (shown, "ckpt_path"), (shown["data"], "path")):
            del place[key]
        for place in places:
            del place["dirpath"]
    assert before == after
    assert json.loads(Path("second/metrics.json").read_text())["epochs"] == 4
    status, said = run("train", "ckpt_path=second/checkpoints/last.ckpt")
    assert status == 1
    assert "has trained 4 epochs and trainer.max_epochs is 4" in said


def test_what_may_name_code_or_files_has_to_be_repeated(run, tmp_path):
    own = ["+trainer.default_root_dir=elsewhere"]
    assert run("train", *TINY, *own)[0] == 0
    status, said = run("train", CKPT, "trainer.max_epochs=3")
    assert status == 1
    assert "settings of its run: +trainer.default_root_dir=elsewhere could name code or" in said
    assert not list(tmp_path.glob("outputs/train/*"))
    more = ["trainer.max_epochs=3", "hydra.run.dir=second"]
    assert run("train", CKPT, *own, *more)[0] == 0
    assert run("train", CKPT.replace("first", "second"), "~trainer.default_root_dir")[0] == 1
    assert configuration("second")["trainer"]["default_root_dir"] == "elsewhere"


def test_each_job_of_a_sweep_goes_on_with_the_settings_of_the_run(run):
    assert run("train", *TINY, "family=diagonal")[0] == 0
    jobs = ["optimizer.lr=1e-3,1e-2", "trainer.max_epochs=4", "hydra.sweep.dir=sweep"]
    status, said = run("train", "--multirun", CKPT, *jobs)
    assert status == 0, said
    assert "changed     optimizer.lr from 0.01 to 0.001 or 0.01" in said
    rows = csv.read_csv("sweep/sweep.csv").to_pylist()
    assert [row["epochs"] for row in rows] == [4, 4]
    assert rows[0]["val/nll"] != rows[1]["val/nll"]
    assert [configuration(f"sweep/{job}")["family"] for job in (0, 1)] == [
        configuration("first")["family"]
    ] * 2


def without_settings(path):
    """A checkpoint as earlier versions have written it."""
    kept = {key: value for key, value in read_checkpoint(path).items() if key != OVERRIDES}
    write_checkpoint(kept, path)


def test_a_checkpoint_that_keeps_no_settings_goes_on_with_those_that_are_repeated(run):
    assert run("train", *TINY)[0] == 0
    without_settings("first/checkpoints/last.ckpt")
    status, said = run("train", CKPT, "trainer.max_epochs=3")
    assert status == 1
    assert "settings    from the command line alone: first/checkpoints/last.ckpt keeps none" in said
    assert "it keeps no settings of its run: repeat the overrides of that run" in said
    more = [*TINY[:-1], "trainer.max_epochs=3", CKPT, "hydra.run.dir=second"]
    assert run("train", *more)[0] == 0


def test_a_checkpoint_in_a_file_of_settings_is_not_gone_on_from(run):
    Path("mine/experiment").mkdir(parents=True)
    text = "# @package _global_\nckpt_path: first/checkpoints/last.ckpt\n"
    Path("mine/experiment/again.yaml").write_text(text)
    status, said = run("train", "--config-dir", "mine", "experiment=again")
    assert status == 1
    assert "ckpt_path must be on the command line, got 'first/checkpoints/last.ckpt'" in said


@pytest.mark.slow(reason="four processes, each of which takes seconds to start")
def test_all_processes_of_a_run_go_on_with_its_settings(server, tmp_path):
    several = ["trainer.devices=2", "+trainer.strategy=ddp", "trainer.accelerator=cpu"]
    first = server.start("train", *TINY, *several, folder=tmp_path, name="first")
    assert first.wait() == 0, first.said
    more = [CKPT, "trainer.max_epochs=4", "hydra.run.dir=second"]
    second = server.start("train", *more, folder=tmp_path, name="second")
    assert second.wait() == 0, second.said
    assert second.said.count("settings    from") == 1
    shown = yaml.safe_load((tmp_path / "second/config.yaml").read_text())
    assert shown["trainer"]["devices"] == 2
    assert json.loads((tmp_path / "second/metrics.json").read_text())["epochs"] == 4


def test_resume_refuses_another_model(run, tmp_path):
    run("train", *SMALL, "hydra.run.dir=first")
    last = "ckpt_path=first/checkpoints/last.ckpt"
    status, said = run("train", *SMALL, "trainer.max_epochs=4", "model.num_components=3", last)
    assert status == 1
    assert "has model.num_components 2 and this run has 3; a run goes on with its own" in said
    assert not list(tmp_path.glob("outputs/train/*"))
    status, said = run("train", last, "trainer.max_epochs=4", "family=diagonal")
    assert status == 1
    assert "has model.family.kind full and this run has diagonal; a run goes on" in said


def test_resume_refuses_another_split_but_not_another_place_or_batch_size(run, prices):
    data = [*FILE, "data.targets=[price,rent]"]
    assert run("train", *data, f"data.path={prices}", "hydra.run.dir=first")[0] == 0
    more = [*data, "trainer.max_epochs=4", "ckpt_path=first/checkpoints/last.ckpt"]
    status, said = run("train", *more, f"data.path={prices}", "seed=1", "data.batch_size=16")
    assert status == 1
    assert "(test, train): data.seed was 0 and is 1; a run goes on with" in said
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
    assert "(test, train): a file has changed since; put it back as it was, or train" in said
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
