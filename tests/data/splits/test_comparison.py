"""What is said of the parts of a split."""

import pandas as pd
import torch

from mdn.data.kinds.coding import coded_tables
from mdn.data.splits.comparison import part_summaries, split_remarks
from mdn.data.splits.divide import Division, divided
from mdn.data.splits.settings import SplitBy
from mdn.data.table import Table

ROWS = 1000
DIVISION = Division({"test": 0.1, "val": 0.1}, 0)


def tables_of(rows: pd.DataFrame, by: SplitBy) -> dict[str, Table]:
    return coded_tables(divided(Table.from_frame(rows, "y", split=by), DIVISION))


def frame() -> pd.DataFrame:
    values = torch.randn(ROWS, 2).numpy()
    days = pd.date_range("2020-01-01", periods=ROWS)
    shops = ["old" if i < 850 else "new" for i in range(ROWS)]
    return pd.DataFrame({"x": values[:, 0], "y": values[:, 1], "day": days, "shop": shops})


def test_a_random_split_is_not_remarked_on():
    rows = frame().drop(columns="day")
    assert list(split_remarks(tables_of(rows, SplitBy()), at_random=True, by_time=False)) == []


def test_times_that_are_not_split_by_are_remarked_on():
    tables = tables_of(frame(), SplitBy())
    (remark,) = split_remarks(tables, at_random=True, by_time=False)
    assert "input 'day' is a time (2020-01-01 to 2022-09-26)" in remark
    assert "`time_by=day`" in remark


def test_parts_that_differ_are_remarked_on():
    rows = frame()
    rows.loc[900:, "y"] += 2
    rows.loc[900:, "x"] = None
    tables = tables_of(rows, SplitBy(time="day"))
    remarks = list(split_remarks(tables, at_random=False, by_time=True))
    assert [remark.partition(" in the ")[0] for remark in remarks[:1]] == [
        f"target 'y' is {tables['test'].y.mean():.4g} on average"
    ]
    assert any("column 'x' is missing in 100 % of the test table" in each for each in remarks)
    assert any("of 100 rows of the test table have a value of 'shop' that no" in e for e in remarks)
    found = part_summaries(tables)
    assert found["test"].rows == 100
    assert found["train"].missing == {"x": 0.0}
    assert found["test"].times["day"][0] > found["train"].times["day"][1]
