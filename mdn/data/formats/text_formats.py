"""Text, whose levels are written alike."""

import pyarrow as pa

from mdn.data.formats.arrow_functions import Values, replace, trim
from mdn.data.formats.format import Format
from mdn.data.formats.missing import without_words_of_text
from mdn.data.formats.number_formats import matches

WORDS = "words"
"""The name of text among which a dash or a point is a missing value."""

_WHOLE = r"^([+-]?\d+)\.0+$"
"""A whole number with a fraction of zeros, which is the same level without it."""


class Text(Format):
    """Text of any kind.

    Args:
        words: whether it is words and codes, among which a dash or a point is a missing value.
    """

    kind = "text"
    type = pa.string()
    direct = True

    def __init__(self, words: bool = False) -> None:
        self.words = words
        self.code = WORDS if words else "text"

    def fits(self, values: Values) -> bool:
        return not self.words or matches(values, r"[A-Za-z0-9]|[^\x00-\x7f]")

    def convert(self, values: Values) -> Values:
        if pa.types.is_dictionary(values.type):
            return self._encoded(values)
        trimmed = trim(values)
        whole = replace(trimmed, _WHOLE, r"\1")
        return without_words_of_text(whole, self.words)

    def _encoded(self, values: pa.DictionaryArray) -> pa.DictionaryArray:
        levels = self.convert(values.dictionary)
        if levels.equals(values.dictionary):
            return values
        # Levels that have become one, or missing, get new codes.
        return levels.take(values.indices).dictionary_encode()
