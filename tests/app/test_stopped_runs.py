"""Runs that are told to stop, or lose one of their processes: real processes, real signals."""

import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from forked_commands import ForkedCommand

ROOT = Path(__file__).parents[2]
TINY = [
    *("data.train_rows=301", "data.val_rows=64", "data.test_rows=64", "trainer.max_epochs=100000"),
    *("callbacks.density_plot=null", "~callbacks.early_stopping"),
]
EM = ["model.tol=0", "model.relative_tol=0", "data.train_rows=301", "trainer.max_epochs=100000"]
KINDS = {
    "mdn": [*TINY, "model.ensemble_size=1"],
    "gmm": [*TINY, "model=gmm"],
    "gmm_em": [*EM, "model=gmm_em", "callbacks.density_plot=null"],
}
TWO = ["+trainer.strategy=ddp", "trainer.devices=2", "trainer.accelerator=cpu"]
PARTS = """
import os

from lightning.pytorch import Callback


class Fails(Callback):
    def __init__(self, process: int, error: str) -> None:
        self.process, self.error = process, error

    def on_train_epoch_start(self, trainer, pl_module):
        if trainer.global_rank == self.process and trainer.current_epoch == 5:
            raise {"value": ValueError, "bug": KeyError}[self.error]("row 7 is no number")
"""

needs_ps = pytest.mark.skipif(shutil.which("ps") is None, reason="ps lists the processes left")


@pytest.fixture
def start(server, tmp_path):
    """Start a run, and wait until it has saved something."""

    def start(*overrides, saved=True):
        run = server.start("train", *overrides, "hydra.run.dir=run", folder=tmp_path, name="said")
        if saved:
            run.wait_until((tmp_path / "run/checkpoints/last.ckpt").exists, seconds=120)
        return run

    return start


def session_of(run: ForkedCommand) -> list[int]:
    """The processes of a run that are alive, its first one first."""
    listed = subprocess.run(
        ["ps", "-s", str(run.process), "-o", "pid=,stat="], capture_output=True, text=True
    ).stdout
    rows = [row.split() for row in listed.splitlines()]
    return sorted(int(number) for number, state in rows if "Z" not in state)


def nobody_is_left(run: ForkedCommand) -> bool:
    end = time.monotonic() + 20
    while session_of(run) and time.monotonic() < end:
        time.sleep(0.05)
    return not session_of(run)


def check_stopped(run: ForkedCommand, folder: Path, said: str = "stopped by SIGTERM") -> None:
    """Check that a run says what it leaves, leaves it whole, and that nobody is left."""
    lines = run.said.splitlines()
    (at,) = [i for i, line in enumerate(lines) if line.startswith(("stopped", "error"))]
    assert lines[at] == said
    assert lines[at + 1].startswith("go on ")
    assert "ckpt_path=run/checkpoints/last.ckpt" in lines[at + 1]
    assert not re.search(r"Traceback|gloo", run.said)
    torch.load(folder / "run/checkpoints/last.ckpt", weights_only=True)
    assert nobody_is_left(run)


@needs_ps
@pytest.mark.parametrize("kind", ["mdn", "gmm_em"])
def test_a_run_saves_its_state_where_it_is_told_to_stop(kind, start, tmp_path):
    run = start(*KINDS[kind])
    run.kill(signal.SIGTERM)
    assert run.wait() == 143
    check_stopped(run, tmp_path)


@needs_ps
def test_a_signal_for_one_process_stops_both(start, tmp_path):
    run = start(*KINDS["mdn"], *TWO)
    _, second = session_of(run)
    os.kill(second, signal.SIGTERM)
    assert run.wait() == 143
    check_stopped(run, tmp_path)


@needs_ps
def test_a_run_that_has_not_begun_says_that_it_was_stopped(start, tmp_path):
    run = start(*KINDS["mdn"], saved=False)
    run.wait_until((tmp_path / "said.txt").exists)
    time.sleep(0.3)
    run.kill(signal.SIGTERM)
    assert run.wait() == 143
    assert run.said.strip().startswith("stopped by SIGTERM")


@needs_ps
@pytest.mark.slow(reason="kills at random moments")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_run_stops_at_any_moment(kind, number, server, tmp_path):
    moments = random.Random(0)
    for repeat in range(3):
        folder = tmp_path / str(repeat)
        folder.mkdir()
        place = {"folder": folder, "name": "said"}
        run = server.start("train", *KINDS[kind], "hydra.run.dir=run", **place)
        run.wait_until((folder / "run/checkpoints/last.ckpt").exists)
        time.sleep(moments.uniform(0, 1))
        run.kill(number)
        assert run.wait() == 128 + number
        said = "stopped by SIGTERM" if number == signal.SIGTERM else "stopped by Ctrl-C"
        check_stopped(run, folder, said)


@needs_ps
@pytest.mark.slow(reason="runs of two processes")
@pytest.mark.parametrize("kind", ["mdn", "gmm_em"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("who", ["first", "second", "both"])
def test_two_processes_stop_together(kind, number, who, start, tmp_path):
    run = start(*KINDS[kind], *TWO)
    first, second = session_of(run)
    for process in {"first": [first], "second": [second], "both": [first, second]}[who]:
        os.kill(process, number)
    assert run.wait() == 128 + number
    said = "stopped by SIGTERM" if number == signal.SIGTERM else "stopped by Ctrl-C"
    check_stopped(run, tmp_path, said)


@needs_ps
@pytest.mark.slow(reason="runs of two processes")
@pytest.mark.parametrize(
    ("who", "status", "said"),
    [
        (0, -9, "error: the first process of the run was killed, as happens where memory runs out"),
        (1, 1, "error: process 1 was killed by SIGKILL, as happens where memory runs out"),
    ],
)
def test_a_process_that_is_killed_ends_the_run(who, status, said, start, tmp_path):
    run = start(*KINDS["mdn"], *TWO)
    os.kill(session_of(run)[who], signal.SIGKILL)
    assert run.wait() == status
    assert nobody_is_left(run)
    check_stopped(run, tmp_path, said)


@needs_ps
@pytest.mark.slow(reason="runs of two processes")
@pytest.mark.parametrize(
    ("process", "said"), [(0, "row 7 is no number"), (1, "process 1: row 7 is no number")]
)
def test_an_error_of_one_process_ends_the_run(process, said, server, tmp_path):
    (tmp_path / "own_callback.py").write_text(PARTS)
    settings = [f"+callbacks.fails.process={process}", "+callbacks.fails.error=value"]
    run = server.start(
        *("train", *KINDS["mdn"], *TWO, "callbacks.last_checkpoint.every_seconds=0"),
        *("+callbacks.fails._target_=own_callback.Fails", *settings, "hydra.run.dir=run"),
        folder=tmp_path,
        name="said",
        environment={"PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"},
    )
    assert run.wait() == 1
    check_stopped(run, tmp_path, f"error: {said}")


@pytest.mark.slow(reason="two runs of two processes")
def test_torchrun_trains_as_two_processes_of_our_own_do(tmp_path):
    settings = [*KINDS["mdn"], *TWO, "trainer.max_epochs=3"]
    script = str(ROOT / "scripts" / "train.py")
    torchrun = ["-m", "torch.distributed.run", "--nproc_per_node=2", "--master_port=29517"]
    for name, started in {"own": [script], "other": [*torchrun, script]}.items():
        (tmp_path / name).mkdir()
        command = [sys.executable, *started, *settings]
        subprocess.run(command, check=True, capture_output=True, cwd=tmp_path / name)
    own, other = ({*tmp_path.glob(f"{name}/outputs/train/*")} for name in ("own", "other"))
    assert len(own) == len(other) == 1
    states = [
        torch.load(run / "checkpoints/last.ckpt", weights_only=True)["state_dict"]
        for run in (own.pop(), other.pop())
    ]
    assert all(torch.equal(states[0][key], states[1][key]) for key in states[0])
