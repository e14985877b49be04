"""Two commands at once into one place: it holds what one of them leaves, never a mixture."""

import csv
import hashlib
import json
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch

pytest.importorskip("fcntl", reason="commands are forked")

QUICK = (
    *("trainer.max_epochs=2", "data.train_rows=64", "data.val_rows=32", "data.test_rows=64"),
    *("model.ensemble_size=1", "backbone.width=8", "backbone.depth=1", "callbacks=checkpoint"),
)
CHECKPOINT = "checkpoints/best.ckpt"


def one_run(place: Path) -> object:
    """What a run leaves, but for times."""
    metrics = json.loads((place / "metrics.json").read_text())
    weights = torch.load(place / "checkpoints/last.ckpt", weights_only=True)["state_dict"]
    digest = hashlib.sha256(b"".join(each.numpy().tobytes() for each in weights.values()))
    settings = (place / "config.yaml").read_text().replace(str(place), "")
    overrides = (place / ".hydra/overrides.yaml").read_text()
    del metrics["fit_seconds"]
    return metrics, digest.hexdigest(), settings, overrides, names(place)


def one_evaluation(place: Path) -> object:
    """What an evaluation leaves."""
    settings = (place / ".hydra/config.yaml").read_text().replace(str(place), "")
    contents = [place / "metrics.json", place / "report.html", *sorted(place.glob("figures/*.svg"))]
    return [path.read_bytes() for path in contents], settings, names(place)


def one_sweep(place: Path) -> object:
    """What a sweep leaves, but for times."""
    with (place / "sweep.csv").open() as file:
        rows = [{**row, "fit_seconds": ""} for row in csv.DictReader(file)]
    jobs = sorted(path for path in place.iterdir() if path.is_dir())
    return rows, [(path.name, one_run(path)) for path in jobs]


def names(place: Path) -> list[str]:
    """The names of all files below a folder, without the times in those of logs."""
    found = [path for path in place.rglob("*") if path.is_file()]
    return sorted(
        "log" if path.name.startswith("events") else str(path.relative_to(place)) for path in found
    )


@dataclass(frozen=True)
class Pair:
    """Two commands, in which PLACE stands for where they write.

    Attributes:
        commands: their words.
        place: the name of where they write.
        left: reads what one of them leaves there.
    """

    commands: tuple[str, str]
    place: str = "place"
    left: Callable[[Path], object] = one_run


TRAIN = f"train {' '.join(QUICK)} hydra.run.dir=PLACE seed="
RESUME = f"{TRAIN}0 trainer.max_epochs=3 ckpt_path=A/checkpoints/last.ckpt"
EVALUATE = "evaluate hydra.run.dir=PLACE ckpt="
SWEEP = f"train --multirun {' '.join(QUICK)} hydra.sweep.dir=PLACE seed="
PREDICT = "predict data.path=new.csv out=PLACE columns=[mean,std] ckpt="
EXPORT = "export format=safetensors out=PLACE ckpt="


def pair(one: str, other: str, place: str, left: Callable[[Path], object]) -> Pair:
    return Pair((one, other), place, left)


PAIRS: Mapping[str, Pair] = {
    "train, train": Pair((f"{TRAIN}1", f"{TRAIN}2")),
    "train, resume": Pair((f"{TRAIN}1", RESUME)),
    "evaluate, evaluate": pair(
        f"{EVALUATE}A/{CHECKPOINT}", f"{EVALUATE}B/{CHECKPOINT}", "place", one_evaluation
    ),
    "sweep, sweep": pair(f"{SWEEP}1,2", f"{SWEEP}3,4", "place", one_sweep),
    "predict, predict, csv": pair(
        f"{PREDICT}A/{CHECKPOINT}", f"{PREDICT}B/{CHECKPOINT}", "out.csv", Path.read_bytes
    ),
    "predict, predict, parquet": pair(
        f"{PREDICT}A/{CHECKPOINT}", f"{PREDICT}B/{CHECKPOINT}", "out.parquet", Path.read_bytes
    ),
    "export, export": pair(
        f"{EXPORT}A/{CHECKPOINT}", f"{EXPORT}B/{CHECKPOINT}", "out.bin", Path.read_bytes
    ),
    "predict, export": pair(
        f"{PREDICT}A/{CHECKPOINT}", f"{EXPORT}B/{CHECKPOINT}", "out.csv", Path.read_bytes
    ),
}


@pytest.fixture(scope="module")
def folder(server, tmp_path_factory) -> Path:
    """A folder with two runs, and rows to predict for."""
    folder = tmp_path_factory.mktemp("pairs")
    trained = [start(server, folder, f"{TRAIN}{seed}", name) for seed, name in enumerate("AB")]
    assert [each.wait() for each in trained] == [0, 0], trained[0].said + trained[1].said
    lines = [f"{i / 1000}" for i in range(1000)]
    (folder / "new.csv").write_text("\n".join(["x", *lines]))
    return folder


def start(server, folder, words, place, name=None):
    """Begin a command that writes to a place of the folder."""
    command, *overrides = words.replace("PLACE", place).split()
    return server.start(command, *overrides, folder=folder, name=name or f"said_{place}")


@pytest.fixture(scope="module")
def alone(server, folder) -> Callable[[str, Pair], object]:
    """What each command leaves where it is alone."""
    known: dict[tuple[str, str], object] = {}

    def left(words, pair):
        key = words, pair.place
        if key not in known:
            place = f"alone_{len(known)}_{pair.place}"
            command = start(server, folder, words, place)
            assert command.wait() == 0, command.said
            known[key] = pair.left(folder / place)
        return known[key]

    return left


@pytest.fixture
def both(server, folder, alone):
    """Begin both commands of a pair with up to half a second between them; check what is left."""

    def run(name, number):
        pair, chance = PAIRS[name], random.Random(f"{name} {number}")
        place = f"{name.replace(', ', '_')}_{number}_{pair.place}"
        words = chance.sample(pair.commands, 2)
        first = start(server, folder, words[0], place, f"{place}_0")
        time.sleep(chance.uniform(0, 0.5))
        commands = [first, start(server, folder, words[1], place, f"{place}_1")]
        statuses = [check_said(command) for command in commands]
        well = [each for each, status in zip(words, statuses, strict=True) if status == 0]
        assert well, [command.said for command in commands]
        assert pair.left(folder / place) in [alone(each, pair) for each in well]
        hidden = [path.name for path in folder.rglob(".*") if path.name != ".hydra"]
        assert not hidden
        return statuses

    return run


def check_said(command) -> int:
    """Return the exit status of a command that has ended well, or was refused in one sentence."""
    status, said = command.wait(), command.said
    refused = " is being written to by " in said or " already (" in said
    assert status == refused, said
    assert "Traceback" not in said
    assert not refused or said.splitlines()[-1].startswith("error: ")
    return status


@pytest.mark.parametrize("name", ["train, train", "predict, predict, parquet"])
def test_one_of_two_commands_leaves_its_answers(name, both):
    both(name, 0)


@pytest.mark.slow(reason="many pairs of processes")
@pytest.mark.parametrize("name", PAIRS)
def test_one_of_two_commands_leaves_its_answers_each_time(name, both, request):
    found = [both(name, 1 + n) for n in range(request.config.getoption("--repeats", 3))]
    print(name, found)
