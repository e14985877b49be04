"""Directories of commands that still run, or were killed, and of several processes of one run."""

import os
import re
import signal
from pathlib import Path

import pytest
import torch
from omegaconf import OmegaConf

from mdn.app.claims import CLAIMS, Claim
from mdn.app.one_writer import OneWriter

pytest.importorskip("fcntl", reason="commands are forked")

LONG = (
    *("train", "trainer.max_epochs=100000", "model.ensemble_size=1", "callbacks=checkpoint"),
    *("data.val_rows=32", "data.test_rows=32", "backbone.width=8", "backbone.depth=1"),
)
SHORT = (*LONG, "trainer.max_epochs=1", "data.train_rows=64")


@pytest.fixture
def start(server, tmp_path):
    """Begin a command; all that still run are killed at the end."""
    commands = []

    def begin(*words):
        name = f"said_{len(commands)}"
        commands.append(server.start(*words, folder=tmp_path, name=name))
        return commands[-1]

    yield begin
    for command in commands:
        if command._status is None:
            command.kill()
            command.wait()


def test_a_directory_is_its_writers_until_that_is_killed(start, tmp_path):
    last = tmp_path / "run" / "checkpoints" / "last.ckpt"
    running = start(*LONG, "data.train_rows=64", "hydra.run.dir=run")
    running.wait_until(last.exists)
    again = ["hydra.run.dir=run", "ckpt_path=run/checkpoints/last.ckpt"]
    refused = start(*LONG, "data.train_rows=64", *again)
    assert refused.wait() == 1
    wanted = (
        rf".*\nerror: run is being written to by train, process {running.process} on \S+, since "
        r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d; wait until that has ended, stop it, or set another "
        r"hydra\.run\.dir\n"
    )
    assert re.fullmatch(wanted, refused.said)
    elsewhere = ["evaluate", f"ckpt={last}", "report=false", "hydra.run.dir=scores"]
    scored = start(*elsewhere)
    assert scored.wait() == 0, scored.said
    running.kill(signal.SIGKILL)
    running.wait()
    gone_on = start(*LONG, "data.train_rows=64", *again, "+trainer.max_time=00:00:00:01")
    assert gone_on.wait() == 0, gone_on.said
    assert not (tmp_path / "run" / ".mdn.lock").exists()


def test_a_run_that_is_killed_before_it_has_saved_leaves_a_directory_to_use(start, tmp_path):
    killed = start(*LONG, "data.train_rows=500000", "hydra.run.dir=run")
    killed.wait_until((tmp_path / "run" / "config.yaml").exists)
    killed.kill(signal.SIGKILL)
    killed.wait()
    assert list(tmp_path.glob("run/events*"))
    assert not list(tmp_path.glob("run/checkpoints/*.ckpt"))
    (tmp_path / "run" / "events.out.tfevents.1.other.1.0").touch()
    again = start(*SHORT, "hydra.run.dir=run")
    assert again.wait() == 0, again.said
    ours, others = sorted(tmp_path.glob("run/events*"), key=lambda path: path.stat().st_size)[::-1]
    assert f".{again.process}." in ours.name
    assert others.name == "events.out.tfevents.1.other.1.0"


def test_a_leftover_that_somebody_else_removes_first_does_not_matter(monkeypatch, tmp_path):
    claim = Claim(tmp_path / "run", "train", "hydra.run.dir")
    (tmp_path / "run" / "config.yaml").touch()
    with monkeypatch.context() as patch:
        patch.setattr(claim, "_written", lambda: [tmp_path / "gone", *Claim._written(claim)])
        claim.remove_leftovers()
    claim.release()
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("name", ["LOCAL_RANK", "RANK", "NODE_RANK"])
def test_further_processes_of_a_run_claim_nothing_and_leave_settings_to_the_first(
    name, monkeypatch, tmp_path
):
    monkeypatch.chdir(tmp_path)
    hydra = {
        "run": {"dir": "run"},
        "sweep": {"dir": "sweep"},
        "job": {"config_name": "train"},
        "output_subdir": ".hydra",
    }
    config = OmegaConf.create({"hydra": hydra})
    monkeypatch.setenv(name, "1")
    OneWriter().on_run_start(config)
    OneWriter().on_multirun_start(config)
    assert config.hydra.output_subdir is None
    assert CLAIMS.of(Path("run")) is None
    assert not os.listdir(tmp_path)


def test_two_runs_go_on_from_one_checkpoint_at_once(start, tmp_path):
    first = start(*SHORT, "hydra.run.dir=first")
    assert first.wait() == 0, first.said
    more = ["ckpt_path=first/checkpoints/last.ckpt", "trainer.max_epochs=2"]
    both = [start("train", *more, f"hydra.run.dir={name}") for name in ("one", "other")]
    assert [run.wait() for run in both] == [0, 0], both[0].said + both[1].said
    last = [tmp_path / name / "checkpoints" / "last.ckpt" for name in ("one", "other")]
    weights = [torch.load(path, weights_only=True)["state_dict"] for path in last]
    torch.testing.assert_close(*weights, rtol=0, atol=0)
