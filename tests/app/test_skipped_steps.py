"""Runs whose backbone has no finite answer to some rows, as commands."""

import json
import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SPOILED = """
import os
import torch
from torch import nn


class Spoiled(nn.Module):
    def __init__(self, num_inputs, first: int = 0, last: int = 0):
        super().__init__()
        self.linear = nn.Linear(num_inputs, 4)
        self.num_features, self.first, self.last, self.calls = 4, first, last, 0

    def forward(self, x):
        self.calls += self.training  # only one process of several has such rows
        now = self.first <= self.calls <= self.last and os.environ.get("LOCAL_RANK", "1") == "1"
        return torch.where((x[..., :1] > 1) & torch.tensor(now), torch.nan, self.linear(x))
"""
SMALL = (
    *("--config-dir", "own", "backbone=spoiled", "data=inverse_sinusoid", "data.train_rows=400"),
    *("data.batch_size=20", "data.val_rows=100", "data.test_rows=100", "trainer.max_epochs=3"),
    *("model.ensemble_size=1", "model.num_components=2", "trainer.accelerator=cpu"),
    *("callbacks.density_plot=null", "hydra.run.dir=run"),
)
TWO = ("trainer.devices=2", "+trainer.strategy=ddp", "data.batch_size=10")
PROCESSES = ((), pytest.param(TWO, marks=pytest.mark.slow(reason="two processes")))


@pytest.fixture
def train(server, tmp_path):
    """Train in a folder of its own; return the exit status and all that was said."""
    (tmp_path / "own" / "backbone").mkdir(parents=True)
    (tmp_path / "own" / "backbone" / "spoiled.yaml").write_text(
        "_target_: spoiled.Spoiled\nfirst: 0\nlast: 0\n"
    )
    (tmp_path / "spoiled.py").write_text(SPOILED)
    own = {"PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])}

    def run(*overrides):
        place = {"folder": tmp_path, "name": "said", "environment": own}
        command = server.start("train", *SMALL, *overrides, **place)
        return command.wait(), command.said

    return run


@pytest.mark.parametrize("processes", PROCESSES, ids=["one", "two"])
def test_a_skipped_step_is_told_with_its_rows_and_counted(train, processes, tmp_path):
    status, said = train("backbone.first=27", "backbone.last=28", *processes)
    assert status == 0
    assert "is not finite at epoch 1, batch 6: " in said
    assert " of 20 rows have none; look at these rows, and at a backbone" in said
    assert " of the training part (" in said
    assert said.count("not finite") == 1
    assert json.loads((tmp_path / "run" / "metrics.json").read_text())["train/skipped_steps"] == 2


@pytest.mark.parametrize("processes", PROCESSES, ids=["one", "two"])
def test_several_in_a_row_end_the_run_with_its_best_checkpoint(train, processes, tmp_path):
    status, said = train("backbone.first=27", "backbone.last=99", *processes)
    assert status == 1
    assert "not finite at epoch 1, batch 1" in said
    assert "or lower optimizer.lr" in said
    assert "That makes 11 " in said
    assert "The best checkpoint so far was saved at epoch 0, val/nll" in said
    assert "evaluate.py ckpt=run/checkpoints/best.ckpt" in said
    assert "Traceback" not in said
    assert not (tmp_path / "run" / "metrics.json").exists()


def test_the_first_one_may_end_the_run(train):
    status, said = train("backbone.first=27", "backbone.last=28", "callbacks.finite.max_skips=0")
    assert status == 1
    assert "The first one ends the run. The best checkpoint so far was saved at epoch 0" in said
