"""Rows of figures as a table on the screen, and as CSV and JSON files."""

import json
from collections.abc import Iterable
from pathlib import Path

from rich.console import Console
from rich.table import Table

from mdn.app.sweep import write_csv
from mdn.data.write import write_text

Row = dict[str, str | int | float]

_WIDTH = 120  # the same on a terminal, in a file and in a pipe


def report(suite: str, rows: Iterable[Row], folder: Path) -> None:
    """Collect rows, showing progress; print them as a table; write SUITE.csv and SUITE.json.

    What was collected before an error is printed and written, too.
    """
    console = Console(width=_WIDTH)
    collected: list[Row] = []
    try:
        with console.status(f"measuring {suite}"):
            collected.extend(rows)
    finally:
        if collected:
            _show_and_write(console, suite, collected, folder)


def _show_and_write(console: Console, suite: str, rows: list[Row], folder: Path) -> None:
    console.print(table(suite, rows))
    folder.mkdir(parents=True, exist_ok=True)
    write(rows, folder / suite)
    console.print(f"written to {folder / suite}.csv and .json", soft_wrap=True)


def table(title: str, rows: list[Row]) -> Table:
    """Return a table with a column for each key."""
    shown = Table(*rows[0], title=title, title_justify="left", box=None)
    for row in rows:
        shown.add_row(*(_readable(value) for value in row.values()))
    return shown


def write(rows: list[Row], stem: Path) -> None:
    """Write the same rows as CSV and as JSON, in full precision."""
    write_csv(rows, stem.with_suffix(".csv"))
    write_text(json.dumps(rows, indent=1), stem.with_suffix(".json"))


def _readable(value: str | int | float) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
