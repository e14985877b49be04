"""Arrow's functions of values, which `pyarrow.compute` makes at run time, with their types."""

from typing import TypeAlias

import pyarrow as pa
from pyarrow import compute

Values: TypeAlias = pa.Array | pa.ChunkedArray
"""A column, or a part of one."""


def trim(values: Values) -> Values:
    """Take blanks off the ends of text."""
    return compute.call_function("utf8_trim_whitespace", [values])


def lower(values: Values) -> Values:
    """Return text in small letters."""
    return compute.call_function("utf8_lower", [values])


def matching(values: Values, pattern: str) -> Values:
    """Tell which values match a regular expression."""
    options = compute.MatchSubstringOptions(pattern)
    return compute.call_function("match_substring_regex", [values], options)


def replace(values: Values, pattern: str, replacement: str) -> Values:
    """Replace what matches a regular expression."""
    options = compute.ReplaceSubstringOptions(pattern, replacement)
    return compute.call_function("replace_substring_regex", [values], options)


def null_where(values: Values, condition: Values) -> Values:
    """Put null where a condition holds."""
    return compute.call_function("if_else", [condition, pa.scalar(None, values.type), values])


def is_in(values: Values, words: pa.Array) -> Values:
    """Tell which values are in a list."""
    return compute.call_function("is_in", [values], compute.SetLookupOptions(words))


def all_true(truths: Values) -> bool:
    """Tell whether all values are true, as they are where there is none."""
    options = compute.ScalarAggregateOptions(min_count=0)
    return compute.call_function("all", [truths], options).as_py()


def largest(numbers: Values) -> float:
    """Return the largest absolute value, 0 of no values."""
    ends = compute.call_function("min_max", [numbers]).as_py()
    return max((abs(end) for end in ends.values() if end is not None), default=0.0)
