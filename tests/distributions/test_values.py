"""Every public function that takes values reads them alike, found by their parameters' names.

A function of a mixture with a parameter that is in none of the lists below fails here until the
parameter is given its place.
"""

import inspect

import numpy as np
import pandas
import polars
import pytest
import torch
from rows_of_values import COLUMN, POINTS, ROWS, row, two_targets

from mdn import metrics
from mdn.distributions.mixture import GaussianMixture

VALUES = {"y", "p", "values", "about", "low", "high"}
"""Parameters with one number for each target of each row."""

OF_GAPS = {"observed_log_prob", "observed_log_responsibilities"}
"""Functions to which NaN is a missing value."""

OF_EACH_TARGET = {"direction", "step", "factor", "shift"}
"""Parameters with one number for each target."""

REST = {
    "self": None,
    "mixture": None,
    "cells": None,
    "upper": True,
    "shape": (2,),
    "generator": None,
    "num_samples": 50,
    "num_directions": 2,
    "seed": 0,
    "level": 0.5,
    "levels": [0.1, 0.6],
    "dims": [0],
    "point": "mean",
    "tolerance": 0.1,
    "std": 0.3,
    "weights": None,
    "weight": None,
    "rows": 40.0,
    "dtype": torch.float64,
    "device": "cpu",
    "function": torch.Tensor.detach,
    "min_scale": 1e-3,
    "bins": 5,
    "transforms": torch.tensor([0.2, 0.7]),
    "rank": torch.tensor([0.2, 0.7]),
    "batch": ROWS,
    "index": 1,
    "number": 0,
    "columns": ["mean"],
    "quantiles": [0.1],
    "interval_level": 0.5,
    "samples": 2,
    "origin": None,
    "log_pi": None,
    "mu": None,
    "scale": None,
    "other": None,
    "others": None,
    "reference": None,
}
"""Every other parameter, with an argument for it where one is needed."""


def public(owner) -> dict:
    names = [name for name in dir(owner) if not name.startswith("_")]
    found = {name: inspect.getattr_static(owner, name) for name in names}
    return {name: f for name, f in found.items() if inspect.isfunction(f)}


FUNCTIONS = public(GaussianMixture) | public(metrics)


def parameters(function) -> dict:
    return dict(inspect.signature(function).parameters)


TAKERS = [name for name, f in FUNCTIONS.items() if VALUES & set(parameters(f))]


def ask(name: str, values, mixture: GaussianMixture | None = None):
    """The answer of a function, with usual arguments beside its values."""
    mixture, function = row() if mixture is None else mixture, FUNCTIONS[name]
    known = REST | dict.fromkeys(VALUES, values)
    known |= dict.fromkeys(OF_EACH_TARGET, torch.ones(1).double())
    known |= dict.fromkeys(("self", "mixture", "reference"), mixture)
    known |= {"dispersed": {"factor": 2.0}, "condition": {"self": two_targets(mixture)}}.get(
        name, {}
    )
    needed = [
        known[key]
        for key, parameter in parameters(function).items()
        if parameter.default is inspect.Parameter.empty or key in VALUES
    ]
    torch.manual_seed(0)
    answer = function(*needed)
    return answer.mean if isinstance(answer, GaussianMixture) else answer


def test_every_parameter_has_its_place():
    for name, function in FUNCTIONS.items():
        unknown = set(parameters(function)) - VALUES - OF_EACH_TARGET - set(REST)
        assert not unknown, f"{name} takes {unknown}: put them into one of the lists of this file"


def test_the_takers_are_found():
    assert {"log_prob", "cdf", "icdf", "condition", "crps", "grid_nll", "pit"} <= set(TAKERS)
    assert len(TAKERS) >= 20


WITH_AXIS = {
    "array": COLUMN,
    "array, reversed in memory": COLUMN[::-1].copy()[::-1],
    "list": COLUMN.tolist(),
    "pandas": pandas.DataFrame({"y": POINTS}),
    "polars": polars.DataFrame({"y": POINTS}),
    "pyarrow": polars.DataFrame({"y": POINTS}).to_arrow(),
    "big-endian": COLUMN.astype(">f8"),
}

WITHOUT_AXIS = {
    "tensor": torch.from_numpy(POINTS),
    "array": POINTS,
    "list": POINTS.tolist(),
    "pandas": pandas.Series(POINTS),
    "polars": polars.Series(POINTS),
    "pandas nullable": pandas.Series(POINTS, dtype="Float64"),
}


@pytest.mark.parametrize("name", TAKERS)
@pytest.mark.parametrize("form", WITH_AXIS)
def test_every_form_is_read_alike(name, form):
    torch.testing.assert_close(ask(name, WITH_AXIS[form]), ask(name, torch.from_numpy(COLUMN)))


@pytest.mark.parametrize("name", TAKERS)
@pytest.mark.parametrize("form", WITHOUT_AXIS)
def test_a_vector_as_long_as_the_batch_is_its_rows(name, form):
    torch.testing.assert_close(ask(name, WITHOUT_AXIS[form]), ask(name, torch.from_numpy(COLUMN)))


@pytest.mark.parametrize("name", sorted(set(TAKERS) - {"marginal_gaussian"}))
def test_a_number_is_the_value_of_every_row(name):
    torch.testing.assert_close(ask(name, 0.5), ask(name, torch.full((ROWS, 1), 0.5).double()))


@pytest.mark.parametrize("name", sorted(set(TAKERS) - {"marginal_gaussian"}))
def test_what_could_mean_two_things_is_refused(name):
    hostile = [POINTS[:3], np.ones((ROWS, 2)), np.ones((3, 1)), np.ones((2, ROWS)), np.ones(0)]
    for values in hostile:
        with pytest.raises(ValueError, match=r"must hold one number|holds rows of shape"):
            ask(name, values)
    members = row().expand(3, ROWS)
    with pytest.raises(ValueError, match=r"\[\.\.\., None\]"):
        ask(name, POINTS, members)


DEFAULTS = [("dispersed", "None"), ("condition", "None")]


@pytest.mark.parametrize("name", TAKERS)
def test_what_is_no_number_is_refused_by_name(name):
    frame = polars.DataFrame({"y": POINTS})
    hostile = {
        "LazyFrame": frame.lazy(),
        "complex128": COLUMN + 0j,
        "complex64": torch.ones(ROWS, 1, dtype=torch.complex64),
        "object": COLUMN.astype(object),
        "bool": np.ones((ROWS, 1), dtype=bool),
        r"torch.bool": torch.ones(ROWS, 1, dtype=torch.bool),
        "True": True,
        "'much'": "much",
        "None": None,
        "String": frame.cast(polars.String),
        "Boolean": frame["y"] > 0.2,
        "masked": np.ma.masked_array(COLUMN, COLUMN > 0.2),
        "inhomogeneous": [[1.0], [1.0, 2.0]],
        "datetime64": np.array(["2024-01-01"], dtype="datetime64[s]"),
    }
    # Without a center a mixture is dispersed about its mean; without values there is no condition.
    for said, values in [pair for pair in hostile.items() if (name, pair[0]) not in DEFAULTS]:
        with pytest.raises(TypeError, match=rf"(y|p|values|about|low|high) (is|must be).*{said}"):
            ask(name, values)


@pytest.mark.parametrize("name", TAKERS)
def test_whole_numbers_are_numbers(name):
    values = np.array([[0], [1], [1], [0]])
    expected = ask(name, torch.from_numpy(values).double())
    for form in (values, torch.from_numpy(values), values.tolist(), values.astype(np.uint8)):
        torch.testing.assert_close(ask(name, form), expected)


@pytest.mark.parametrize("name", sorted(set(TAKERS) - {"marginal_gaussian", *OF_GAPS}))
def test_not_a_number_spoils_its_own_row_alone(name):
    values = torch.from_numpy(COLUMN).clone()
    expected = ask(name, values)
    values[1] = torch.nan
    found = ask(name, values)
    rows = expected.shape.index(ROWS)
    kept = torch.tensor([0, 2, 3])
    torch.testing.assert_close(found.index_select(rows, kept), expected.index_select(rows, kept))
    assert found.select(rows, 1).isnan().all()
