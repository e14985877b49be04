"""EM against reference figures, and against scikit-learn step by step."""

import math

import numpy as np
import pytest
import torch
from em_cases import (
    FAMILIES,
    FLOOR,
    IRIS,
    WEIGHT,
    for_every_family,
    iris_start,
    mean_log_likelihood,
)
from sklearn.mixture import GaussianMixture as SklearnMixture

from mdn.distributions.families import Constant, Full
from mdn.fitting.em import fit_em
from mdn.fitting.start import start_at

FIGURES = {
    "full": (-1.243796399, 120, 593.6069, 44),
    "full_precision": (-1.243796399, 120, 593.6069, 44),
    "tied": (-1.756492683, 28, 647.2031, 24),
    "diagonal": (-2.047850477, 38, 744.6317, 26),
    "isotropic": (-2.562093967, 29, 853.8090, 17),
    "shared_isotropic": (-2.678681172, 18, 878.7639, 15),
}


@pytest.mark.parametrize("name", FIGURES)
def test_iris(name):
    figure, iterations, bic, parameters = FIGURES[name]
    family = FAMILIES[name]
    fit = fit_em(IRIS, 3, family, start=iris_start(family), tol=1e-10)
    reached = mean_log_likelihood(fit.mixture, IRIS)
    assert fit.converged
    assert fit.num_iterations == iterations
    assert reached == pytest.approx(figure, abs=1e-9)
    count = 2 + 12 + family.num_parameters(3, 4)
    assert count == parameters
    assert -2 * 150 * reached + count * math.log(150) == pytest.approx(bic, abs=1e-4)


def test_first_five_of_full():
    fit = fit_em(IRIS, 3, FAMILIES["full"], start=iris_start(FAMILIES["full"]), max_iter=5)
    figures = [-3.415851495, -2.047625630, -1.894531694, -1.837218932, -1.777062620]
    assert fit.lower_bounds == pytest.approx(figures, abs=1e-9)
    assert not fit.converged


@pytest.mark.parametrize("batch_size", [7, 32, 150])
def test_thirty_iterations_in_batches(batch_size):
    family = FAMILIES["full"]
    fit = fit_em(
        IRIS, 3, family, start=iris_start(family), tol=0.0, max_iter=30, batch_size=batch_size
    )
    assert mean_log_likelihood(fit.mixture, IRIS) == pytest.approx(-1.262298950, abs=1e-9)


def test_float32_at_ten_thousand():
    y = (IRIS + 1e4).float()
    start = iris_start(FAMILIES["full"], y)
    fit = fit_em(y, 3, FAMILIES["full"], start=start, tol=0.0, max_iter=30)
    assert mean_log_likelihood(fit.mixture, y) == pytest.approx(-1.262433, abs=1e-6)


def test_row_weights():
    family = FAMILIES["full"]
    repeated = IRIS.repeat_interleave(WEIGHT.long(), 0)
    weighted = fit_em(IRIS, 3, family, weight=WEIGHT, start=iris_start(family), tol=1e-10)
    plain = fit_em(repeated, 3, family, start=iris_start(family), tol=1e-10)
    assert weighted.lower_bounds == pytest.approx(plain.lower_bounds, abs=1e-10)
    assert mean_log_likelihood(weighted.mixture, repeated) == pytest.approx(-1.284227809, abs=1e-8)


def test_fifty_zeros():
    y = torch.zeros(50, 2, dtype=torch.float64)
    fit = fit_em(y, 2, Full(1e-3, "covariance"))
    assert fit.converged
    assert mean_log_likelihood(fit.mixture, y) == pytest.approx(11.977633, abs=1e-6)


@for_every_family
def test_nine_to_one(family):
    y = torch.cat([torch.randn(900, 1) - 5, torch.randn(100, 1) + 5]).double()
    unit = Constant(FLOOR, 1.0) if isinstance(family, Constant) else family
    fit = fit_em(y, 2, unit, tol=1e-10)
    assert fit.mixture.pi.max().item() == pytest.approx(0.9, abs=1e-3)
    truth = y + torch.where(y < 0, 5, -5)
    best = 0.5 * math.log(2 * math.pi) + 0.5 * truth.square().mean() + 0.32508
    assert -mean_log_likelihood(fit.mixture, y) == pytest.approx(best.item(), abs=5e-3)


PRECISION = {
    "full": ("full", np.linalg.inv),
    "tied": ("tied", lambda covariance: np.linalg.inv(covariance[0])),
    "diagonal": ("diag", lambda covariance: 1 / np.diagonal(covariance, 0, 1, 2)),
    "isotropic": ("spherical", lambda covariance: 1 / covariance[:, 0, 0]),
}


@pytest.mark.parametrize("name", PRECISION)
@pytest.mark.parametrize("rows", [[0, 50, 100], [10, 20, 120]])
def test_same_path_and_same_end(name, rows):
    y, family = IRIS, FAMILIES[name]
    start = start_at(y[rows], y, family, None)
    kind, precision = PRECISION[name]
    theirs = SklearnMixture(
        3,
        covariance_type=kind,
        tol=1e-10,
        reg_covar=0,
        max_iter=1000,
        weights_init=np.full(3, 1 / 3),
        means_init=start.mu.numpy(),
        precisions_init=precision(start.scale.covariance().numpy()),
    ).fit(y.numpy())
    ours = fit_em(y, 3, family, start=start, tol=1e-10, max_iter=1000)
    assert ours.num_iterations == theirs.n_iter_
    assert ours.lower_bounds == pytest.approx(theirs.lower_bounds_, abs=1e-9)
    assert mean_log_likelihood(ours.mixture, y) == pytest.approx(theirs.score(y.numpy()), abs=1e-10)
    assert torch.allclose(ours.mixture.mu, torch.from_numpy(theirs.means_), atol=1e-7)
