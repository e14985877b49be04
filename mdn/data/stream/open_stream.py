"""Parts of files that are streamed, coded by the training rows."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mdn.data.faults import Faults
from mdn.data.make_table import check_target
from mdn.data.readers.columns import Columns
from mdn.data.reading import Reading
from mdn.data.roles import Roles, assign_roles, named_split
from mdn.data.splits.divide import Division
from mdn.data.splits.settings import SplitBy
from mdn.data.stream import rules as rules  # registered
from mdn.data.stream.opened import OpenedFile, open_stream
from mdn.data.stream.parts import Part, parts_of
from mdn.data.stream.passing import passed
from mdn.data.stream.stream_kinds import stream_guesses
from mdn.data.stream.streamed_table import StreamedTable
from mdn.data.table import ColumnKeys, SaidKinds
from mdn.networks.kinds import Kind


@dataclass(frozen=True)
class ColumnChoice:
    """The columns that are wanted, as `Table.from_frame` takes them, and what rows are split by."""

    targets: ColumnKeys
    inputs: ColumnKeys | None = None
    weight: str | int | None = None
    exclude: ColumnKeys = ()
    kinds: SaidKinds | None = None
    by: SplitBy = field(default_factory=SplitBy)


def streamed_tables(
    path: str | Path,
    columns: ColumnChoice,
    others: Mapping[str, str | Path],
    division: Division,
) -> dict[str, StreamedTable]:
    """Pass over files once each; return the rows as "train", "val" and "test".

    Columns of text are read once more before, to count their levels.

    Args:
        path: a file with the training rows.
        columns: those that are wanted.
        others: files with the rows of other parts, by name.
        division: of the rows of `path`, for the parts that have no file.

    Raises:
        ValueError: if a file is not what it should be, or a part has no rows.
    """
    _check_others(columns.by, others)
    file = open_stream(path, columns.kinds or {})
    by, exclude = named_split(file.head, columns.by, columns.exclude)
    roles = assign_roles(file.head, columns.targets, columns.inputs, columns.weight, exclude)
    _check_targets(file, roles)
    inputs, reading = _inputs(file, roles, columns.kinds or {})
    parts = parts_of(division, by, lambda: file.marks(by), file.num_rows)
    whole = passed(file.source(roles, inputs, reading, by), parts, division.seed)
    fitted = dict(zip(inputs, whole.kinds_of("train"), strict=True))
    coded = file.source(roles, fitted, reading, by)
    tables = {name: whole.table(name, coded) for name in parts}
    others_read = {
        name: streamed_rows(other, roles, fitted, reading, division.seed)
        for name, other in others.items()
    }
    return tables | others_read


def streamed_rows(
    path: str | Path, roles: Roles, kinds: dict[str, Kind], reading: Reading, seed: int = 0
) -> StreamedTable:
    """Pass over a file once; return all of its rows, as a model knows them.

    Args:
        path: of the file.
        roles: what its columns are.
        kinds: of the inputs, fitted.
        reading: how the training rows were written.
        seed: of the sample.

    Raises:
        ValueError: if the file is not what it should be, or no row counts.
    """
    file = open_stream(path, kinds, reading.formats)
    source = file.source(roles, kinds, reading, SplitBy())
    return passed(source, {"whole": Part()}, seed).table("whole", source)


def _inputs(file: OpenedFile, roles: Roles, said: SaidKinds) -> tuple[dict[str, Kind], Reading]:
    guesses = stream_guesses(file.head, file.blocks, roles, said)
    inputs = {name: guess.kind for name, guess in guesses.items() if guess.kind is not None}
    left_out = {name: guess.why for name, guess in guesses.items() if guess.kind is None}
    return inputs, Reading(left_out, file.notes, file.formats)


def _check_others(by: SplitBy, others: Mapping[str, str | Path]) -> None:
    if by.groups and others:
        raise ValueError(
            f"`group_by` with `{next(iter(others))}_path` has groups compared between files, which "
            "takes rows in memory; leave out one of them, or set `stream=False`"
        )


def _check_targets(file: OpenedFile, roles: Roles) -> None:
    faults = Faults()
    first = Columns(file.head.source, next(file.blocks(roles.targets)), file.head.place)
    for name in roles.targets:
        with faults.collected():
            check_target(first, name)
    faults.check()
