"""Parts of tables as frames and files bring them."""

import pandas as pd
import pytest
import torch

from mdn.data.splits.divide import Division, divided
from mdn.data.splits.settings import SplitBy
from mdn.data.table import Table
from mdn.training.file_data import FileData

ROWS = 120
TENTHS = Division({"test": 0.1, "val": 0.1}, 0)


def frame(**columns) -> pd.DataFrame:
    values = torch.randn(ROWS, 2).numpy()
    days = pd.date_range("2024-01-01", periods=ROWS)
    people = [f"p{i % 30}" for i in range(ROWS)]
    made = {"x": values[:, 0], "y": values[:, 1], "day": days, "person": people}
    return pd.DataFrame(made | columns)


def parts_of(rows: pd.DataFrame, division: Division = TENTHS, **split) -> dict[str, Table]:
    by = SplitBy.of(*(split.get(key) for key in ("part", "groups", "time", "gap")))
    return divided(Table.from_frame(rows, "y", kinds={"person": "category"}, split=by), division)


def test_a_column_names_the_parts():
    words = ["Train", " training", "VALID", "validation", "test", "Test"] * (ROWS // 6)
    rows = frame(part=words)
    parts = parts_of(rows, part="part")
    assert parts["train"].input_names == ["x", "day", "person"]
    for name, start in {"train": 0, "val": 2, "test": 4}.items():
        wanted = rows["x"][[i % 6 in (start, start + 1) for i in range(ROWS)]]
        assert parts[name].x[:, 0].tolist() == wanted.tolist()


def test_a_part_that_is_not_named_is_taken_from_the_training_rows():
    rows = frame(part=["train"] * 100 + ["test"] * 20)
    parts = parts_of(rows, part="part")
    assert {name: len(part) for name, part in parts.items()} == {
        "train": 90,
        "val": 10,
        "test": 20,
    }


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["train"] * 119 + ["spare"], "must name the part of each row.*got 'spare'"),
        (["train"] * 119 + [None], "must name the part of each row.*got nothing"),
        (["test"] * ROWS, "none is left to the train table"),
    ],
)
def test_words_that_name_no_part_are_refused(words, message):
    with pytest.raises(ValueError, match=message):
        parts_of(frame(part=words), part="part")


def test_a_group_stays_together_and_is_no_input():
    rows = frame()
    by = SplitBy(groups=("person",))
    table = Table.from_frame(rows, "y", split=by)
    assert table.input_names == ["x", "day"]
    parts = divided(table, TENTHS)
    persons = dict(zip(rows["x"].tolist(), rows["person"], strict=True))
    found = [{persons[value] for value in part.x[:, 0].tolist()} for part in parts.values()]
    assert sum(map(len, found)) == 30


def test_a_group_is_an_input_where_it_is_named():
    table = Table.from_frame(frame(), "y", ["x", "person"], split=SplitBy(groups=("person",)))
    assert table.input_names == ["x", "person"]


def test_several_columns_tell_a_group():
    rows = frame(house=["a"] * 60 + ["b"] * 60)
    one = Table.from_frame(rows, "y", split=SplitBy(groups=("person",))).marks["group"]
    two = Table.from_frame(rows, "y", split=SplitBy(groups=("person", "house"))).marks["group"]
    assert len(one.unique()) == 30
    assert len(two.unique()) == 60


def test_the_last_days_are_for_the_test_with_a_gap_before_them():
    rows = frame()
    parts = parts_of(rows, time="day", gap="2d")
    assert parts["train"].input_names == ["x", "day", "person"]
    wanted = {"train": slice(0, 94), "val": slice(96, 106), "test": slice(108, 120)}
    for name, some in wanted.items():
        assert parts[name].x[:, 0].tolist() == rows["x"][some].tolist()


def test_rows_without_a_time_are_refused():
    rows = frame(day=[None, *pd.date_range("2024-01-01", periods=ROWS - 1)])
    with pytest.raises(ValueError, match="'day', which rows are split by, has no time in 1 rows"):
        parts_of(rows, time="day")


def test_marks_follow_rows_that_are_left_out():
    rows = frame(y=[None if i % 2 else float(i) for i in range(ROWS)])
    table = Table.from_frame(rows, "y", split=SplitBy(time="day"))
    days = torch.tensor(rows["day"].astype("int64").to_numpy() // 10**9)[::2]
    scale = table.marks["time"][1] - table.marks["time"][0]
    assert len(table) == ROWS // 2
    assert scale == 2 * 86_400
    assert len(days) == len(table.marks["time"])


def test_a_column_that_is_not_there_is_named():
    with pytest.raises(ValueError, match=r"no column 'persn' \(did you mean 'person'\?\)"):
        parts_of(frame(), groups="persn")


def test_parts_that_share_a_group_are_refused():
    rows = frame(part=["train", "val", "test"] * (ROWS // 3))
    rows["person"] = [f"p{i % 40}" for i in range(ROWS)]
    with pytest.raises(ValueError, match="40 groups of `group_by` have rows in the train table"):
        parts_of(rows, part="part", groups="person")


def test_files_that_share_a_group_are_refused(tmp_path):
    rows = frame()
    rows.to_csv(tmp_path / "a.csv", index=False)
    rows.to_csv(tmp_path / "b.csv", index=False)
    paths = {"path": tmp_path / "a.csv", "val_path": tmp_path / "b.csv"}
    with pytest.raises(ValueError, match="groups of `group_by` have rows in the"):
        _ = FileData(**paths, targets="y", group_by="person").tables
    rows.assign(person="q" + rows["person"]).to_csv(tmp_path / "b.csv", index=False)
    tables = FileData(**paths, targets="y", group_by=["person"]).tables
    assert len(tables["val"]) == ROWS


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"split_by": "p", "time_by": "t"}, "split_by=p and time_by=t both tell the part"),
        ({"time_gap": "7d"}, "there is no `time_by`"),
        ({"time_by": "t", "time_gap": "7 years"}, "time_gap must be a number of at least 0"),
        ({"time_by": "t", "time_gap": -1.0}, "time_gap must be a number of at least 0"),
        ({"split_by": "p", "val_path": "b.csv"}, "and so does `val_path`"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        FileData("a.csv", "y", **settings)
