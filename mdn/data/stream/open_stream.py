"""Parts of files that are streamed, coded by the training rows."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mdn.data.columns import Columns
from mdn.data.faults import Faults
from mdn.data.make_table import check_target
from mdn.data.reading import Reading
from mdn.data.roles import Roles, assign_roles
from mdn.data.stream import rules as rules  # registered
from mdn.data.stream.opened import OpenedFile, open_stream
from mdn.data.stream.parts import Part, parts_of
from mdn.data.stream.passing import passed
from mdn.data.stream.stream_kinds import stream_guesses
from mdn.data.stream.streamed_table import StreamedTable
from mdn.data.table import ColumnKeys, SaidKinds


@dataclass(frozen=True)
class ColumnChoice:
    """The columns that are wanted, as `Table.from_frame` takes them."""

    targets: ColumnKeys
    inputs: ColumnKeys | None = None
    weight: str | int | None = None
    exclude: ColumnKeys = ()
    kinds: SaidKinds | None = None


def streamed_tables(
    path: str | Path,
    columns: ColumnChoice,
    others: Mapping[str, str | Path],
    fractions: Mapping[str, float],
    seed: int,
) -> dict[str, StreamedTable]:
    """Pass over files once each; return the rows as "train", "val" and "test".

    Columns of text are read once more before, to count their levels.

    Args:
        path: a file with the training rows.
        columns: those that are wanted.
        others: files with the rows of other parts, by name.
        fractions: of the rows of `path`, for the parts that have no file.
        seed: from which splits and samples follow.

    Raises:
        ValueError: if a file is not what it should be, or a part has no rows.
    """
    said = columns.kinds or {}
    file = open_stream(path, said)
    roles = assign_roles(
        file.head, columns.targets, columns.inputs, columns.weight, columns.exclude
    )
    _check_targets(file, roles)
    guesses = stream_guesses(file.head, file.blocks, roles, said)
    inputs = {name: guess.kind for name, guess in guesses.items() if guess.kind is not None}
    left_out = {name: guess.why for name, guess in guesses.items() if guess.kind is None}
    reading = Reading(left_out, file.notes)
    whole = passed(file.source(roles, inputs, reading), parts_of(fractions, seed), seed)
    fitted = dict(zip(inputs, whole.kinds_of("train"), strict=True))
    passes = {name: (whole, file) for name in whole.parts}
    for name, other in others.items():
        opened = open_stream(other, fitted)
        source = opened.source(roles, fitted, reading)
        passes[name] = passed(source, {name: Part()}, seed), opened
    return {
        name: each.table(name, tuple(fitted.values()), opened.source(roles, fitted, reading).decode)
        for name, (each, opened) in passes.items()
    }


def _check_targets(file: OpenedFile, roles: Roles) -> None:
    faults = Faults()
    first = Columns(file.head.source, next(file.blocks(roles.targets)), file.head.place)
    for name in roles.targets:
        with faults.collected():
            check_target(first, name)
    faults.check()
