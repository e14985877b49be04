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
    furnish_raw(folder, np.random.default_rng(1))
    (folder / "FOLDER").mkdir()
    times = generator.uniform(0, 60, 120)
    noise = (1 + times / 3) * generator.normal(size=120)
    write({"times": times, "accel": noise - times}, folder / "FOLDER" / "mcycle.csv")
    return folder


def furnish_raw(folder: Path, generator: np.random.Generator) -> None:
    """Put tables as people have them into the folder."""
    write(flats(1000, generator), folder / "flats.csv")
    new = flats(40, generator)
    new["city"][7] = "Narvik"
    write(new, folder / "new_flats.csv")
    write(days(800, generator), folder / "days.csv")
    (folder / "parts").mkdir()
    for k in range(2):
        parquet.write_table(as_table(days(400, generator)), folder / "parts" / f"{k}.parquet")


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


def flats(rows: int, generator: np.random.Generator) -> dict[str, np.ndarray]:
    """A table as people have it: names of rows, text, dates, units, gaps and notes."""
    cities = np.array(["Bergen", "Oslo", "Tromsø", "Ålesund"])
    city, rooms = generator.integers(0, 4, rows), generator.integers(1, 7, rows)
    area = 18 * rooms * np.exp(0.2 * generator.normal(size=rows))
    sold = np.datetime64("2021-01-01") + generator.integers(0, 1400, rows)
    noise = np.exp((0.1 + 0.1 * city) * generator.normal(size=rows))
    price = area * np.array([48, 70, 35, 30])[city] * noise
    unknown = generator.random((2, rows))
    words = np.array(["sunny", "quiet", "garden", "needs", "paint", "old", "new", "roof"])
    return {
        "id": np.array([f"F-{1000 + i}" for i in range(rows)]),
        "city": np.where(unknown[0] < 0.05, "", cities[city]),
        "sold": np.array([f"{day.astype(object):%d.%m.%Y}" for day in sold]),
        "rooms": np.where(unknown[1] < 0.1, "NA", rooms.astype(str)),
        "area": np.array([f"{each:.1f}" for each in area]),
        "lift": generator.choice(["yes", "no"], rows),
        "notes": np.array([" ".join(generator.choice(words, 6)) for _ in range(rows)]),
        "price": np.array([f"€ {1000 * each:,.0f}" for each in price]),
    }  # fmt: skip


def days(rows: int, generator: np.random.Generator) -> dict[str, np.ndarray]:
    """A table with groups, times, named parts and columns of one pattern."""
    built = np.datetime64("2015-01-01") + np.arange(rows)
    temps = generator.normal(size=(2, rows))
    share = 1 / (1 + np.exp(-temps[0] - 0.5 * generator.normal(size=rows)))
    return {
        "customer": generator.integers(0, 80, rows),
        "part": generator.choice(["train", "val", "test"], rows, p=[0.7, 0.15, 0.15]),
        "built": built.astype(str),
        "zip": generator.choice([1001, 5003, 9008], rows),
        "notes": generator.choice(["new", "old"], rows),
        "temp_1": temps[0],
        "temp_2": temps[1],
        "share": share,
    }  # fmt: skip


def write(columns: dict[str, np.ndarray], path: Path) -> None:
    csv.write_csv(as_table(columns), path)


def read(path: Path) -> dict[str, np.ndarray]:
    """The columns of a CSV or Parquet file."""
    table = csv.read_csv(path) if path.suffix == ".csv" else parquet.read_table(path)
    return {name: table[name].to_numpy() for name in table.column_names}
