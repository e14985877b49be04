"""Words that stand for a missing value in text."""

from itertools import product

import pyarrow as pa
from pyarrow import csv

from mdn.data.formats.arrow_functions import Values, is_in, lower, null_where, trim

WORDS = ("", "na", "n/a", "nan", "null", "none", "?", "-", ".")
"""In a column of numbers, times or truth values, in capitals or not."""

_OF_TEXT = ("", "NA", "na", "N/A", "n/a", "#N/A", "NaN", "nan", "NAN", "NULL", "null", "?")
# "Na" may be sodium, and "none" an answer: text has them as levels.

MARKS = ("-", ".")
"""Among words and codes, too."""

_IN_TEXT = pa.array(_OF_TEXT)
_IN_WORDS = pa.array([*_OF_TEXT, *MARKS])
_ELSEWHERE = pa.array(sorted({*WORDS, *(v.lower() for v in csv.ConvertOptions().null_values)}))


def spellings() -> list[str]:
    """Return the words in every spelling, as Arrow wants them."""
    pairs = [[(letter.lower(), letter.upper()) for letter in word] for word in WORDS]
    words = {"".join(letters) for pair in pairs for letters in product(*pair)}
    return sorted(words | set(csv.ConvertOptions().null_values))


def present(values: Values) -> Values:
    """Trim text, and leave out what stands for a missing value."""
    found = without_words(values)
    return found.drop_null()


def without_words(values: Values) -> Values:
    """Trim text, and put null for what stands for a missing value."""
    trimmed = trim(values)
    return null_where(trimmed, is_in(lower(trimmed), _ELSEWHERE))


def without_words_of_text(values: Values, marks: bool) -> Values:
    """Put null for what stands for a missing value among text.

    Args:
        values: trimmed text.
        marks: whether a dash and a point are missing values, too.
    """
    return null_where(values, is_in(values, _IN_WORDS if marks else _IN_TEXT))
