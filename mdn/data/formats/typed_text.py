"""Columns of text turned into values, each in its format."""

from collections.abc import Mapping

import pyarrow as pa

from mdn.data.formats.arrow_functions import largest
from mdn.data.formats.format import Format
from mdn.data.formats.missing import present
from mdn.data.formats.number_formats import Number

_CODES = pa.dictionary(pa.int32(), pa.string())


class Misfit(ValueError):
    """A value that is not written as its column.

    Attributes:
        name: of the column.
    """

    def __init__(self, name: str, form: Format) -> None:
        super().__init__(f"column {name!r} holds a value that is not a {form.code}")
        self.name = name


def decimal_of(formats: Mapping[str, Format]) -> str:
    """Return what stands before fractions in most columns."""
    direct = [form.decimal for form in formats.values() if isinstance(form, Number) and form.direct]
    return "," if direct.count(",") > direct.count(".") else "."


def read_as(formats: Mapping[str, Format], sample: pa.Table) -> dict[str, pa.DataType]:
    """Return the types as which Arrow shall read columns: text where it cannot convert them."""
    decimal = decimal_of(formats)
    return {name: _type(form, decimal, sample.column(name)) for name, form in formats.items()}


def _type(form: Format, decimal: str, sample: pa.ChunkedArray) -> pa.DataType:
    if form.kind == "text":
        # Codes save memory and time where levels come again.
        repeat = 2 * len(sample.unique()) <= len(sample)
        return _CODES if repeat else pa.string()
    other = isinstance(form, Number) and form.decimal != decimal
    return form.type if form.direct and not other else pa.string()


def typed(table: pa.Table, formats: Mapping[str, Format]) -> pa.Table:
    """Turn what is text still into values.

    Raises:
        Misfit: at a value that is not written as its column.
    """
    columns = {name: table.column(name) for name in table.column_names}
    for name, form in formats.items():
        columns[name] = _values(name, columns[name], form)
    return pa.table(columns)


def _values(name: str, column: pa.ChunkedArray, form: Format) -> pa.ChunkedArray:
    if column.type == form.type and form.kind != "text":
        return column
    if form.kind != "text" and not form.fits(present(column)):
        raise Misfit(name, form)
    chunks = [form.convert(chunk) for chunk in column.chunks]
    return pa.chunked_array(chunks, chunks[0].type if chunks else form.type)


def first_misfit(form: Format, column: pa.ChunkedArray) -> int | None:
    """Find the first row that is not written so, by halving; None if there is none."""
    if form.fits(present(column)):
        return None
    good, bad = 0, len(column)
    while bad - good > 1:
        middle = (good + bad) // 2
        if form.fits(present(column.slice(good, middle - good))):
            good = middle
        else:
            bad = middle
    return good


def beyond_exact(column: pa.ChunkedArray) -> bool:
    """Tell whether whole numbers are so large that float64 rounds them."""
    return largest(column) > 2**53
