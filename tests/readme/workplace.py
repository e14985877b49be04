"""A folder in which commands are run as they are typed: the project's scripts and some data."""

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from documents import ROOT
from pyarrow import csv, parquet
from pyarrow import table as as_table

from mdn.data.synthetic import TwoBranches

PLACE = re.compile(r"^(checkpoint|report|figures|metrics|table) +(\S+)$", re.MULTILINE)


@dataclass(frozen=True)
class Outcome:
    """What a command said, and the folder that it was run in."""

    folder: Path
    out: str
    err: str

    @property
    def places(self) -> dict[str, Path]:
        """Where the command says that things are."""
        return {label: self.folder / path for label, path in PLACE.findall(self.out)}

    @property
    def run_dir(self) -> Path:
        return self.places["metrics"].parent


def run(command: str, folder: Path) -> Outcome:
    """Run a line of a shell with this Python and this project; it must end well."""
    before = {"PATH": str(Path(sys.executable).parent), "PYTHONPATH": str(ROOT)}
    paths = {
        name: os.pathsep.join(filter(None, (first, os.environ.get(name))))
        for name, first in before.items()
    }
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command}"],
        cwd=folder,
        env=os.environ | paths,
        capture_output=True,
        text=True,
        check=False,
    )
    said = f"{command}\n{done.stdout}\n{done.stderr}"
    assert done.returncode == 0, said
    assert "Traceback" not in said, said
    return Outcome(folder, done.stdout, done.stderr)


def furnish(folder: Path) -> Path:
    """Put the scripts and the files that the documents speak of into an empty folder."""
    for name in ("scripts", "conf"):
        (folder / name).symlink_to(ROOT / name)
    generator = np.random.default_rng(0)
    write(homes(700, generator), folder / "my.csv")
    write(homes(100, generator), folder / "val.csv")
    write(homes(100, generator), folder / "test.csv")
    write(branches(200, seed=1), folder / "other.csv")
    write(branches(50, seed=2), folder / "new.csv")
    write(lanes(1318, generator), folder / "lanes.csv")
    x = generator.normal(size=600)
    sizes = {"x": x, "größe": (170 + 10 * x + 5 * generator.normal(size=600)).round()}
    write(sizes, folder / "sizes.csv")
    (folder / "FOLDER").mkdir()
    times = generator.uniform(0, 60, 120)
    noise = (1 + times / 3) * generator.normal(size=120)
    write({"times": times, "accel": noise - times}, folder / "FOLDER" / "mcycle.csv")
    return folder


def homes(rows: int, generator: np.random.Generator) -> dict[str, np.ndarray]:
    rooms, age = generator.integers(1, 7, rows), generator.uniform(0, 90, rows)
    noise = generator.normal(size=(4, rows))
    price = 100 * rooms - age + 20 * noise[0]
    rent = 3 * rooms + price / 200 + noise[1]
    count = generator.integers(1, 4, rows)
    a = np.where(generator.random(rows) < 0.4, -4, 4) + noise[2]
    return {
        "rooms": rooms, "age": age, "price": price, "rent": rent, "count": count, "a": a,
        "b": a / 2 + noise[3],
    }  # fmt: skip


def branches(rows: int, seed: int) -> dict[str, np.ndarray]:
    """Rows of the problem that the first command learns."""
    x, y = TwoBranches().sample(rows, torch.Generator().manual_seed(seed))
    return {"x": x[:, 0].numpy(), "y0": y[:, 0].numpy(), "y1": y[:, 1].numpy()}


def lanes(rows: int, generator: np.random.Generator) -> dict[str, np.ndarray]:
    flow = generator.uniform(200, 2200, rows)
    slow = generator.random(rows) < 0.1
    speed = np.where(slow, 30 + 10 * generator.normal(size=rows), 62 - flow / 400)
    return {"flow": flow, "speed": speed + 2 * generator.normal(size=rows)}


def write(columns: dict[str, np.ndarray], path: Path) -> None:
    csv.write_csv(as_table(columns), path)


def read(path: Path) -> dict[str, np.ndarray]:
    """The columns of a CSV or Parquet file."""
    table = csv.read_csv(path) if path.suffix == ".csv" else parquet.read_table(path)
    return {name: table[name].to_numpy() for name in table.column_names}
