"""Ctrl-C in a command: what it says, what it leaves, and that the next one needs no patience."""

import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from pyarrow import csv

from mdn.app import interrupts, job, train
from mdn.app.interrupts import Interrupted, interruptible
from mdn.training.callbacks.progress import EpochProgress
from mdn.training.stop_signals import signals

ROOT = Path(__file__).parents[2]
SMALL = ["data.train_rows=64", "data.val_rows=32", "data.test_rows=64", "model.ensemble_size=1"]
STOPPED = {signal.SIGINT: "stopped by Ctrl-C", signal.SIGTERM: "stopped by SIGTERM"}
QUIET = ["callbacks.density_plot=null", "callbacks.last_checkpoint.every_seconds=0"]


@pytest.fixture(autouse=True)
def handlers():
    """As they are in a terminal, before and after."""
    ctrl_c = signal.signal(signal.SIGINT, signal.default_int_handler)
    sigterm = signal.signal(signal.SIGTERM, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGINT, ctrl_c)
    signal.signal(signal.SIGTERM, sigterm)


@pytest.fixture
def run(script):
    """Train in an empty folder: (exit status, what it printed)."""

    def train(*overrides):
        status, *printed = script("train", *overrides)
        return status, "".join(printed)

    return train


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
    assert torch.load("run/checkpoints/last.ckpt", weights_only=True)["epoch"] == 3
    assert {path.name for path in Path("run/checkpoints").iterdir()} == {"best.ckpt", "last.ckpt"}
    assert f"python {ROOT}/scripts/evaluate.py ckpt=run/checkpoints/best.ckpt" in said
    (line,) = [line for line in said.splitlines() if line.startswith("go on")]
    assert signal.getsignal(signal.SIGINT) is signal.SIG_DFL  # the next one would have killed

    signal.signal(signal.SIGINT, signal.default_int_handler)
    stop_at(None)
    command = shlex.split(line)[4:]
    assert command == ["ckpt_path=run/checkpoints/last.ckpt"]
    status, said = run(*command, "hydra.run.dir=again")
    assert status == 0, said
    assert torch.load("again/checkpoints/last.ckpt", weights_only=True)["epoch"] == 4


def press(*_, **__):
    signal.raise_signal(signal.SIGINT)


def advice(said):
    """The lines that follow on what stopped a run."""
    lines = said.splitlines()
    (at,) = [i for i, line in enumerate(lines) if line.startswith("stopped by ")]
    return lines[at:]


def test_a_run_that_only_has_to_be_tested_is_gone_on_with_or_evaluated(run, monkeypatch):
    monkeypatch.setattr(train, "_test", press)
    closed, close = [], train.RunLog.close
    monkeypatch.setattr(train.RunLog, "close", lambda log: closed.append(close(log)))
    status, said = run(*SMALL, *QUIET, "trainer.max_epochs=2", "hydra.run.dir=run")
    assert status == 130
    assert advice(said) == [
        "stopped by Ctrl-C",
        f"go on       python {ROOT}/scripts/train.py ckpt_path=run/checkpoints/last.ckpt",
        f"evaluate    python {ROOT}/scripts/evaluate.py ckpt=run/checkpoints/best.ckpt",
    ]
    assert len(closed) == 1


@pytest.mark.filterwarnings("ignore:Checkpoint directory .* exists and is not empty")
def test_a_run_resumed_in_its_own_directory_still_offers_what_is_there(run, stop_at):
    assert run(*SMALL, *QUIET, "trainer.max_epochs=1", "hydra.run.dir=run")[0] == 0
    stop_at(1)
    more = ["ckpt_path=run/checkpoints/last.ckpt", "trainer.max_epochs=5"]
    status, said = run(*SMALL, *QUIET, *more, "hydra.run.dir=run")
    assert status == 130
    assert "train.py ckpt_path=run/checkpoints/last.ckpt\n" in said
    assert Path("run/.hydra/config.yaml").exists()


@pytest.mark.parametrize("plus", ["", "++"])
def test_a_resumed_run_without_a_checkpoint_of_its_own_repeats_the_earlier(run, monkeypatch, plus):
    assert run(*SMALL, *QUIET, "trainer.max_epochs=1", "hydra.run.dir=first")[0] == 0
    monkeypatch.setattr(train, "check_resume", press)
    came_from = f"{plus}ckpt_path=first/checkpoints/last.ckpt"
    status, said = run("trainer.max_epochs=5", came_from)
    assert status == 130
    nothing, go_on = advice(said)
    assert nothing == "stopped by Ctrl-C: nothing had been saved yet"
    script = f"{ROOT}/scripts/train.py"
    assert shlex.split(go_on) == ["go", "on", "python", script, came_from, "trainer.max_epochs=5"]
    assert not list(Path().glob("outputs/train/*"))


def test_a_resumed_run_goes_on_from_its_own_checkpoint_where_it_has_one(run, stop_at):
    assert run(*SMALL, *QUIET, "trainer.max_epochs=1", "hydra.run.dir=first")[0] == 0
    stop_at(3)
    more = ["++ckpt_path=first/checkpoints/last.ckpt", "hydra.run.dir=second"]
    status, said = run("trainer.max_epochs=5", *more)
    assert status == 130
    assert "train.py ckpt_path=second/checkpoints/last.ckpt\n" in said
    assert "first/" not in "".join(advice(said))


def test_only_what_a_checkpoint_does_not_keep_is_repeated(run, stop_at, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "my modules")
    Path("mine/callbacks").mkdir(parents=True)
    Path("mine/callbacks/own.yaml").write_text("defaults: [default]\n")
    stop_at(1)
    own = ["--config-dir", "mine", "callbacks=own", "+trainer.default_root_dir=a b"]
    assert run(*own, *SMALL, *QUIET, "trainer.max_epochs=2", "hydra.run.dir=run")[0] == 130
    stop_at(None)
    status, said = run(*own, "ckpt_path=run/checkpoints/last.ckpt", "hydra.run.dir=run2")
    assert status == 0, said
    stop_at(2)
    more = ["ckpt_path=run2/checkpoints/last.ckpt", "trainer.max_epochs=4", "hydra.run.dir=run3"]
    status, said = run(*own, *more)
    assert status == 130
    (line,) = [line for line in said.splitlines() if line.startswith("go on")]
    assert shlex.split(line)[2:] == [
        *("PYTHONPATH=my modules", "python", f"{ROOT}/scripts/train.py"),
        *(f"--config-dir={Path('mine').absolute()}", "ckpt_path=run3/checkpoints/last.ckpt"),
        *("callbacks=own", "+trainer.default_root_dir=a b"),
    ]


@pytest.mark.parametrize("name", ["evaluate", "predict", "export"])
@pytest.mark.parametrize(("number", "said"), STOPPED.items())
def test_a_command_that_saves_nothing_says_no_more_than_why_it_ended(
    script, monkeypatch, name, number, said
):
    monkeypatch.setattr(job, "check", lambda _: signal.raise_signal(number))
    ours = ["data.path=a.csv"] if name == "predict" else []
    out = [] if name == "evaluate" else ["out=out.csv"]
    status, _, error = script(name, "ckpt=no.ckpt", *ours, *out)
    assert status == 128 + number
    assert error.split("\n") == ["", said, ""]
    assert not list(Path().glob("outputs/*/*"))


def test_nothing_is_left_where_nothing_had_been_saved(run, monkeypatch, tmp_path):
    monkeypatch.setattr(train, "build_trainer", press)
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
    assert "not begun   jobs behind job 1, if there are any; start them as a sweep" in said
    assert "stopped by Ctrl-C" in Path("sweep/1/error.txt").read_text()

    signal.signal(signal.SIGINT, signal.default_int_handler)
    stop_at(None)
    status, said = run("ckpt_path=sweep/1/checkpoints/last.ckpt", "hydra.run.dir=sweep/1")
    assert status == 0, said
    assert "goes on     " in said
    assert not Path("sweep/1/error.txt").exists()


def test_a_run_that_is_terminated_has_not_succeeded(run, stop_at):
    stop_at(3, signal.SIGTERM)
    status, said = run(*SMALL, *QUIET, "trainer.max_epochs=5", "hydra.run.dir=run")
    assert status == 143
    assert "stopped by SIGTERM" in said
    assert "ckpt_path=run/checkpoints/last.ckpt" in said


def test_the_second_one_kills():
    code = """
import signal
from mdn.app.interrupts import interruptible
signal.signal(signal.SIGINT, signal.default_int_handler)
with interruptible():
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
    with interruptible():
        signal.raise_signal(signal.SIGINT)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with pytest.raises(Interrupted), interruptible():
        signal.raise_signal(signal.SIGINT)


def hear_and_go_on(number):
    signals.hold()
    signal.raise_signal(number)
    time.sleep(20)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_that_nobody_looks_at_raises_after_a_while(monkeypatch, number):
    monkeypatch.setattr(interrupts, "_PATIENCE", 0.05)
    with pytest.raises(Interrupted) as end, interruptible():
        hear_and_go_on(number)
    assert end.value.code == 128 + number


STUCK = """
import hashlib, signal
from mdn.app import interrupts
interrupts._PATIENCE, interrupts._LAST = 0.05, 0.05
with interrupts.interruptible():
    print("ready", flush=True)
    hashlib.pbkdf2_hmac("sha256", b"a", b"b", 2**31 - 1)
"""


def test_a_process_that_is_stuck_in_a_library_ends_too():
    command = [sys.executable, "-c", STUCK]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait() == 143
