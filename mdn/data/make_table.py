"""Tables made of columns: each gets a kind, guessed or said, and is coded by it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches

import pyarrow as pa
from jaxtyping import Float64
from torch import Tensor

from mdn.data.faults import Faults
from mdn.data.kinds.arrow_values import as_levels, is_number, is_text, is_time, plain
from mdn.data.kinds.coded_columns import coded, matrix
from mdn.data.kinds.guessed_kinds import Guess, category, guess_kind, of_type
from mdn.data.kinds.text_columns import read_text
from mdn.data.kinds.vocabulary import Vocabulary
from mdn.data.kinds.wanted_formats import wanted_formats
from mdn.data.missing_targets import known_weights
from mdn.data.readers.columns import Columns
from mdn.data.reading import Reading
from mdn.data.roles import Roles
from mdn.data.splits.marks import Marks, marks_of
from mdn.data.splits.settings import SplitBy
from mdn.data.table import SaidKinds, Table
from mdn.networks.kinds import KINDS, Category, Kind, Number

_SHOWN = 4
"""Levels that are named in a message."""


def table_of(
    columns: Columns,
    roles: Roles,
    kinds: SaidKinds | None = None,
    by: SplitBy | None = None,
) -> Table:
    """Make a table of the columns that have a role.

    Rows without a target, or whose weight is missing or zero, are left out, and so are columns
    from which nothing can be learned, unless they are named one by one.

    Args:
        columns: the columns.
        roles: what each is.
        kinds: of the inputs of which they are known; the others are guessed.
        by: what the rows will be split by.

    Raises:
        ValueError: with all that is wrong.
    """
    faults = Faults()
    columns = read_text(columns, wanted_formats(kinds or {}))
    guesses = _guesses(columns, roles, kinds or {}, faults)
    inputs = {name: guess.kind for name, guess in guesses.items() if guess.kind is not None}
    parts = _values(columns, roles, inputs, faults)
    by = by or SplitBy()
    marks: Marks = {}
    with faults.collected():
        marks = marks_of(columns, by)
    faults.check()
    left_out = {name: guess.why for name, guess in guesses.items() if guess.kind is None}
    levels = {name: len(kind.levels) for name, kind in inputs.items() if isinstance(kind, Category)}
    table = _weighted(columns.source, roles, inputs, parts, marks)
    reading = Reading(left_out, formats=columns.formats, levels=levels)
    return replace(table, split_by=by, reading=reading)


def _values(
    columns: Columns, roles: Roles, inputs: Mapping[str, Kind], faults: Faults
) -> list[Tensor]:
    """Return inputs, targets and weights, where none of them is refused."""
    parts = []
    with faults.collected():
        parts.append(coded(columns, list(inputs), list(inputs.values())))
    with faults.collected():
        parts.append(_targets(columns, roles))
    with faults.collected():
        parts.append(matrix(columns, [] if roles.weight is None else [roles.weight]))
    return parts


def _weighted(
    source: str,
    roles: Roles,
    inputs: Mapping[str, Kind],
    parts: Sequence[Tensor],
    marks: Marks,
) -> Table:
    x, y, weight = parts
    weights, dropped = known_weights(None if roles.weight is None else weight.squeeze(-1))
    check_weights(source, weights)
    names, kinds = list(inputs), tuple(inputs.values())
    table = Table(x, y, weights, names, roles.targets, kinds, dropped, marks=marks)
    return with_targets(source, table.counted())


def with_targets(source: str, table: Table) -> Table:
    """Return a table, unless none of its rows are left.

    Raises:
        ValueError: if no row has a target, or a weight.
    """
    if len(table) == 0 and table.dropped:
        raise ValueError(
            f"{source}: no row has both a target ({', '.join(table.target_names)}) and a weight "
            "above 0; name other columns, or mend these"
        )
    return table


def _guesses(columns: Columns, roles: Roles, said: SaidKinds, faults: Faults) -> dict[str, Guess]:
    guesses: dict[str, Guess] = {}
    with faults.collected():
        check_said(columns, said)
    for name in roles.inputs:
        with faults.collected():
            guesses[name] = _guess(columns, name, said.get(name), name in roles.wanted)
    return guesses


def check_said(columns: Columns, said: SaidKinds) -> None:
    """Refuse kinds of columns that are not there."""
    absent = [name for name in said if name not in columns.names]
    if absent:
        close = get_close_matches(absent[0], columns.names, n=1)
        hint = f" (did you mean {close[0]!r}?)" if close else ""
        raise ValueError(
            f"{columns.source} has no column {absent[0]!r}{hint} that `kinds` could tell of"
        )


def _guess(columns: Columns, name: str, said: str | Kind | None, wanted: bool) -> Guess:
    if isinstance(said, str):
        return Guess(_said_kind(columns, name, said))
    if said is not None:
        return Guess(said)
    return settled(columns.source, name, _first_guess(columns, name), wanted)


def settled(source: str, name: str, guess: Guess, wanted: bool) -> Guess:
    """Return a guess, or the kind of a column that someone wants all the same.

    Args:
        source: the file, or what to call the rows.
        name: of the column.
        guess: of its kind.
        wanted: whether someone has named it.

    Raises:
        ValueError: if it is wanted, and no input can be made of it.
    """
    if guess.kind is not None or not wanted:
        return guess
    if guess.otherwise is None:
        raise ValueError(
            f"{source}: column {name!r} is {guess.why}, from which no input can be made; "
            "leave it out of `inputs`"
        )
    return Guess(guess.otherwise)


def _first_guess(columns: Columns, name: str) -> Guess:
    if name in columns.left_out:
        return Guess(None, columns.left_out[name])
    if not name:
        return Guess(None, "without a name")
    return guess_kind(name, columns.table.column(name))


def _said_kind(columns: Columns, name: str, said: str) -> Kind:
    if said not in KINDS:
        raise ValueError(
            f"`kinds` says {said!r} of column {name!r}; it must be one of {', '.join(KINDS)}"
        )
    kind, column = KINDS[said](), columns.table.column(name)
    return _with_levels(column) if isinstance(kind, Category) else of_type(kind, column.type)


def _with_levels(column: pa.ChunkedArray) -> Category:
    words = Vocabulary()
    words.update(as_levels(column))
    return category(words)


def _targets(columns: Columns, roles: Roles) -> Float64[Tensor, "N D"]:
    faults = Faults()
    for name in roles.targets:
        with faults.collected():
            check_target(columns, name)
    faults.check()
    return matrix(columns, roles.targets)


def check_target(columns: Columns, name: str) -> None:
    """Refuse a target that is no number."""
    column = plain(columns.table.column(name))
    if is_time(column.type):
        raise ValueError(
            f"{columns.source}: target {name!r} holds dates or times, and a density is one of "
            f"numbers; turn them into days since another date, say{_meant(columns, name)}"
        )
    if not is_text(column.type) or _told_by_numbers(name, column):
        return
    words = Vocabulary()
    words.update(as_levels(column))
    shown = ", ".join(repr(text) for text in words.levels()[:_SHOWN])
    more = ", ..." if len(words.counts) > _SHOWN else ""
    raise ValueError(
        f"{columns.source}: target {name!r} is text ({shown}{more}), and a density is one of "
        "numbers: to tell such levels apart is a classification, which is not offered"
        f"{_meant(columns, name)}"
    )


def _told_by_numbers(name: str, column: pa.ChunkedArray) -> bool:
    guess = guess_kind(name, column)
    return isinstance(guess.kind or guess.otherwise, Number)


def _meant(columns: Columns, name: str) -> str:
    """Name columns of numbers that are called nearly so, or some that there are."""
    numbers = [other for other in columns.names if other != name and _is_number(columns, other)]
    close = get_close_matches(name, numbers, n=1) or numbers[-3:]
    return f"; numbers are in {' and '.join(map(repr, close))}" if close else ""


def _is_number(columns: Columns, name: str) -> bool:
    return is_number(columns.table.column(name).type)


def check_weights(source: str, weight: Float64[Tensor, " N"] | None) -> None:
    """Refuse weights below zero, and weights that are all zero."""
    if weight is not None and ((weight < 0).any() or weight.sum() <= 0):
        raise ValueError(
            f"{source}: weights must be 0 or more, and not all 0; the smallest is "
            f"{weight.min().item():g}; mend the column or leave `weight` out"
        )
