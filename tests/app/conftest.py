"""A command that runs in an empty folder, and a file for it."""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pytest
from forked_commands import CommandServer
from pyarrow import csv


@pytest.fixture
def run(script):
    """Run a script in an empty folder: (exit status, what it printed)."""

    def said(name, *overrides):
        status, *printed = script(name, *overrides)
        return status, "".join(printed)

    return said


@pytest.fixture
def prices(tmp_path):
    """A CSV file with two inputs and two targets."""
    generator = np.random.default_rng(0)
    rooms, age = generator.integers(1, 9, 200), generator.uniform(0, 90, 200)
    price = 1e5 * rooms - 1e3 * age + generator.normal(0, 2e4, 200)
    rent = price / 300 + generator.normal(0, 50, 200)
    path = tmp_path / "prices.csv"
    csv.write_csv(pa.table({"rooms": rooms, "age": age, "price": price, "rent": rent}), path)
    return path


@pytest.fixture(scope="package")
def server() -> Iterator[CommandServer]:
    """Starts commands in processes that have imported everything."""
    with CommandServer() as server:
        yield server
