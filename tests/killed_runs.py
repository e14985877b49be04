"""Runs that are killed and go on, and what must be alike in them and in one that was not."""

import json
import random
import signal
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import torch
from forked_commands import CommandServer, ForkedCommand
from parquet_files import mixed, numbers
from pyarrow import csv, parquet

import mdn

SMALL = [
    *("trainer.max_epochs=6", "backbone.width=8", "backbone.depth=1", "model.num_components=2"),
    *("callbacks.last_checkpoint.every_seconds=0", "callbacks.density_plot=null", "seed=1"),
    *("data.batch_size=8", "trainer.accelerator=cpu"),
]
DRAWN = ["data=two_branches", "data.train_rows=300", "data.val_rows=64", "data.test_rows=64"]
RANDOM = ["backbone.dropout=0.1", "regularizer.input_noise=0.1", "regularizer.target_noise=0.1"]
ONE = ["model.ensemble_size=1"]
FILE = ["data=file", "data.targets=[y]", "data.stream=true"]
WITHOUT_INPUTS = [*DRAWN, "data=three_gaussians"]
TWO = ["trainer.devices=2", "+trainer.strategy=ddp"]

KINDS = {
    "mdn": [*DRAWN, *ONE, *RANDOM],
    "ensemble": [*DRAWN, "model.ensemble_size=8", *RANDOM, "objective=crps"],
    "gmm": ["model=gmm", *WITHOUT_INPUTS],
    "gmm_em": ["model=gmm_em", *WITHOUT_INPUTS, "model.tol=0"],
    "streamed": [*FILE, "data.path=numbers.parquet", *ONE, *RANDOM],
    "gaps": ["data=file", "data.targets=[y]", "data.path=gaps.parquet", *ONE, *RANDOM],
    "bf16": [*DRAWN, *ONE, *RANDOM, "trainer.precision=bf16-mixed"],
    "two processes": [*DRAWN, *ONE, *RANDOM, *TWO],
}


class Runs:
    """Runs of one kind in a folder.

    Args:
        server: what starts them.
        folder: where.
        kind: a name of `KINDS`.
    """

    def __init__(self, server: CommandServer, folder: Path, kind: str) -> None:
        self._server, self.folder = server, folder
        self._overrides = ["--config-dir=conf", *self._settings(kind)]
        group = folder / "conf" / "callbacks"
        group.mkdir(parents=True)
        base = "em" if kind == "gmm_em" else "default"
        lines = ["defaults:", f"  - {base}", "killing:", "  _target_: killing.Killing"]
        numbers_of = ["  save_every: 3", "  kill_at: null"]
        (group / "killing.yaml").write_text("\n".join([*lines, *numbers_of, ""]))
        parquet.write_table(numbers(400), folder / "numbers.parquet", row_group_size=64)
        parquet.write_table(mixed(400), folder / "gaps.parquet", row_group_size=64)

    @staticmethod
    def _settings(kind: str) -> list[str]:
        left_out = ("backbone",) if kind.startswith("gmm") else ()
        small = [each for each in SMALL if not each.startswith(left_out or ("-",))]
        return [*KINDS[kind], *small, "callbacks=killing"]

    def start(self, name: str, *more: str) -> ForkedCommand:
        """Start a run in the directory of its name."""
        said = f"{name}_{time.monotonic_ns()}"
        place = f"hydra.run.dir={name}"
        return self._server.start("train", *self._overrides, place, *more, folder=self.folder, name=said)

    def finish(self, name: str, *more: str) -> dict[str, object]:
        """Run to the end; return what must be alike."""
        run = self.start(name, *more)
        assert run.wait() == 0, run.said
        return self.left_by(name)

    def last(self, name: str) -> Path:
        """Return its checkpoint to go on from."""
        return self.folder / name / "checkpoints" / "last.ckpt"

    def left_by(self, name: str) -> dict[str, object]:
        """Return what must be alike of a run that is over."""
        metrics = json.loads((self.folder / name / "metrics.json").read_text())
        last = torch.load(self.last(name), weights_only=True)
        best = torch.load(self.last(name).with_name("best.ckpt"), weights_only=True)
        return {
            "metrics": {key: each for key, each in metrics.items() if "seconds" not in key},
            "best": best["state_dict"],
            "weights": last["state_dict"],
            "optimizer": last["optimizer_states"],
            "schedule": last["lr_schedulers"],
            "loops": last["loops"]["fit_loop"],
            "log": self._logged(name),
        }

    def _logged(self, name: str) -> dict[str, list[int]]:
        return {}


def assert_alike(one: dict[str, object], other: dict[str, object]) -> None:
    """Compare bit for bit."""
    for key in other:
        torch.testing.assert_close(one[key], other[key], rtol=0, atol=0, equal_nan=True, msg=key)


def check_loads(folder: Path) -> int:
    """Return how many checkpoints there are, each of which answers."""
    found = list((folder / "checkpoints").glob("*.ckpt"))
    for path in found:
        model = mdn.load(path)
        assert all(stored.isfinite().all() for stored in model.state_dict().values())
    return len(found)
