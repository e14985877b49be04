"""What an object says of itself: a few lines of text, or a small table in a notebook."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape

Row = Sequence[str]

MOST_ROWS, MOST_COLUMNS = 5, 6
"""The most that an overview shows."""

_WIDEST = 32
"""Letters of a name."""

_NUMBERS, _WORDS = (f"text-align: {side}; padding: 0.1em 0.8em" for side in ("right", "left"))
"""The styles of cells: colors are those of the page, light or dark."""


@dataclass(frozen=True)
class Overview:
    """An object in a few lines.

    Attributes:
        title: what it is, and how large.
        facts: further properties, by name.
        header: of the table of some numbers.
        rows: of that table, of text as users gave it.
        more: what the table leaves out.
        text_columns: the first columns of the table that hold words, not numbers.
    """

    title: str
    facts: Mapping[str, str] = field(default_factory=dict)
    header: Row = ()
    rows: Sequence[Row] = ()
    more: str = ""
    text_columns: int = 0

    def text(self) -> str:
        """Return lines of plain text."""
        widest = max(map(len, self.facts), default=0)
        facts = [f"  {name.ljust(widest)}  {said}" for name, said in self.facts.items()]
        more = [f"  {self.more}"] if self.more else []
        return "\n".join([self.title, *facts, *self._lines(), *more])

    def html(self) -> str:
        """Return a table without scripts and colors, in which names are nothing but text."""
        facts = "".join(
            f"<tr>{_cell('th', _WORDS, name)}{_cell('td', _WORDS, said)}</tr>"
            for name, said in self.facts.items()
        )
        header = self._html_row("th", self.header) if self.rows else ""
        rows = header + "".join(self._html_row("td", row) for row in self.rows)
        tables = "".join(f"<table>{part}</table>" for part in (facts, rows) if part)
        more = f"<div>{escape(self.more)}</div>" if self.more else ""
        return f"<div><b>{escape(self.title)}</b>{tables}{more}</div>"

    def _lines(self) -> list[str]:
        if not self.rows:
            return []
        cells = [self.header, *self.rows]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        return ["", *(self._line(row, widths) for row in cells)]

    def _line(self, row: Row, widths: Sequence[int]) -> str:
        cells = [
            cell.ljust(width) if place < self.text_columns else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        return f"  {'   '.join(cells)}".rstrip()

    def _html_row(self, tag: str, row: Row) -> str:
        styles = [_WORDS if place < self.text_columns else _NUMBERS for place in range(len(row))]
        pairs = zip(styles, row, strict=True)
        return f"<tr>{''.join(_cell(tag, style, cell) for style, cell in pairs)}</tr>"


def _cell(tag: str, style: str, text: str) -> str:
    return f'<{tag} style="{style}">{escape(text)}</{tag}>'


def short(name: str) -> str:
    """Return a name that is at most so long, and all on one line."""
    plain = "".join(c if c.isprintable() else " " for c in name)
    return plain if len(plain) <= _WIDEST else plain[: _WIDEST - 1] + "…"


def listed(names: Sequence[str], most: int = MOST_COLUMNS) -> str:
    """Return names in a row, the first ones of many."""
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(map(short, names[:most])) + more


def count(number: int, noun: str) -> str:
    """Return a number of things."""
    return f"{number:,} {noun}{'s' * (number != 1)}"


def number(value: float) -> str:
    """Return a number to four digits."""
    return f"{value:.4g}"


def measured(mean: float, std: float) -> str:
    """Return a mean and a standard deviation, both to the second digit of the latter."""
    if not (math.isfinite(mean) and 0 < std < math.inf):
        return f"{mean:.4g} ± {std:.2g}"
    places = 1 - math.floor(math.log10(std))
    if not -5 < places < 7 or abs(mean) >= 1e9:
        return f"{mean:.{_digits(mean, std)}g} ± {std:.2g}"
    mean, std = (round(value, places) for value in (mean, std))
    return f"{mean:.{max(places, 0)}f} ± {std:.{max(places, 0)}f}"


def _digits(mean: float, std: float) -> int:
    """How many digits the mean has down to the second of the standard deviation."""
    beyond = math.log10(max(abs(mean), std) / std)
    return min(max(2, 2 + math.ceil(beyond)), 12)


def safely(numbers: Callable[[], list[Row]]) -> list[Row]:
    """Return rows of numbers; none of tensors that have no numbers, as on the meta device."""
    try:
        return numbers()
    except RuntimeError:
        return []
