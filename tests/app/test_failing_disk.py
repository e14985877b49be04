"""Any operation on the disk may fail: what was there is whole, and one sentence is said."""

import errno
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from failing_disk import FailingDisk, announced, faults, files, library
from forked_commands import CommandServer

import mdn
from mdn.app.claims import LOCK_FILE

SMALL = [
    *("data=heteroscedastic", "data.train_rows=64", "data.val_rows=32", "data.test_rows=64"),
    *("model.ensemble_size=1", "backbone.width=8", "backbone.depth=1", "trainer.max_epochs=2"),
]
BEST = "ckpt=old/checkpoints/best.ckpt"

PYTHON = """
import os, sys, tempfile
import mdn
from mdn.app.claims import LOCK_FILE
import pyarrow as pa
tempfile.tempdir = os.path.abspath("temporary")
x = [0.1 * (i % 7) for i in range(80)]
table = pa.table({"x": x, "y": [each + 0.01 * (i % 11) for i, each in enumerate(x)]})
try:
    model = mdn.fit({"max_epochs": 1, "ensemble_size": 1}, table, targets=["y"])
    model.save("model.ckpt")
except OSError as error:
    sys.exit(f"error: {error}")
"""

COMMANDS = {
    "train": ["train", *SMALL, "hydra.run.dir=new"],
    "resume": [
        *("train", *SMALL, "trainer.max_epochs=3", "ckpt_path=old/checkpoints/last.ckpt"),
        "hydra.run.dir=new",
    ],
    "gmm_em": ["train", "model=gmm_em", *SMALL[1:4], "trainer.max_epochs=2", "hydra.run.dir=new"],
    "evaluate": ["evaluate", BEST, "hydra.run.dir=scores"],
    "csv": ["predict", BEST, "data.path=new.csv", "out=out.csv"],
    "parquet": ["predict", BEST, "data.path=new.csv", "out=out.parquet"],
    "onnx": ["export", BEST, "format=onnx", "out=model.onnx"],
    "torch_export": ["export", BEST, "format=torch_export", "out=model.pt2"],
    "safetensors": ["export", BEST, "format=safetensors", "out=model.safetensors"],
    "sweep": ["train", "--multirun", *SMALL, "seed=0,1", "hydra.sweep.dir=sweep"],
    "python": ["fit_and_save"],
}
OVERWRITE = ("csv", "parquet", "onnx", "torch_export", "safetensors", "python")
"""Commands that may write the same file again."""


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[CommandServer]:
    built = library(tmp_path_factory.mktemp("library"))
    with CommandServer({"LD_PRELOAD": str(built)}) as server:
        yield server


@pytest.fixture(scope="module")
def start(server, tmp_path_factory) -> Path:
    """A folder with a run in it, rows to predict for, and a program."""
    folder = tmp_path_factory.mktemp("start")
    run = server.start("train", *SMALL, "hydra.run.dir=old", folder=folder, name="old")
    assert run.wait() == 0, run.said
    (folder / "old.txt").unlink()
    x = np.random.default_rng(0).normal(size=40)
    (folder / "new.csv").write_text("x\n" + "".join(f"{each:.3f}\n" for each in x))
    (folder / "fit_and_save.py").write_text(PYTHON)
    (folder / "temporary").mkdir()
    return folder


@pytest.fixture
def disk(server, start, tmp_path):
    """What a command begins with, an earlier result of it where it overwrites that."""

    def make(name: str) -> FailingDisk:
        work, begin = tmp_path / name, tmp_path / f"{name} begins"
        work.mkdir()
        shutil.copytree(start, begin)
        command, *overrides = COMMANDS[name]
        command = str(start / command) if name == "python" else command
        if name in OVERWRITE:
            run = server.start(command, *overrides, folder=begin, name=str(work / "earlier"))
            assert run.wait() == 0, run.said
        return FailingDisk(server, begin, work, command, *overrides)

    return make


def check(disk: FailingDisk, name: str, at: int, error: int, full: bool = False) -> None:
    """One fault of the disk ends a command as it should."""
    run = disk.run(at, error, full)
    told = f"operation {at}, exit status {run.wait()}:\n{run.said}"
    assert not faults(disk), f"{faults(disk)}, {told}"
    assert run.wait() == 1, told
    assert "Traceback" not in run.said, told
    sentences = [line for line in run.said.splitlines() if os.strerror(error) in line]
    assert len(sentences) == 1 or (sentences and name == "sweep"), told  # its table repeats it
    assert name == "python" or "cannot be" in sentences[0], told


def hurting(disk: FailingDisk) -> list[int]:
    """The operations that must not fail: all but hard links, which not every disk has."""
    operations = disk.operations()
    return [at for at in announced(operations) if operations[at - 1][0] != "l"]


@pytest.mark.parametrize("name", ["train", "parquet"])
def test_a_fault_of_the_disk_ends_a_command_in_one_sentence(disk, name):
    folder = disk(name)
    steps = hurting(folder)
    chosen = sorted({steps[0], steps[len(steps) // 2], steps[-2]})
    for at, full in zip(chosen, (False, True, False), strict=True):
        check(folder, name, at, errno.ENOSPC, full)


@pytest.mark.slow(reason="a command for each of up to a hundred operations on the disk")
@pytest.mark.parametrize("full", [False, True], ids=["once", "full"])
@pytest.mark.parametrize("name", COMMANDS)
def test_every_fault_of_the_disk_ends_a_command_in_one_sentence(disk, name, full):
    folder = disk(name)
    for at in hurting(folder):
        operations = folder.operations()
        if not full or operations[at - 1][0] in "mcw":
            check(folder, name, at, errno.ENOSPC if full else errno.EIO, full)


def test_a_command_makes_no_file_in_place(disk):
    """All but logs, which grow, and the lock is written beside its file and renamed."""
    folder = disk("train")
    operations = folder.operations()
    made = {Path(path).name for kind, path in operations if kind == "c"}
    renamed = {Path(path).name for kind, path in operations if kind == "r"}
    logs = {name for name in made if "tfevents" in name}
    assert len(logs) == 1
    assert {name for name in made if not name.endswith(".part")} == {*logs, LOCK_FILE}
    now = {name: content for name, content in files(folder.disk).items() if "new/" in name}
    assert {Path(name).name for name in now} == renamed | logs
    assert {name for name in now if Path(name).name not in logs} == {
        *(f"new/.hydra/{name}.yaml" for name in ("config", "hydra", "overrides")),
        *("new/config.yaml", "new/metrics.json", "new/figures/density.png"),
        *("new/checkpoints/best.ckpt", "new/checkpoints/last.ckpt"),
    }


def test_a_run_that_is_cut_by_a_full_disk_leaves_a_checkpoint_to_go_on_from(disk, server):
    folder = disk("train")
    operations = folder.operations()
    saved = [at for at, (kind, path) in enumerate(operations, 1) if "last.ckpt" in path]
    half = max(at for at in saved if operations[at - 1][0] == "w") - 3
    check(folder, "train", half, errno.ENOSPC, full=True)
    last = folder.disk / "new" / "checkpoints" / "last.ckpt"
    mdn.load(last)
    again = [*SMALL, f"ckpt_path={last}", "hydra.run.dir=again"]
    run = server.start("train", *again, folder=folder.disk, name="again")
    assert run.wait() == 0, run.said


@pytest.fixture
def train(server, tmp_path):
    """Train on a disk that is well: (exit status, what it said)."""

    def run(*overrides: str) -> tuple[int, str]:
        command = server.start("train", *overrides, *SMALL, folder=tmp_path, name="said")
        return command.wait(), command.said

    return run


def test_a_file_in_place_of_the_folder_of_checkpoints_is_said_before_the_first_epoch(
    train, tmp_path
):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "checkpoints").write_text("mine")
    status, said = train("hydra.run.dir=run")
    assert status == 1
    assert "run/checkpoints cannot be written: File exists; " in said
    assert "epoch 1" not in said
    assert "Traceback" not in said
    assert (tmp_path / "run" / "checkpoints").read_text() == "mine"


def test_a_sweep_goes_on_past_a_job_that_cannot_write(train, tmp_path):
    sweep = tmp_path / "sweep"
    (sweep / "0").mkdir(parents=True)
    (sweep / "0" / "figures").write_text("mine")
    status, said = train("--multirun", "seed=0,1", "hydra.sweep.dir=sweep")
    assert status == 1
    assert "this job failed, the sweep goes on: " in said
    assert "figures cannot be written: File exists" in said
    assert "1 of 2 jobs failed: 0\n" in said
    assert "Traceback" not in said
    assert (sweep / "1" / "metrics.json").exists()
    assert not list(sweep.rglob(LOCK_FILE))


def test_a_run_whose_directory_is_removed_ends_in_one_sentence(server, tmp_path):
    long = [*SMALL[:-1], "trainer.max_epochs=100000", "~callbacks.early_stopping"]
    run = server.start("train", *long, "hydra.run.dir=run", folder=tmp_path, name="said")
    run.wait_until(lambda: (tmp_path / "run" / "checkpoints" / "last.ckpt").exists())
    shutil.rmtree(tmp_path / "run", ignore_errors=True)
    assert run.wait() == 1
    assert run.said.count("cannot be written: No such file or directory") == 1
    assert "Traceback" not in run.said
