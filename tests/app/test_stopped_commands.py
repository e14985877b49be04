"""Commands other than a fit that are told to stop: real processes, real signals."""

import random
import re
import signal
import time
from pathlib import Path

import pytest
from killed_runs import alive
from parquet_files import numbers
from pyarrow import parquet

BEST = "ckpt=run/checkpoints/best.ckpt"
COMMANDS = {
    "evaluate": ["evaluate", BEST, "hydra.run.dir=answers"],
    "predict": ["predict", BEST, "data.path=many.parquet", "out=answers.csv"],
    "predict parquet": ["predict", BEST, "data.path=many.parquet", "out=answers.parquet"],
    "export": ["export", BEST, "format=onnx", "out=answers.onnx"],
}
SAID = {signal.SIGINT: "stopped by Ctrl-C", signal.SIGTERM: "stopped by SIGTERM"}
TRAIN = [
    *("data=file", "data.targets=[y]", "data.path=numbers.parquet", "trainer.max_epochs=2"),
    *("model.ensemble_size=1", "backbone.width=8", "backbone.depth=1", "seed=1"),
    "callbacks.density_plot=null",
]
TOO_LONG = 10.0
"""Seconds from a signal to the end of a command: what systems give it."""


@pytest.fixture(scope="module")
def folder(server, tmp_path_factory):
    """A folder with a run, many rows, and what earlier commands have left there."""
    folder = tmp_path_factory.mktemp("stopped")
    (folder / "said").mkdir()
    parquet.write_table(numbers(400), folder / "numbers.parquet")
    parquet.write_table(numbers(300_000), folder / "many.parquet", row_group_size=10_000)
    run = server.start("train", *TRAIN, "hydra.run.dir=run", folder=folder, name="said/run")
    assert run.wait() == 0, run.said
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    """All files below a folder, but for what commands have said."""
    found = (path for path in folder.rglob("*") if path.is_file() and path.parent.name != "said")
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}


def stop(run, number: int) -> float:
    """Send a signal; return the seconds until the end, whose status and message are checked."""
    begin = time.monotonic()
    run.kill(number)
    assert run.wait() == 128 + number, f"{run.wait()}: {run.said}"
    assert run.said.splitlines()[-1] == SAID[number]
    assert not re.search("Traceback|Exception ignored", run.said), run.said
    return time.monotonic() - begin


def test_half_a_table_is_not_left(server, folder):
    before = contents(folder)
    run = server.start(*COMMANDS["predict"], folder=folder, name="said/predict")
    run.wait_until(lambda: any(part.stat().st_size for part in folder.glob(".answers*.part")))
    stop(run, signal.SIGTERM)
    assert contents(folder) == before


@pytest.mark.slow(reason="commands that are stopped, as often as --repeats says")
@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_that_is_stopped_leaves_what_was_there(server, folder, name, repeats):
    command = COMMANDS[name]
    seconds = []
    for number in range(2):  # what is there to be left, and how long it takes
        begin = time.monotonic()
        run = server.start(*command, folder=folder, name=f"said/{name}{number}")
        assert run.wait() == 0, run.said
        seconds.append(time.monotonic() - begin)
    before, longest, count = contents(folder), 0.0, 0
    draws = random.Random(name)
    while count < repeats:
        run = server.start(*command, folder=folder, name=f"said/{name}_{draws.random()}")
        run.wait_until(run.output.exists)
        time.sleep(0.05 + draws.random() * min(seconds))
        if not alive(run):
            assert run.wait() == 0, run.said
            before = contents(folder)
            continue
        longest = max(longest, stop(run, draws.choice([*SAID])))
        assert contents(folder) == before
        count += 1
    print(f"{name}: {count} signals, the slowest end after {longest:.1f} s")
