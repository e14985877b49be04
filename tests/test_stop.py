"""Ctrl-C in a command: what it says, what it leaves, and that the next one needs no patience."""

import runpy
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from pyarrow import csv

from mdn.callbacks.progress import EpochProgress
from mdn.run.stop import Stopped, stoppable

ROOT = Path(__file__).parents[1]
SMALL = ["data.train_rows=64", "data.val_rows=32", "data.test_rows=64", "model.ensemble_size=1"]
QUIET = ["callbacks.density_plot=null", "callbacks.last_checkpoint.every_seconds=0"]


@pytest.fixture(autouse=True)
def ctrl_c():
    """As it is in a terminal, before and after."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def run(tmp_path, monkeypatch, capfd):
    """Run the script in an empty folder: (exit status, what it printed)."""
    monkeypatch.chdir(tmp_path)

    def script(*overrides):
        monkeypatch.setattr(sys, "argv", ["train.py", *overrides])
        try:
            runpy.run_path(str(ROOT / "scripts" / "train.py"), run_name="__main__")
            status = 0
        except SystemExit as exit_:
            status = exit_.code
        return status, "".join(capfd.readouterr())

    return script


@pytest.fixture
def stop_at(monkeypatch):
    """Press Ctrl-C when so many epochs are over."""
    proceed = EpochProgress.on_train_epoch_start

    def press(epoch, number=signal.SIGINT):
        def on_train_epoch_start(self, trainer, pl_module):
            if trainer.current_epoch == epoch:
                signal.raise_signal(number)
            proceed(self, trainer, pl_module)

        monkeypatch.setattr(EpochProgress, "on_train_epoch_start", on_train_epoch_start)

    return press


def test_what_was_saved_stays_and_the_run_says_how_to_go_on(run, stop_at):
    stop_at(3)
    status, said = run(*SMALL, *QUIET, "trainer.max_epochs=5", "hydra.run.dir=run")
    assert status == 130
    assert "Traceback" not in said
    assert "stopped by Ctrl-C" in said
    assert torch.load("run/checkpoints/last.ckpt", weights_only=True)["epoch"] == 2
    assert {path.name for path in Path("run/checkpoints").iterdir()} == {"best.ckpt", "last.ckpt"}
    assert f"python {ROOT}/scripts/evaluate.py ckpt=run/checkpoints/best.ckpt" in said
    (line,) = [line for line in said.splitlines() if line.startswith("go on")]
    assert signal.getsignal(signal.SIGINT) is signal.SIG_DFL  # the next one would have killed

    signal.signal(signal.SIGINT, signal.default_int_handler)
    stop_at(None)
    status, said = run(*shlex.split(line)[4:], "hydra.run.dir=again")
    assert status == 0, said
    assert torch.load("again/checkpoints/last.ckpt", weights_only=True)["epoch"] == 4


def test_nothing_is_left_where_nothing_had_been_saved(run, stop_at, tmp_path):
    stop_at(0)
    status, said = run(*SMALL, *QUIET, "trainer.max_epochs=5")
    assert status == 130
    assert "stopped by Ctrl-C: nothing had been saved yet" in said
    assert not list(tmp_path.glob("outputs/train/*"))


def test_a_sweep_ends_with_the_table_so_far(run, stop_at):
    stop_at(2)
    jobs = ["trainer.max_epochs=1,5,6", "hydra.sweep.dir=sweep"]
    status, said = run("--multirun", *SMALL, *QUIET, *jobs)
    assert status == 130
    rows = csv.read_csv("sweep/sweep.csv").to_pylist()
    assert [row["error"] for row in rows] == ["", "stopped by Ctrl-C"]
    assert rows[0]["epochs"] == 1
    assert "ckpt_path=sweep/1/checkpoints/last.ckpt" in said


def test_a_run_that_is_terminated_has_not_succeeded(run, stop_at):
    stop_at(3, signal.SIGTERM)
    status, said = run(*SMALL, *QUIET, "trainer.max_epochs=5", "hydra.run.dir=run")
    assert status == 143
    assert "stopped by SIGTERM" in said
    assert "ckpt_path=run/checkpoints/last.ckpt" in said


def test_the_second_one_kills():
    code = """
import signal
from mdn.run.stop import stoppable
signal.signal(signal.SIGINT, signal.default_int_handler)
with stoppable():
    try:
        signal.raise_signal(signal.SIGINT)
    finally:
        signal.raise_signal(signal.SIGINT)
"""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True)
    assert ended.returncode == -signal.SIGINT
    assert ended.stderr == b""


def test_what_looks_after_ctrl_c_already_goes_on_doing_so():
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with stoppable():
        signal.raise_signal(signal.SIGINT)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with pytest.raises(Stopped), stoppable():
        signal.raise_signal(signal.SIGINT)
