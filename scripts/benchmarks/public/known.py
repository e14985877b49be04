"""The collections by the names of their suites."""

from pathlib import Path

from benchmarks.public.boards import Boards
from benchmarks.public.collection import Collection
from benchmarks.public.raw_tables import RawTables
from benchmarks.public.regret import Regret
from benchmarks.public.uci import Uci

COLLECTIONS: dict[str, type[Collection]] = {
    "uci": Uci,
    "boards": Boards,
    "tables": RawTables,
    "regret": Regret,
}
"""Each is a suite of its own."""


def collection(suite: str, data: Path | None) -> Collection:
    """Return the collection of a suite."""
    return COLLECTIONS[suite](data)
