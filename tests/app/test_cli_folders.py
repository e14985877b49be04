"""What is in the folder of a run already, and folders that cannot be."""

import re

import pytest


def test_what_a_user_had_in_the_run_directory_stays(run, tmp_path):
    mine = tmp_path / "mine"
    (mine / "sub").mkdir(parents=True)
    (mine / "notes.txt").touch()
    assert run("train", "family.min_scale=-1", "hydra.run.dir=mine")[0] == 1
    assert sorted(path.name for path in mine.iterdir()) == ["notes.txt", "sub"]


def test_a_log_of_the_user_stays_when_the_run_fails(run, tmp_path):
    mine = tmp_path / "mine"
    mine.mkdir()

    def overrides():  # read when the command begins: what follows is written while it runs
        (mine / "out.log").write_text("of tee")
        (mine / "events.out.tfevents.1.host.0.0").write_text("of another program")
        return ["family.min_scale=-1", "hydra.run.dir=mine"]

    assert run("train", *overrides())[0] == 1
    names = ["events.out.tfevents.1.host.0.0", "out.log"]
    assert sorted(path.name for path in mine.iterdir()) == names


DIRECTORIES = {
    "a file": (
        "hydra.run.dir=file",
        "the directory of the run cannot be made: .*file: File exists",
    ),
    "below a file": (
        "hydra.run.dir=file/run",
        "cannot be made: .*file.*: Not a directory; set hydra",
    ),
    "a file of its own": (
        "run_dir=file",
        r"run_dir=file cannot be written in \(File exists\); name",
    ),
}


@pytest.mark.parametrize("case", DIRECTORIES)
def test_a_directory_that_cannot_be_is_one_message(case, run, tmp_path):
    override, wanted = DIRECTORIES[case]
    (tmp_path / "file").write_text("mine")
    status, said = run("train", override)
    assert status == 1
    assert re.search(f"^error: .*{wanted}|^error: {wanted}", said)
    assert len(said.splitlines()) == 1
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.parametrize("name", ["predict", "export"])
def test_an_earlier_run_in_the_working_directory_stays(run, tmp_path, name):
    (tmp_path / ".hydra").mkdir()
    files = ["train.log", "events.out.tfevents.1", "config.yaml", "hparams.yaml"]
    before = [*files, ".hydra/config.yaml", ".hydra/overrides.yaml"]
    for path in before:
        (tmp_path / path).touch()
    wanted = ["data.path=a.csv"] if name == "predict" else []
    status, said = run(name, "ckpt=no.ckpt", *wanted, "out=out.csv")
    assert "there is no checkpoint no.ckpt" in f"{status}{said}"
    assert not [path for path in before if not (tmp_path / path).exists()]
