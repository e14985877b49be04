"""Runs that are killed and go on, and what must be alike in them and in one that was not."""

import json
import os
import random
import signal
import time
from pathlib import Path
from typing import Any

import torch
from forked_commands import CommandServer, ForkedCommand
from parquet_files import mixed, numbers
from pyarrow import parquet
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import mdn

OWN_PARTS = Path(__file__).with_name("own_parts")
SMALL = [
    *("trainer.max_epochs=6", "model.num_components=2", "data.batch_size=8", "seed=1"),
    *("callbacks=killing", "callbacks.last_checkpoint.every_seconds=0", "trainer.accelerator=cpu"),
    "callbacks.density_plot=null",
]
BACKBONE = ["backbone.width=8", "backbone.depth=1"]
ROWS = ["data.train_rows=300", "data.val_rows=64", "data.test_rows=64"]
DRAWN = ["data=two_branches", *ROWS]
RANDOM = ["backbone.dropout=0.1", "regularizer.input_noise=0.1", "regularizer.target_noise=0.1"]
ONE = ["model.ensemble_size=1"]
FILE = ["data=file", "data.targets=[y]", "data.stream=true"]
WITHOUT_INPUTS = ["data=three_gaussians", *ROWS]
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


DEFINITION = """
defaults:
  - {base}
killing:
  _target_: killing.Killing
  save_every: 3
  kill_at: null
  kill_in: null
"""


class Runs:
    """Runs of one kind in a folder, and what one that is not cut leaves.

    Args:
        server: what starts them.
        folder: where.
        kind: a name of `KINDS`.
    """

    def __init__(self, server: CommandServer, folder: Path, kind: str) -> None:
        self._server, self.folder = server, folder
        group = folder / "conf" / "callbacks"
        group.mkdir(parents=True)
        base = "em" if kind == "gmm_em" else "default"
        (group / "killing.yaml").write_text(DEFINITION.format(base=base))
        parquet.write_table(numbers(400), folder / "numbers.parquet", row_group_size=64)
        parquet.write_table(mixed(400), folder / "gaps.parquet", row_group_size=64)
        backbone = [] if kind.startswith("gmm") else BACKBONE
        self._overrides = [*("--config-dir", "conf", *KINDS[kind]), *SMALL, *backbone]
        whole = self.start("whole")
        self.seconds = watched(whole)
        assert whole.wait() == 0, whole.said
        self.whole = self.left_by("whole")

    def start(self, name: str, *more: str) -> ForkedCommand:
        """Start a run in the directory of its name."""
        place = (f"hydra.run.dir={name}", *more)
        said = f"{name}_{len(list(self.folder.glob('*.txt')))}"
        found = os.pathsep.join([str(OWN_PARTS), *filter(None, [os.environ.get("PYTHONPATH")])])
        return self._server.start(
            *("train", *self._overrides, *place),
            folder=self.folder,
            name=said,
            environment={"PYTHONPATH": found},
        )

    def go_on(self, name: str, source: str, *more: str) -> ForkedCommand:
        """Start a run that goes on from the last checkpoint of another one."""
        return self.start(name, f"ckpt_path={source}/checkpoints/last.ckpt", *more)

    def last(self, name: str) -> Path:
        """Return its checkpoint to go on from."""
        return self.folder / name / "checkpoints" / "last.ckpt"

    def has_said_all(self, name: str) -> bool:
        """Tell whether a run has written the last of its files."""
        return (self.folder / name / "metrics.json").exists()

    def check_alike(self, name: str, run: ForkedCommand | None) -> None:
        """Wait for the end of a run; compare what it leaves with the uncut one, bit for bit."""
        assert run is None or run.wait() == 0, run.said
        found = self.left_by(name)
        for key, value in self.whole.items():
            torch.testing.assert_close(
                found[key], value, rtol=0, atol=0, equal_nan=True, msg=f"{name}: {key}"
            )

    def left_by(self, name: str) -> dict[str, Any]:
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
        }

    def kill_at_random(self, run: ForkedCommand, saved: Path, draws: random.Random) -> bool:
        """Kill a run at some moment after it has saved; tell whether it was under way."""
        run.wait_until(lambda: saved.exists() or not alive(run))
        end = cpu_seconds(run) + draws.random() * self.seconds
        while alive(run) and cpu_seconds(run) < end:
            time.sleep(0.001)
        time.sleep(0.01 * draws.random())  # the clock ticks every 10 ms
        if alive(run):
            os.killpg(run.process, signal.SIGKILL)
        return run.wait() == -signal.SIGKILL


def logged(folder: Path) -> dict[str, list[tuple[int, float]]]:
    """Return the steps and numbers of each tag in all logs of a directory, as they are shown."""
    events = EventAccumulator(str(folder), size_guidance={"scalars": 0}).Reload()
    return {
        tag: [(event.step, event.value) for event in events.Scalars(tag)]
        for tag in ("train/nll", "val/nll")
    }


def watched(run: ForkedCommand) -> float:
    """Return the seconds of processor time of a run from its first step to its end."""
    first = last = None
    while alive(run):
        last = cpu_seconds(run) or last
        if first is None and "epoch 1/" in run.said:
            first = last
        time.sleep(0.005)
    return (last or 1.0) - (first or 0.0)


def alive(run: ForkedCommand) -> bool:
    """Tell whether a process is there and no zombie."""
    return _fields(run) is not None


def cpu_seconds(run: ForkedCommand) -> float:
    """Return the processor time of a process; 0 of one that is over."""
    fields = _fields(run)
    return 0.0 if fields is None else sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")


def _fields(run: ForkedCommand) -> list[str] | None:
    try:
        fields = Path(f"/proc/{run.process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else fields


def is_over(path: Path, epochs: int = 6) -> bool:
    """Tell whether a checkpoint was written behind the last epoch: nothing is left to do."""
    counts = torch.load(path, weights_only=True)["loops"]["fit_loop"]["epoch_progress"]
    return counts["current"]["processed"] == epochs


def lies_inside_an_epoch(path: Path) -> bool:
    """Tell whether a checkpoint was written before the end of an epoch."""
    current = torch.load(path, weights_only=True)["loops"]["fit_loop"]["epoch_progress"]["current"]
    return current["processed"] < current["started"]


def check_loads(folder: Path) -> int:
    """Return how many checkpoints there are, each of which loads whole."""
    found = list((folder / "checkpoints").glob("*.ckpt"))
    for path in found:
        model = mdn.load(path)
        assert all(stored.isfinite().all() for stored in model.parameters())
    return len(found)
