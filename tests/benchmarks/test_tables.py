"""Scores of raw tables, paired by row, and small tables out of fold."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from benchmarks.options import Options
from benchmarks.tables import folds, rows
from benchmarks.tables.problem import TARGETS, Problem, problems_of
from benchmarks.tables.scores import Scores, cells_of, scores_of
from scipy.stats import norm

from mdn.data.table import Table
from mdn.distributions.mixture import GaussianMixture
from mdn.distributions.scale import DiagonalScale
from mdn.metrics import marginal_gaussian


def make_scores(values):
    return Scores(values, values, [1.0] * len(values), [3.0] * len(values), 2.0)


@pytest.fixture
def folder(tmp_path):
    random = np.random.default_rng(0)
    for name, count in (("train", 40), ("test", 10)):
        x = random.normal(size=(count, 2))
        values = np.column_stack([x, x[:, 0] + 0.1 * random.normal(size=count)])
        path = tmp_path / f"some.{name}.csv"
        np.savetxt(path, values, delimiter=",", header="a,b,y", comments="")
    return tmp_path


def some(folder, **settings):
    options = Options(data=folder, problems=("some:y",), threads=(1,), out=folder, **settings)
    [problem] = problems_of(options)
    return problem, options


def test_a_known_table_is_found_with_its_targets(tmp_path):
    for name in ("storms.train.csv", "storms.test.csv"):
        (tmp_path / name).touch()
    [problem] = problems_of(Options(data=tmp_path))
    assert problem == Problem("storms", tmp_path, TARGETS["storms"])


@pytest.mark.parametrize(
    ("data", "wanted", "message"),
    [
        (False, (), "add data=FOLDER"),
        (True, (), "there is none of"),
        (True, ("other",), "the targets of 'other' are not known"),
        (True, ("other:y",), r"there is no .*other.train.csv and no .*other.test.csv"),
    ],
)
def test_what_cannot_be_measured_is_refused(folder, data, wanted, message):
    options = Options(suite="tables", data=folder if data else None, problems=wanted)
    with pytest.raises(ValueError, match=message):
        list(problems_of(options))


def test_scores_are_those_of_scipy():
    random = np.random.default_rng(0)
    y = np.round(random.normal(size=(50, 1)), 1)
    table = Table(torch.zeros(50, 0).double(), torch.tensor(y), None, [], ["y"])
    mean, std = torch.zeros(50, 1, 1).double(), torch.ones(50, 1, 1).double()
    mixture = GaussianMixture(mean[..., 0], mean, DiagonalScale(std, 1))
    marginal = marginal_gaussian(torch.tensor(y))
    found = scores_of(mixture, marginal, table, cells_of(table), 1.0)
    np.testing.assert_allclose(found.nll, -norm.logpdf(y[:, 0]))
    cell = norm.cdf(y[:, 0] + 0.05) - norm.cdf(y[:, 0] - 0.05)
    np.testing.assert_allclose(found.grid_nll, -np.log(cell / 0.1))
    far = abs(abs(y) - norm.ppf(0.95)) > 0.05  # whose cells lie on one side of the end
    inside = np.array(found.inside)[far[:, 0]]
    np.testing.assert_array_equal(inside, (abs(y) < norm.ppf(0.95))[far])


def test_every_row_is_out_of_fold_once():
    parts = folds.folds(53, seed=1)
    assert len(parts) == folds.FOLDS
    assert sorted(torch.cat(parts).tolist()) == list(range(53))
    assert torch.cat(parts).tolist() != torch.cat(folds.folds(53, seed=2)).tolist()


def test_rows_of_both_files_are_pooled(folder):
    problem, _ = some(folder)
    assert len(rows.all_rows(problem)) == 50


def test_a_fold_counts_a_row_once_for_its_error():
    one = make_scores([1.0, 5.0])
    row = folds.summary(Problem("some", Path(), ("y",)), [one, one])
    assert row["error"] == pytest.approx(2 / math.sqrt(2))
    assert row["behind"] == 0
