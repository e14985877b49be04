"""Kinds of columns that are streamed.

The type tells the kind of a column of numbers, truth values or times. Levels of text are counted in
a pass over such columns alone.
"""

from collections.abc import Callable, Iterator, Sequence

import pyarrow as pa
from pyarrow import types

from mdn.data.kinds.arrow_values import as_levels, is_number, is_time
from mdn.data.kinds.guessed_kinds import (
    Facts,
    Guess,
    category,
    facts_of,
    named_like_identifier,
    of_type,
)
from mdn.data.kinds.vocabulary import Vocabulary
from mdn.data.make_table import check_said, settled
from mdn.data.readers.columns import Columns
from mdn.data.roles import Roles
from mdn.data.table import SaidKinds
from mdn.networks.kinds import KINDS, Boolean, Category, Kind, Number, Time

Blocks = Callable[[Sequence[str]], Iterator[pa.Table]]
"""Reads some columns of all rows."""


def stream_guesses(
    head: Columns, blocks: Blocks, roles: Roles, said: SaidKinds
) -> dict[str, Guess]:
    """Return what each input is taken for.

    Args:
        head: the columns with their types, without rows.
        blocks: reads columns, those whose type does not tell.
        roles: what each column is.
        said: kinds that someone has told.

    Raises:
        ValueError: on kinds of columns that are not there, and on an input that can be none.
    """
    check_said(head, said)
    known = {name: _known(head, name, said.get(name)) for name in roles.inputs}
    facts = {name: _facts(head, name, said.get(name)) for name, kind in known.items() if not kind}
    for block in blocks(list(facts)) if facts else ():
        for name, each in facts.items():
            each.update(block.column(name))
    found = {name: Guess(kind) if kind else facts[name].guess() for name, kind in known.items()}
    return {
        name: settled(head.source, name, guess, name in roles.wanted or name in said)
        for name, guess in found.items()
    }


class _Levels(Facts):
    """A column that someone takes for a category."""

    def __init__(self) -> None:
        self._words = Vocabulary()

    def update(self, column: pa.ChunkedArray) -> None:
        self._words.update(as_levels(column))

    def guess(self) -> Guess:
        return Guess(category(self._words))


def _known(head: Columns, name: str, said: str | Kind | None) -> Kind | None:
    column = head.table.column(name).type
    if isinstance(said, str):
        return _of_word(name, said, column)
    return _of_type(name, column) if said is None else said


def _of_word(name: str, said: str, column: pa.DataType) -> Kind | None:
    if said not in KINDS:
        raise ValueError(
            f"`kinds` says {said!r} of column {name!r}; it must be one of {', '.join(KINDS)}"
        )
    kind = KINDS[said]()
    return None if isinstance(kind, Category) else of_type(kind, column)


def _of_type(name: str, kind: pa.DataType) -> Kind | None:
    if types.is_boolean(kind):
        return Boolean()
    if is_time(kind):
        return of_type(Time(), kind)
    return Number() if is_number(kind) and not named_like_identifier(name) else None


def _facts(head: Columns, name: str, said: str | Kind | None) -> Facts:
    return facts_of(name, head.table.column(name).type) if said is None else _Levels()
