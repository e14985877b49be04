"""What rows are split by, read from columns of any type."""

import datetime

import pyarrow as pa
import pytest

from mdn.data.readers.columns import Columns
from mdn.data.readers.reader import row_number
from mdn.data.splits.marks import GROUP, TIME, marks_of
from mdn.data.splits.settings import SplitBy

WHEN = datetime.datetime(2020, 1, 1)


def marks(values, **by):
    columns = Columns("a.parquet", pa.table({"x": values}), row_number)
    return marks_of(columns, SplitBy(**by))


@pytest.mark.parametrize("missing", [None, float("nan")])
def test_a_row_without_a_time_is_refused(missing):
    values = pa.array([1.0, missing, 2.0], from_pandas=False)
    with pytest.raises(ValueError, match="'x', which rows are split by, has no time in 1 rows"):
        marks(values, time="x")


def test_times_in_nanoseconds():
    nanoseconds = pa.array([0, 1_500_000_007], pa.timestamp("ns"))
    assert marks(nanoseconds, time="x")[TIME].tolist() == [0, 1.5]
    assert marks(pa.array([WHEN]), time="x")[TIME].item() == 1577836800


@pytest.mark.parametrize("values", [pa.array([[1], [2]]), pa.array([b"\xff", b"a"])])
def test_groups_that_are_no_text_are_refused_by_name(values):
    with pytest.raises(ValueError, match="column 'x', which rows are split by, is of type"):
        marks(values, groups=("x",))


def test_groups_are_the_same_in_every_type():
    written = [pa.array([1, 2]), pa.array([1.0, 2.0]), pa.array(["1", "2"])]
    found = [marks(each, groups=("x",))[GROUP].tolist() for each in written]
    assert found == [found[0]] * 3
