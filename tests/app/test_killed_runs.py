"""Checkpoints of a run that is killed, or is just saving, load."""

import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

import mdn

SCRIPT = Path(__file__).parents[2] / "scripts" / "train.py"
SETTINGS = [
    *("data=three_gaussians", "data.train_rows=200", "trainer.max_epochs=100000", "seed=0"),
    *("model.ensemble_size=1", "backbone.width=8", "backbone.depth=1"),
    *("callbacks.last_checkpoint.every_seconds=0", "~callbacks.early_stopping"),
]


def start(folder: Path) -> subprocess.Popen:
    """A run that saves after every epoch, once it has saved."""
    place = f"hydra.run.dir={folder}"
    with (folder.parent / f"{folder.name}.txt").open("w") as said:
        run = subprocess.Popen(
            [sys.executable, str(SCRIPT), *SETTINGS, place], stdout=said, stderr=said
        )
    for _ in range(1200):
        if (folder / "checkpoints" / "last.ckpt").exists():
            return run
        assert run.poll() is None, (folder.parent / f"{folder.name}.txt").read_text()
        time.sleep(0.1)
    raise AssertionError("no checkpoint within two minutes")


def check_loads(folder: Path) -> int:
    """How many checkpoints there are, each of which answers."""
    found = list((folder / "checkpoints").glob("*.ckpt"))
    for path in found:
        model = mdn.load(path)
        assert all(stored.isfinite().all() for stored in model.state_dict().values())
        assert model(torch.zeros(1, 0, dtype=torch.float64)).mean.isfinite().all()
    return len(found)


@pytest.mark.slow(reason="nine runs, each of which takes ten seconds to start")
@pytest.mark.parametrize("kill", range(9))
def test_checkpoints_of_a_killed_run_load(tmp_path, kill):
    run = start(tmp_path / "run")
    try:
        time.sleep(0.2 + 0.137 * kill)
    finally:
        run.kill()
        run.wait()
    assert check_loads(tmp_path / "run") >= 1


@pytest.mark.slow(reason="a run, and 48 loads beside it")
def test_checkpoints_load_while_the_run_is_saving_them(tmp_path):
    run = start(tmp_path / "run")
    last = tmp_path / "run" / "checkpoints" / "last.ckpt"
    try:
        states = {last.stat().st_ino for _ in range(48) if check_loads(tmp_path / "run")}
        assert run.poll() is None
    finally:
        run.kill()
        run.wait()
    assert len(states) > 1  # it was being replaced meanwhile
