"""Fits and runs on rows that are split by part, group or time."""

import json
import re

import pandas as pd
import pytest
import torch

from mdn.data.splits.settings import SplitBy
from mdn.data.table import Table
from mdn.training.file_data import FileData
from mdn.training.fit import fit
from mdn.training.memory import MemoryData

ROWS = 200
SMALL = {"max_epochs": 1, "ensemble_size": 1, "backbone.width": 8}


def frame() -> pd.DataFrame:
    x = torch.randn(ROWS, dtype=torch.float64)
    y = x + torch.randn(ROWS, dtype=torch.float64)
    shops = [f"s{i % 40}" for i in range(ROWS)]
    return pd.DataFrame({"x": x, "y": y, "step": range(ROWS), "shop": shops})


def test_rows_in_memory_are_split_by_what_their_table_says():
    table = Table.from_frame(frame(), "y", split=SplitBy(time="step", gap=10))
    data = MemoryData(table, val_fraction=0.1)
    assert data.tables["val"].x[:, 1].tolist() == list(range(180, 200))
    assert data.tables["train"].x[:, 1].tolist() == list(range(170))
    assert data.parts["train"].rows == 170
    assert data.tables["test"].x.equal(data.tables["val"].x)


@pytest.mark.parametrize("how", [{"group_by": "shop"}, {"time_by": "step", "time_gap": 3}])
def test_a_fit_takes_the_split_by_name(how):
    model = fit(SMALL, frame(), "y", **how)
    assert model.card.inputs == ["x", "step"] + ["shop"] * ("time_by" in how)


def test_a_table_has_its_split_already():
    with pytest.raises(ValueError, match="a Table has its targets"):
        fit(SMALL, Table.from_frame(frame(), "y"), group_by="shop")


def test_times_that_are_no_part_of_the_split_are_remarked_on(tmp_path):
    rows = frame().assign(day=pd.date_range("2024-01-01", periods=ROWS))
    rows.to_csv(tmp_path / "a.csv", index=False)
    data = FileData(tmp_path / "a.csv", "y")
    assert [remark[:21] for remark in data.split_remarks()] == ["input 'day' is a time"]
    data = FileData(tmp_path / "a.csv", "y", time_by="day")
    assert not any("is a time" in remark for remark in data.split_remarks())


def test_files_of_their_own_are_compared(tmp_path):
    rows = frame().drop(columns="step")
    rows.to_csv(tmp_path / "a.csv", index=False)
    rows.assign(y=rows["y"] + 5).to_csv(tmp_path / "b.csv", index=False)
    data = FileData(tmp_path / "a.csv", "y", test_path=tmp_path / "b.csv")
    (remark,) = data.split_remarks()
    assert "on average in the test table" in remark


def test_few_rows_are_stratified_unless_told_otherwise(tmp_path):
    rows = pd.DataFrame({"x": range(100), "y": [i**2 for i in range(100)]})
    rows.to_csv(tmp_path / "a.csv", index=False)
    found = FileData(tmp_path / "a.csv", "y", seed=3).tables["val"].x.sort(0).values
    assert found.diff(dim=0).max() < 25
    plain = FileData(tmp_path / "a.csv", "y", seed=3, stratify=False).tables["val"].x.sort(0).values
    assert not plain.equal(found)


def test_evaluation_finds_the_rows_of_a_run_again(script, tmp_path):
    frame().to_csv(tmp_path / "a.csv", index=False)
    split = ["data.group_by=[shop]", "data.stratify=auto"]
    small = ["trainer.max_epochs=1", "model.ensemble_size=1", "run_dir=run"]
    settings = ["data=file", "data.path=a.csv", "data.targets=[y]", *split, *small]
    status, out, err = script("train", *settings)
    assert status == 0, out + err
    trained = json.loads((tmp_path / "run/metrics.json").read_text())
    ckpt = "ckpt=run/checkpoints/best.ckpt"
    status, out, err = script("evaluate", ckpt, "run_dir=scores", "report=false")
    assert status == 0, out + err
    evaluated = json.loads((tmp_path / "scores/metrics.json").read_text())
    assert evaluated["test/nll"] == pytest.approx(trained["test/nll"])


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("data.time_gap=7y", "data.time_gap must be a number of at least 0, or a text such as 7d"),
        ("data.time_gap=7d", "there is no data.time_by"),
        ("data.stratify=some", "data.stratify must be true or false.*may also be auto"),
        ("data.group_by=[true]", "data.group_by must be a column"),
    ],
)
def test_wrong_settings_are_refused_by_their_keys(script, setting, message):
    status, out, err = script("train", "data=file", "data.path=a.csv", "data.targets=[y]", setting)
    assert status != 0
    assert re.search(message, out + err)
