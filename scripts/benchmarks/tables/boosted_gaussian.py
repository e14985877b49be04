"""CatBoost's `RMSEWithUncertainty`: boosted trees for the mean and the spread of one Gaussian.

At most 2000 trees, stopped early on a tenth of the training rows. Text columns are categories,
gaps are left to it, and each target has a model of its own. It is given every other column, row
names too.
"""

from collections.abc import Sequence
from importlib import import_module
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from pyarrow import csv

from benchmarks.public.contenders.prediction import gaussians
from benchmarks.tables.problem import Problem
from mdn.distributions.mixture import GaussianMixture

_TREES, _PATIENCE, _HELD_OUT = 2000, 100, 0.1


def one_gaussian(fit: Any, others: Any, targets: Sequence[str], threads: int) -> GaussianMixture:
    """Return one Gaussian for each row of a frame, after learning from the rows of another.

    Args:
        fit: a frame of pandas with inputs and targets, text without gaps.
        others: as fit.
        targets: columns to predict, each by itself.
        threads: of the fit.
    """
    each = [_one_target(fit, others, name, targets, threads) for name in targets]
    mean, variance = torch.from_numpy(np.stack(each, -1)).double()
    return gaussians(mean, variance.sqrt())


def frames_of_files(problem: Problem) -> tuple[Any, Any]:
    """Read both files of a table with the types of the first."""
    options = csv.ConvertOptions(strings_can_be_null=True)
    train = csv.read_csv(problem.train, convert_options=options)
    types = {field.name: _steady(field.type) for field in train.schema}
    options = csv.ConvertOptions(strings_can_be_null=True, column_types=types)
    both = (csv.read_csv(path, convert_options=options) for path in (problem.train, problem.test))
    fit, others = (_with_text(rows).to_pandas() for rows in both)
    return fit, others


def _steady(kind: pa.DataType) -> pa.DataType:
    """Return a type that takes the values of another file, too."""
    return pa.float64() if pa.types.is_integer(kind) or pa.types.is_floating(kind) else pa.string()


def _with_text(rows: pa.Table) -> pa.Table:
    """Fill gaps in text, which CatBoost does not take."""
    columns = [
        column.fill_null("nan") if pa.types.is_string(column.type) else column
        for column in rows.columns
    ]
    return pa.table(columns, rows.column_names)


def _one_target(
    fit: Any, others: Any, name: str, targets: Sequence[str], threads: int
) -> np.ndarray:
    """Return means and variances, [2, N]."""
    catboost: Any = import_module("catboost")
    inputs = [column for column in fit.columns if column not in targets]
    text = [column for column in inputs if fit[column].dtype != np.float64]
    order = np.random.default_rng(0).permutation(len(fit))
    held_out = max(1, round(_HELD_OUT * len(fit)))
    val, train = (
        catboost.Pool(fit[inputs].iloc[rows], fit[name].iloc[rows], cat_features=text)
        for rows in (order[:held_out], order[held_out:])
    )
    model = catboost.CatBoostRegressor(
        loss_function="RMSEWithUncertainty",
        iterations=_TREES,
        early_stopping_rounds=_PATIENCE,
        thread_count=threads,
        random_seed=0,
        verbose=False,
        allow_writing_files=False,
    )
    model.fit(train, eval_set=val, use_best_model=True)
    test = catboost.Pool(others[inputs], cat_features=text)
    return model.predict(test, prediction_type="RMSEWithUncertainty").T
