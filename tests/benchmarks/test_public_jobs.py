"""Jobs run once, on one process or several, and rivals answer in the units of the targets."""

import json
from dataclasses import replace

import numpy as np
import pytest
from benchmarks.options import parse
from benchmarks.public import contenders, runner, suite
from benchmarks.public.contenders import RIVALS, checked, contender
from benchmarks.public.contenders.ours import read_setting
from benchmarks.public.contenders.prediction import Machine
from benchmarks.public.known import collection
from benchmarks.public.split import split_of_arrays
from benchmarks.public.summary import mean_of

from mdn.data.table import Table


@pytest.fixture
def folder(tmp_path):
    random = np.random.default_rng(0)
    x = random.normal(size=(60, 2))
    values = np.column_stack([x, 100 + 20 * x[:, 0] + random.normal(size=60)])
    np.savetxt(tmp_path / "yacht.csv", values, delimiter=",", header="x0,x1,y", comments="")
    return tmp_path


def options(folder, *more):
    return parse(["suite=uci", f"data={folder}", f"out={folder}/out", "splits=2", *more])


def test_a_second_call_measures_only_what_is_missing(folder, capsys):
    once = options(folder, "contenders=marginal", "processes=1")
    [first] = suite.rows(once)
    assert "2/2 yacht-1-marginal" in capsys.readouterr().err
    (folder / "out" / "uci" / "yacht-0-marginal.json").unlink()
    [second] = suite.rows(once)
    said = capsys.readouterr().err
    assert "1 of 2 jobs were measured before" in said
    assert "yacht-0-marginal" in said
    assert "yacht-1-marginal" not in said
    assert {**first, "seconds": 0} == {**second, "seconds": 0}
    assert "| yacht | 54 | 2 |" in (folder / "out" / "uci.md").read_text()


def test_other_rows_are_measured_anew(folder):
    [job, _] = suite.jobs_of(options(folder, "contenders=marginal"), collection("uci", folder))
    before = job.stamp
    assert before == job.stamp
    (folder / "yacht.csv").write_text((folder / "yacht.csv").read_text().replace("1", "2"))
    assert job.stamp["data"] != before["data"]
    assert job.stamp["code"] == before["code"]
    assert replace(job, machine=Machine(device="cuda")).stamp["device"] == "cuda"


def test_our_own_figures_depend_on_the_whole_package(folder):
    jobs = suite.jobs_of(
        options(folder, "contenders=default,default+guard=0,marginal"), collection("uci", folder)
    )
    ours, other, rival = (job.stamp["code"] for job in jobs[:3])
    assert ours == other
    assert rival != ours


def test_several_processes_measure_the_same(folder):
    [alone] = suite.rows(
        options(folder, "contenders=marginal", "processes=1", "out=" + str(folder / "a"))
    )
    [shared] = suite.rows(
        options(folder, "contenders=marginal", "processes=2", "out=" + str(folder / "b"))
    )
    assert {**alone, "seconds": 0} == {**shared, "seconds": 0}


def test_a_job_that_fails_leaves_the_others(folder, monkeypatch, capsys):
    def fails(split, machine):
        raise RuntimeError("no luck")

    real = contenders.contender
    monkeypatch.setattr(
        "benchmarks.public.job.contender",
        lambda name: fails if name == "deep_ensemble" else real(name),
    )
    rows = suite.rows(options(folder, "contenders=marginal,deep_ensemble", "processes=1"))
    assert next(rows)["contender"] == "marginal"
    with pytest.raises(ValueError, match=r"2 jobs failed; .* RuntimeError: no luck"):
        list(rows)
    assert not list((folder / "out" / "uci").glob("*deep_ensemble*"))


def test_the_default_recipe_is_measured_with_what_it_has_chosen(folder):
    name = "default+max_epochs=2+ensemble_size=2+backbone.width=8"
    [row] = suite.rows(
        options(folder, f"contenders={name}", "processes=1", "splits=1", f"docs={folder}")
    )
    assert row["contender"] == name
    stored = json.loads((folder / "out" / "uci" / f"yacht-0-{name}.json").read_text())
    assert stored["chosen"]["recipe"]["ensemble_size"] == 2
    assert {"guard", "recalibration"} <= stored["chosen"].keys()
    assert len(stored["rows"]) == 6
    assert mean_of(stored["rows"]).value == pytest.approx(stored["figures"]["score"])
    assert "guard" in (folder / "uci.md").read_text()


def test_settings_are_read_as_in_yaml():
    assert read_setting("guard=0.01") == ("guard", 0.01)
    assert read_setting("first_layer_gain=[1, 2]") == ("first_layer_gain", [1, 2])
    assert read_setting("family=diagonal") == ("family", "diagonal")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("forest", r"contenders must be of .* got 'forest'"),
        ("marginal+guard=0", r"contenders must be of .* got 'marginal\+guard=0'"),
        ("default+guard", "must be name=value, got 'guard'"),
    ],
)
def test_an_unknown_contender_is_refused(name, message):
    assert checked([]) == ["default"]
    with pytest.raises(ValueError, match=message):
        checked([name])


def test_a_missing_package_is_said(monkeypatch):
    monkeypatch.setattr(contenders, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r"\['ngboost'\]; pip install 'mdn\[rivals\]'"):
        checked(["ngboost"])


def split_on_a_line():
    random = np.random.default_rng(0)
    x = random.normal(size=(300, 2))
    y = 1000 + 50 * x[:, :1] + 5 * random.normal(size=(300, 1))
    return split_of_arrays(x, y, np.arange(50), 0)


@pytest.mark.parametrize("name", list(RIVALS))
def test_a_rival_answers_in_the_units_of_the_targets(name):
    if RIVALS[name].missing:
        pytest.skip(f"{RIVALS[name].missing} are not installed")
    split = split_on_a_line()
    found = contender(name)(split, Machine())
    off = (found.mixture.mean - split.test.y).square().mean().sqrt().item()
    assert found.mixture.mean.shape == (50, 1)
    assert off < (80 if name == "marginal" else 25)
    assert found.seconds > 0


def test_rivals_that_take_numbers_refuse_text():
    split = split_on_a_line()
    x = split.train.x.clone()
    x[0, 0] = np.nan
    gaps = Table(x, split.train.y, None, split.train.input_names, split.train.target_names)
    with pytest.raises(ValueError, match="takes numbers without gaps"):
        contender("deep_ensemble")(replace(split, train=gaps), Machine())


def test_without_git_no_commit_is_said(monkeypatch):
    def no_git(*arguments, **settings):
        raise FileNotFoundError

    assert runner.commit_here() != "+"
    monkeypatch.setattr(runner.subprocess, "run", no_git)
    assert runner.commit_here() == ""
