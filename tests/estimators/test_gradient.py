"""Gradient descent from a k-means start against the best that scikit-learn finds in ten starts."""

import numpy as np
import pytest
import torch
from demo_data import demo_rows
from sklearn.mixture import GaussianMixture as SklearnMixture

from mdn import GMM
from mdn.distributions.families import Diagonal, Full
from mdn.estimators.gradient import fit_gradient
from mdn.fitting.em import fit_em
from mdn.fitting.start import kmeans_start


def shortfall(seed, family, theirs):
    rows = demo_rows(seed, correlated=family == "full").astype(float)
    ours = GMM(5, family, "gradient", max_iter=1000, random_state=0).fit(rows)
    best = SklearnMixture(5, covariance_type=theirs, n_init=10, random_state=0).fit(rows)
    return best.score(rows) - ours.score(rows)


@pytest.mark.parametrize(
    ("family", "theirs", "least"), [("full", "full", 10), ("diagonal", "diag", 9)]
)
def test_as_good_as_ten_starts_of_em(family, theirs, least):
    reached = [shortfall(seed, family, theirs) <= 0.01 for seed in range(10)]
    assert sum(reached) >= least


def test_the_demonstration():
    rows = demo_rows(42, correlated=True)
    fit = GMM(5, method="gradient", max_iter=1000, random_state=0).fit(rows)
    assert -fit.score(rows) <= 4.0520


@pytest.mark.parametrize("factor", [1.0, 1e-6, 1e6])
def test_units_make_no_difference(factor):
    rows = demo_rows(1, correlated=True).astype(float) + 3
    one, other = (
        GMM(5, method="gradient", max_iter=200, tol=1e-4, random_state=0).fit(rows * f)
        for f in (1.0, factor)
    )
    assert other.score(rows * factor) + 2 * np.log(factor) == pytest.approx(
        one.score(rows), abs=1e-6
    )


@pytest.mark.parametrize("family", [Full(1e-3, "precision"), Diagonal(1e-3)], ids=repr)
def test_bounds_are_those_of_the_best_mixture_so_far(family):
    y = torch.randn(200, 2, dtype=torch.float64)
    weight = torch.rand(200, dtype=torch.float64)
    fit = fit_gradient(y, family, weight, kmeans_start(y, 2, family, weight), 300, 1e-5)
    assert fit.lower_bounds == sorted(fit.lower_bounds)
    mean = (weight * fit.mixture.log_prob(y)).sum() / weight.sum()
    assert fit.lower_bounds[-1] == pytest.approx(mean.item(), abs=1e-12)
    assert fit.converged == (len(fit.lower_bounds) < 300)


@pytest.mark.parametrize("distance", [300, 100])
def test_clusters_far_apart_come_out_as_by_em(distance):
    family, weight = Full(1e-3, "covariance"), torch.ones(100, dtype=torch.float64)
    y = torch.from_numpy(np.random.default_rng(0).normal(size=(100, 2)))
    y[50:] += distance
    y = (y - y.mean(0)) / y.std(0)
    start = kmeans_start(y, 2, family, weight)
    fit = fit_gradient(y, family, weight, start, 1000, 1e-6)
    best = fit_em(y, 2, family, weight=weight, start=start)
    assert fit.converged
    assert fit.lower_bounds[-1] == pytest.approx(best.lower_bounds[-1], abs=1e-3)
