"""A directory that holds something already: refused before anything in it changes."""

from pathlib import Path

import pytest
from command_lines import SMALL

QUICK = [*SMALL, "model.ensemble_size=1", "trainer.max_epochs=1", "callbacks=checkpoint"]
LAST = "ckpt_path=run/checkpoints/last.ckpt"
BEST = "ckpt=run/checkpoints/best.ckpt"


@pytest.fixture
def trained(run):
    """A run in the directory `run`."""
    assert run("train", *QUICK, "hydra.run.dir=run")[0] == 0


def contents(folder: str | Path) -> dict[str, bytes]:
    """All files below a folder."""
    found = [path for path in Path(folder).rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}


IN_A_RUN = {
    "train": (
        ["train", *QUICK, "seed=1", "hydra.run.dir=run"],
        "error: run holds a training run already (checkpoints/best.ckpt, checkpoints/last.ckpt); "
        f"set another hydra.run.dir, go on with it by {LAST} hydra.run.dir=run, or remove it\n",
    ),
    "train elsewhere": (
        ["train", *QUICK, "seed=1", "run_dir=run"],
        "error: run holds a training run already (checkpoints/best.ckpt, checkpoints/last.ckpt); "
        f"set another run_dir, go on with it by {LAST} run_dir=run, or remove it\n",
    ),
    "evaluate": (
        ["evaluate", BEST, "hydra.run.dir=run"],
        "error: run holds a training run (checkpoints/best.ckpt, checkpoints/last.ckpt), whose "
        "metrics.json would be overwritten; set another hydra.run.dir\n",
    ),
}


@pytest.mark.parametrize("case", IN_A_RUN)
def test_a_run_is_not_overwritten(case, run, trained, tmp_path):
    before = contents(tmp_path)
    command, wanted = IN_A_RUN[case]
    assert run(*command) == (1, wanted)
    assert contents(tmp_path) == before


def test_a_run_goes_on_in_its_own_directory(run, trained):
    asked = contents("run/.hydra")
    status, said = run("train", *QUICK, LAST, "trainer.max_epochs=2", "hydra.run.dir=run")
    assert status == 0, said
    assert contents("run/.hydra") == asked
    assert not Path("run/.mdn.lock").exists()
    before = contents("run")
    status, said = run("train", *QUICK, LAST, "trainer.max_epochs=2", "hydra.run.dir=run")
    assert status == 1
    assert said.splitlines()[-1].endswith("nothing is left to do; raise trainer.max_epochs")
    assert contents("run") == before


MINE = [
    *(("hydra.run.dir", name) for name in ("config.yaml", "columns.json", "metrics.json")),
    *(("hydra.run.dir", name) for name in (".hydra/config.yaml", "figures/density.png")),
    ("run_dir", "config.yaml"),
]


@pytest.mark.parametrize(("place", "name"), MINE)
def test_a_file_of_the_user_is_not_overwritten(place, name, run, tmp_path):
    mine = tmp_path / "mine" / name
    mine.parent.mkdir(parents=True)
    mine.write_text("mine")
    status, said = run("train", "family.min_scale=-1", f"{place}=mine")
    assert status == 1
    assert f"({name}); set another {place}, or " in said
    assert contents("mine") == {name: b"mine"}
    assert not list(tmp_path.glob("outputs/train/*"))


def test_files_of_other_names_stay_whether_it_fails_or_not(run, tmp_path):
    Path("mine/checkpoints").mkdir(parents=True)
    names = ["train.log", "events.out.tfevents.1.host.1.0", "figures.txt", "checkpoints/note"]
    for name in names:
        Path("mine", name).write_text("mine")
    assert run("train", "family.min_scale=-1", "hydra.run.dir=mine")[0] == 1
    assert contents("mine") == dict.fromkeys(names, b"mine")
    assert run("train", *QUICK, "hydra.run.dir=mine")[0] == 0
    left = contents("mine")
    assert {name: left[name] for name in names} == dict.fromkeys(names, b"mine")


def test_an_empty_directory_of_the_user_stays(run):
    Path("mine").mkdir()
    assert run("train", "family.min_scale=-1", "hydra.run.dir=mine")[0] == 1
    assert Path("mine").is_dir()
    assert not contents("mine")


def test_a_sweep_is_not_mixed_with_another(run):
    sweep = ["train", "--multirun", *QUICK, "hydra.sweep.dir=sweep"]
    assert run(*sweep, "seed=1,2")[0] == 0
    before = contents("sweep")
    status, said = run(*sweep, "seed=3")
    assert status == 1
    wanted = "sweep holds a sweep already (multirun.yaml, sweep.csv, 0/.hydra, ...); set another "
    assert said == f"error: {wanted}hydra.sweep.dir, or remove it\n"
    assert contents("sweep") == before


def test_jobs_of_a_sweep_do_not_share_a_directory(run):
    sweep = ["train", "--multirun", *QUICK, "hydra.sweep.dir=sweep", "hydra.sweep.subdir=one"]
    status, said = run(*sweep, "seed=1,2")
    assert status == "1 of 1 jobs failed: one"
    assert "sweep/one holds a training run already" in said
    assert "set another hydra.sweep.subdir" in said


def test_a_sweep_that_cannot_be_composed_leaves_nothing(run, tmp_path):
    sweep = ["train", "--multirun", *QUICK, "hydra.sweep.dir=sweep", "seed=1,2", "nothing=1"]
    status, said = run(*sweep)
    assert status == 1, said
    assert not list(tmp_path.iterdir())


def test_a_sweep_without_a_place_for_its_first_job_leaves_nothing(run):
    Path("sweep").mkdir()
    Path("sweep/0").write_text("mine")
    status, said = run("train", "--multirun", *QUICK, "hydra.sweep.dir=sweep", "seed=1,2")
    assert status == 1
    assert "cannot be made: " in said
    assert contents("sweep") == {"0": b"mine"}


def test_an_evaluation_replaces_an_earlier_one_or_leaves_it_whole(run, trained, monkeypatch):
    from mdn.app import write_report

    evaluate = ["evaluate", BEST, "hydra.run.dir=scores"]
    assert run(*evaluate)[0] == 0
    first = contents("scores")
    assert "report.html" in first

    def fail(_):
        raise ValueError("no page")

    with monkeypatch.context() as patch:
        patch.setattr(write_report, "render", fail)
        status, said = run(*evaluate, "seed=5")
    assert (status, said) == (1, "error: no page\n")
    assert contents("scores") == first

    assert run(*evaluate, "report=false")[0] == 0
    assert sorted(contents("scores")) == [
        *(f".hydra/{name}.yaml" for name in ("config", "hydra", "overrides")), "metrics.json",
    ]  # fmt: skip
    assert b"report: false" in contents("scores")[".hydra/config.yaml"]
