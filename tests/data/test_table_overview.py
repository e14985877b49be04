"""What a table says of itself: rows, columns, kinds and gaps."""

import math

import pandas
import torch

import mdn


def test_columns_kinds_and_gaps_are_said():
    frame = pandas.DataFrame(
        {
            "price": [1.0, 2, 3, 4],
            "age": [30.0, math.nan, 5, math.nan],
            "town": ["Oslo", "Rome", "Oslo", "Rome"],
            "new": [True, False, True, True],
            "w": [1.0, 2, 1, 1],
        }
    )
    table = mdn.Table.from_frame(pandas.concat([frame] * 3), "price", weight="w")
    assert repr(table) == (
        "Table of 12 rows, 3 inputs, 1 target\n"
        "  weights  one for each row\n"
        "\n"
        "  column   use      kind       gaps\n"
        "  price    target   number\n"
        "  age      input    number        6\n"
        "  town     input    category\n"
        "  new      input    boolean"
    )


def test_of_many_rows_and_columns_the_first_are_looked_at():
    x = torch.zeros(1, 40, dtype=torch.float64).expand(3_000_000, 40)
    y = torch.zeros(1, 1, dtype=torch.float64).expand(3_000_000, 1)
    table = mdn.Table(x, y, None, [f"x{i}" for i in range(40)], ["y"])
    assert "gaps in the first 100,000 rows" in repr(table)
    assert "... and 29 more columns" in repr(table)
    assert repr(table[:0]).startswith("Table of 0 rows, 40 inputs, 1 target")


def test_names_in_a_notebook_are_text():
    rows = torch.zeros(3, 1, dtype=torch.float64)
    table = mdn.Table(rows, rows, None, ["<script>alert(1)</script>"], ["a & <b>"])
    page = table._repr_html_()
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "a &amp; &lt;b&gt;" in page
    assert "<script" not in page
