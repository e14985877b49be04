"""What is said of the columns of a table before training."""

import numpy as np
import pandas as pd
import pytest

from mdn.data.splits.settings import SplitBy
from mdn.data.summary_text import cells
from mdn.data.table import Table

ROWS = 300


@pytest.fixture
def frame():
    draw = np.random.default_rng(0)
    days = pd.date_range("2020-01-01", periods=ROWS)
    return pd.DataFrame(
        {
            "rownames": range(ROWS),
            "size": draw.normal(size=ROWS).round(2),
            "city": draw.choice(["Oslo", "Rome"], size=ROWS, p=[0.9, 0.1]),
            "street": [f"street {i % 5 if i < 290 else i}" for i in range(ROWS)],
            "day": days,
            "new": draw.random(ROWS) < 0.5,
            "gap": np.where(draw.random(ROWS) < 0.6, np.nan, 1.0 + draw.random(ROWS)),
            "same": 7,
            "shop_id": draw.integers(9, size=ROWS),
            "notes": [f"a note on number {i}" for i in range(ROWS)],
            "price": draw.random(ROWS) + np.sin(2 * np.pi * np.arange(ROWS) / 7),
        }
    )


def described(frame, targets="price"):
    summary = Table.from_frame(frame, targets).describe()
    return summary, {column.name: column for column in summary.columns}


def test_every_column_is_described(frame):
    summary, columns = described(frame)
    assert summary.rows == summary.counted == ROWS
    assert summary.columns[0].name == "price"
    assert {name: (c.kind, c.use) for name, c in columns.items()} == {
        "price": ("number", "target"),
        "size": ("number", "input"),
        "city": ("category", "input of 2 levels"),
        "street": ("category", "input of 5 levels and others"),
        "day": ("time", "input with the day of the week"),
        "new": ("boolean", "input"),
        "gap": ("number", "input, gaps marked"),
        "same": ("number", "input that never changes"),
        "shop_id": ("number", "input"),
        "rownames": ("", "left out: an identifier"),
        "notes": ("", "left out: free text"),
    }
    assert columns["day"].range == "2020-01-01 to 2020-10-26"
    assert columns["city"].range.startswith("Oslo 9")
    assert columns["street"].range.endswith("..., others 3 %")
    assert (columns["street"].distinct, columns["same"].range) == (15, "7")
    assert columns["gap"].missing == int(frame["gap"].isna().sum())


def test_it_is_printed_as_a_table(frame):
    text = str(described(frame)[0])
    assert text.startswith("300 rows, 1 target, 8 inputs, 2 columns left out\n\ncolumn ")
    lines = {line.split()[0]: line for line in text.splitlines() if line}
    assert lines["rownames"].endswith("left out: an identifier")
    assert "most values are missing in 'gap'" in text
    assert "`kinds={shop_id: category}`" in text


REMARKS = {
    "censored": ({"status": [0, 1] * 150, "time": range(ROWS)}, "time", "'status' looks as if"),
    "one and two": ({"event": [1, 2] * 150, "survival": range(ROWS)}, "survival", "censored"),
    "a copy in another unit": ({"feet": np.arange(ROWS) / 3}, "y", "'feet' tells target 'y'"),
    "zip": ({"zip": [10115, 80331] * 150}, "y", "'zip' is named like an identifier"),
}


@pytest.mark.parametrize("case", REMARKS)
def test_remarks(case):
    columns, target, wanted = REMARKS[case]
    frame = pd.DataFrame({"y": np.arange(ROWS), **columns})
    frame = frame if target == "y" else frame.drop(columns="y")
    assert any(wanted in remark for remark in described(frame, target)[0].remarks)


def test_rows_without_target_are_counted(frame):
    frame.loc[:9, "price"] = np.nan
    summary, _ = described(frame)
    assert summary.rows == ROWS - 10
    assert any("10 without any target" in remark for remark in summary.remarks)


def test_of_many_columns_the_notable_ones_are_shown():
    draw = np.random.default_rng(0)
    frame = pd.DataFrame(draw.normal(size=(60, 200)), columns=[f"x{i}" for i in range(200)])
    frame["flag"], frame["y"] = [True, False] * 30, range(60)
    summary, _ = described(frame, "y")
    shown = [row[0] for row in cells(summary)]
    assert len(shown) == 40
    assert shown[:2] == ["y", "x0"]
    assert "flag" in shown
    assert str(summary).splitlines()[-1] == "... and 162 columns more"


def test_plain_data_is_left_of_it(frame):
    plain = described(frame)[0].plain()
    assert plain["rows"] == ROWS
    assert plain["columns"][0]["name"] == "price"


def test_columns_that_rows_are_split_by_are_not_left_out_in_silence(frame):
    by = SplitBy.of(part=None, groups="shop_id", time=None, gap=None)
    table = Table.from_frame(frame, "price", split=by)
    (column,) = [each for each in table.describe().columns if each.name == "shop_id"]
    assert column.use == "left out: rows are split by it"


def test_a_long_range_is_cut_without_dots_before_the_dots():
    levels = ["a" * 11, "b" * 12, "c" * 2, "d"]
    frame = pd.DataFrame({"x": levels * 75, "y": np.arange(300) % 7 / 3})
    (shown,) = [row[4] for row in cells(Table.from_frame(frame, "y").describe()) if row[0] == "x"]
    assert len(shown) <= 40
    assert "...." not in shown
