"""When a fit stops, which one is taken, and what it refuses."""

import math

import pytest
import torch
from benchmarks.race import Contender, peak_bytes
from em_cases import (
    FAMILIES,
    IRIS,
    iris_start,
)

from mdn.distributions.families import Full
from mdn.fitting.em import Tolerance, fit_em
from mdn.fitting.start import random_start


def test_a_rise_below_either_tolerance():
    assert Tolerance(1e-3, 0.0).met(-2.0, -1.9995)
    assert not Tolerance(1e-3, 0.0).met(-2.0, -1.99)
    assert Tolerance(0.0, 1e-2).met(-2.0, -1.99)


def test_neither_a_fall_nor_nan_is_rest():
    assert not Tolerance(1e-3, 0.0).met(-2.0, -2.0001)
    assert not Tolerance(1e-3, 0.0).met(-2.0, math.nan)
    assert not Tolerance(1e-3, 0.0).met(math.nan, -2.0)


def test_rounding_is_no_fall():
    assert Tolerance(1e-10, 0.0).met(-2.0, -2.0 - 1e-15)


def test_no_tolerance_no_rest():
    assert not Tolerance(0.0, 0.0).met(-2.0, -2.0)


def test_the_likeliest_of_several_starts():
    family = FAMILIES["diagonal"]
    several = fit_em(IRIS, 3, family, start="random", n_init=5, seed=3)
    each = [fit_em(IRIS, 3, family, start="random", seed=3 + i) for i in range(5)]
    bounds = [fit.lower_bounds[-1] for fit in each]
    assert max(bounds) > min(bounds) + 0.01
    assert several.lower_bounds[-1] == max(bounds)


def test_constant_keeps_its_standard_deviation():
    fit = fit_em(IRIS, 3, FAMILIES["constant"])
    assert (fit.mixture.sigma == 0.5).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"start": "kmeans"}, r"start must be one of \['k-means', .*got 'kmeans'"),
        ({"n_init": 0}, "n_init must be a whole number of at least 1, got 0"),
        ({"max_iter": 0}, "max_iter must be"),
        ({"batch_size": 0}, "batch_size must be"),
        ({"tol": -1.0}, "tol must be a number of at least 0, got -1.0"),
        ({"relative_tol": math.nan}, "relative_tol must be"),
        ({"weight": -torch.ones(150)}, "none below 0"),
        ({"weight": torch.zeros(150)}, "not all 0"),
        ({"num_components": 151}, "got 150 rows .* for 151 components; lower num_components"),
        ({"start": iris_start(FAMILIES["full"]), "num_components": 2}, r"shape \(2, 4\), got"),
        ({"y": IRIS / 0}, "infinite values"),
        ({"y": IRIS * 1e200}, "beyond 1e"),
        ({"y": torch.full((9, 2), math.nan)}, r"nothing is observed in columns \[0, 1\]"),
    ],
)
def test_says_what_was_wrong(change, message):
    arguments = {"y": IRIS, "num_components": 3, "family": FAMILIES["full"]} | change
    with pytest.raises(ValueError, match=message):
        fit_em(**arguments)


def test_memory_does_not_grow_with_rows():
    y = torch.randn(40_000, 3, dtype=torch.float64)
    family = Full(1e-3, "covariance")
    start = random_start(y[:100], 2, family, None)

    def peak(rows: int) -> int:
        settings = {"start": start, "max_iter": 2, "tol": 0.0, "batch_size": 500}
        fit = Contender("fit", lambda: fit_em(y[:rows], 2, family, **settings))
        return peak_bytes(fit, torch.device("cpu"))

    assert peak(40_000) < peak(2_000) + 40_000
