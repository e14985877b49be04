"""The levels of a column that a model does not know, for a message."""

from mdn.data.formats.missing import MARKS
from mdn.data.formats.text_formats import WORDS
from mdn.data.kinds.arrow_values import as_levels
from mdn.data.kinds.level_text import text_codes
from mdn.data.readers.columns import Columns
from mdn.networks.kinds import Category


def unknown_levels(columns: Columns, name: str, kind: Category) -> list[str]:
    """Return the levels of a column that are not among those of its kind, as they come."""
    marks = MARKS if columns.formats.get(name) == WORDS else ()
    known = {*text_codes(kind.levels), *marks}
    return [text for text in as_levels(columns.table.column(name)).texts if text not in known]
