"""Columns become what `Table.x` holds, or every one that does not fit is named."""

import datetime

import pandas as pd
import pyarrow as pa
import pytest

from mdn.data.frames import input_matrix
from mdn.data.kinds.coded_columns import coded, matrix
from mdn.data.readers.columns import Columns
from mdn.data.readers.reader import row_number
from mdn.data.table import Table
from mdn.networks.kinds import DAY, Boolean, Category, Number, Time

LEVELS = Category(("b", "a", "1"))


def values(kind, column):
    columns = Columns("a.csv", pa.table({"x": column}), row_number)
    found = coded(columns, ["x"], [kind])[:, 0]
    return [None if value != value else value for value in found.tolist()]


CODES = {
    "levels": (LEVELS, ["a", "b", "c", None, "1.0"], [1, 0, 3, None, 2]),
    "truth among levels": (Category(("False", "True")), [True, False, None], [1, 0, None]),
    "words for levels of truth": (Category(("true", "no")), ["TRUE", "True", "No"], [0, 0, 2]),
    "numbers that are levels": (LEVELS, [1.0, 2.0, None], [2, 3, None]),
    "truth": (Boolean(), [True, False, None], [1, 0, None]),
    "truth as numbers": (Boolean(), [1, 0, None], [1, 0, None]),
    "truth in words": (Boolean(), ["Yes", "f", "TRUE", "0", "NA"], [1, 0, 1, 0, None]),
    "truth as a number": (Number(), [True, None], [1, None]),
    "numbers": (Number(), [1, 2.5, None, float("nan")], [1, 2.5, None, None]),
    "numbers as text": (Number(), ["1", " 2.5 ", "NA", "-", "?"], [1, 2.5, None, None, None]),
    "money as text": (Number(), ["$1,200", "$3.50"], [1200, 3.5]),
    "spans": (Number(), [datetime.timedelta(minutes=1)], [60]),
    "times of day": (Number(), [datetime.time(0, 2)], [120]),
    "dates": (Time(), [datetime.date(1970, 1, 2), None], [DAY, None]),
    "moments": (Time(), [datetime.datetime(1970, 1, 1, 0, 0, 1, 500000)], [1.5]),
    "dates as text": (Time(), ["1970-01-02", "", "1969-12-31"], [DAY, None, -DAY]),
    "dates as people write them": (Time(), ["31.12.1970", "2.1.1970"], [364 * DAY, DAY]),
    "nothing at all": (Time(), [None, None], [None, None]),
}


@pytest.mark.parametrize("case", CODES)
def test_codes(case):
    kind, column, wanted = CODES[case]
    assert values(kind, column) == wanted


def test_a_dictionary_in_several_pieces_is_one_column():
    pieces = [pa.array(texts).dictionary_encode() for texts in (["a", "x"], ["b", None, "a"])]
    assert values(LEVELS, pa.chunked_array(pieces)) == [1, 3, 0, None, 1]


def test_every_column_that_does_not_fit_is_named():
    table = pa.table(
        {
            "number": ["1", "foo", "2"],
            "truth": ["yes", "no", "perhaps"],
            "day": ["2024-01-01", "soon", None],
            "late": [1.0, 2.0, 3.0],
            "huge": [1.0, 1e31, 2.0],
            "endless": [float("inf"), 1.0, 2.0],
            "good": [1.0, 2.0, None],
        }
    )
    kinds = [Number(), Boolean(), Time(), Time(), Number(), Number(), Number()]
    with pytest.raises(ValueError, match="not a number") as caught:
        coded(Columns("a.csv", table, row_number), table.column_names, kinds)
    assert str(caught.value).splitlines() == [
        "a.csv, row 2: column 'number' holds 'foo', not a number; mend it, leave it out of "
        "`inputs`, or take all values for levels: `kinds={number: category}`",
        "a.csv, row 3: column 'truth' holds 'perhaps', and not true or false; mend it",
        "a.csv, row 2: column 'day' holds 'soon', not a date or time such as 2024-12-31 or "
        "2024-12-31 23:59; mend it",
        "a.csv: column 'late' is of type double, not dates or times; mend it",
        "a.csv: column 'huge' has 1 value that is beyond 1e+30, the first in row 2; change the "
        "unit or mend these rows",
        "a.csv: column 'endless' has 1 value that is infinite, the first in row 1; remove or fill "
        "these rows",
    ]


def test_a_date_is_no_number():
    columns = Columns("a.csv", pa.table({"x": [datetime.date(2024, 1, 1)]}), row_number)
    with pytest.raises(ValueError, match=r"column 'x' is of type date32.*not numbers; turn it"):
        matrix(columns, ["x"])


def test_frames_for_a_model_are_coded_by_its_kinds():
    frame = pd.DataFrame({"n": [1.0, None], "c": ["a", "new"], "day": ["1970-01-02", None]})
    kinds = (LEVELS, Time(), Number())
    found = input_matrix(frame, ["c", "day", "n"], kinds).nan_to_num(nan=-1.0)
    assert found.tolist() == [[1.0, DAY, 1.0], [3.0, -1.0, -1.0]]


def test_what_is_said_of_a_column_comes_before_what_it_looks_like():
    frame = pd.DataFrame(
        {
            "zip": ["01234", "01235"] * 10,
            "inst": [1, 2] * 10,
            "flag": ["yes", "no"] * 10,
            "when": ["2024-01-01", "2024-01-02"] * 10,
            "id": range(20),
            "y": range(20),
        }
    )
    said = {"zip": "category", "inst": "category", "flag": "boolean", "when": "category"}
    table = Table.from_frame(frame, "y", kinds=said | {"id": "number"})
    assert table.kinds == (
        Category(("01234", "01235")),
        Category(("1", "2")),
        Boolean(),
        Category(("2024-01-01", "2024-01-02")),
        Number(),
    )
    guessed = Table.from_frame(frame, "y", exclude=["zip", "inst"])
    assert guessed.kinds == (Category(("yes", "no")), Time(zoned=False))
    assert guessed.reading.left_out == {"id": "an identifier"}
