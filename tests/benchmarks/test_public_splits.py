"""Splits of public sets are those of their protocols."""

from pathlib import Path

import numpy as np
import pytest
import torch
from benchmarks.options import Options
from benchmarks.public import boards, uci
from benchmarks.public.collection import full_name
from benchmarks.public.known import COLLECTIONS, collection
from benchmarks.public.suite import jobs_of
from sklearn.model_selection import train_test_split

SHARED = Path(__file__).parents[3] / "shared" / "data"


@pytest.fixture
def folder(tmp_path):
    random = np.random.default_rng(0)
    for name in ("yacht", "kin8nm"):
        values = np.column_stack([random.normal(size=(40, 3)), np.arange(40)])
        header = "x0,x1,x2,y"
        np.savetxt(tmp_path / f"{name}.csv", values, delimiter=",", header=header, comments="")
    sizes = random.choice(["small", "large"], 40)
    lines = [f"{i},{size},{i * 0.5}" for i, size in enumerate(sizes)]
    (tmp_path / "diamonds.csv").write_text("\n".join(["carat,cut,price", *lines]))
    return tmp_path


def test_a_standard_split_is_the_next_order_of_one_stream(folder):
    np.random.seed(1)  # noqa: NPY002 -- as the authors of the splits did
    for number in range(3):
        order = np.random.choice(range(40), 40, replace=False)  # noqa: NPY002
        assert uci.test_rows(40, number).tolist() == order[36:].tolist()
    split = collection("uci", folder).split("yacht", 2)
    assert split.test.y[:, 0].tolist() == sorted(order[36:].tolist())
    assert len(split.train) == 36


@pytest.mark.skipif(not SHARED.exists(), reason="the shared data sets are not there")
def test_standard_splits_are_those_of_the_studies():
    known = np.load(SHARED / "uci" / "splits.npz")
    for name, rows in {"yacht": 308, "energy": 768, "protein-tertiary-structure": 45730}.items():
        assert uci.test_rows(rows, 4).tolist() == known[name][4].tolist()


def test_a_board_takes_the_first_rows_of_its_order(folder, monkeypatch):
    monkeypatch.setattr(boards, "ROWS", 20)
    split = collection("boards", folder).split("kin8nm", 1)
    some = np.random.RandomState(42).permutation(40)[:20]
    train, test = train_test_split(np.arange(20), test_size=0.25, random_state=1)
    assert sorted(split.test.y[:, 0].tolist()) == sorted(some[test].tolist())
    assert sorted(split.train.y[:, 0].tolist()) == sorted(some[train].tolist())


def test_a_board_may_have_more_rows(folder):
    split = collection("boards", folder).split("kin8nm@32", 0)
    assert (len(split.train), len(split.test)) == (24, 8)


def test_text_becomes_a_column_for_each_level(folder):
    x, y = boards.numbers_in(folder / "diamonds.csv", "price")
    assert x.shape == (40, 3)
    assert (x[:, 1:].sum(1) == 1).all()
    assert y[:, 0].tolist() == (np.arange(40) / 2).tolist()


def test_a_problem_with_a_known_density_knows_it_for_its_test_rows():
    split = collection("regret", None).split("inverse_sinusoid", 0)
    other = collection("regret", None).split("inverse_sinusoid", 1)
    assert split.truth is not None
    assert split.truth.shape == (len(split.test),)
    assert not torch.equal(split.train.y, other.train.y)


def test_a_raw_table_is_found_inside_a_folder(tmp_path):
    home = tmp_path / "tables"
    home.mkdir()
    for part, count in (("train", 30), ("test", 10)):
        rows = [f"{i},{'ab'[i % 2]},{i * 2}" for i in range(count)]
        (home / f"hitters.{part}.csv").write_text("\n".join(["Years,League,Salary", *rows]))
    tables = collection("tables", tmp_path)
    split = tables.split("hitters", 0)
    assert tables.names() == ["hitters"]
    assert (len(split.train), len(split.test)) == (30, 10)
    assert split.files is not None
    assert split.test.kinds == split.train.kinds


def test_jobs_are_those_of_the_protocol(folder):
    options = Options(suite="boards", data=folder, splits=9, contenders=("marginal",))
    jobs = jobs_of(options, collection("boards", folder))
    assert [(job.name, job.number) for job in jobs] == [("kin8nm", i) for i in range(4)]


@pytest.mark.parametrize("suite", ["uci", "boards", "tables"])
def test_a_suite_without_a_folder_says_what_it_needs(suite, tmp_path):
    with pytest.raises(ValueError, match="add data=FOLDER"):
        collection(suite, None).names()
    with pytest.raises(ValueError, match="there is none of"):
        collection(suite, tmp_path).names()


@pytest.mark.parametrize("wanted", ["y", "other"])
def test_a_name_begins_one_set(wanted):
    assert full_name("ya", ["yacht", "yes"]) == "yacht"
    assert full_name("yacht", ["yacht", "yacht2"]) == "yacht"
    with pytest.raises(ValueError, match=f"how one begins, got '{wanted}'"):
        full_name(wanted, ["yacht", "yes"])


def test_every_suite_is_one_collection():
    assert list(COLLECTIONS) == ["uci", "boards", "tables", "regret"]
