"""What EM does with numbers at the ends of float64, and which fits it lets nobody have."""

import math

import numpy as np
import pytest
import torch
from em_cases import FAMILIES, FULL, IRIS, WEIGHT, for_every_family, iris_start, with_holes
from scipy.stats import norm

from mdn.distributions.families import Diagonal, Full
from mdn.distributions.mixture import GaussianMixture
from mdn.distributions.scale import CovarianceFactor, DiagonalScale
from mdn.fitting.em import Ascent, MixtureFit, Statistics, Tolerance, check_mixture_fits, fit_em
from mdn.fitting.em.incomplete import ByRegression
from mdn.fitting.start import STARTS

F64 = torch.float64
QUANTILES = torch.from_numpy(norm.ppf((np.arange(99) + 0.5) / 99))[:, None]
ONE = GaussianMixture(
    torch.zeros(1, dtype=F64),
    torch.zeros(1, 1, dtype=F64),
    DiagonalScale(torch.ones(1, 1, dtype=F64), 1),
)


def statistics(log_likelihood: float, second: float) -> Statistics:
    numbers = torch.tensor([1.0, 0.0, second, log_likelihood], dtype=F64)
    mass, first, second_moment = numbers[:1], numbers[1:2, None], numbers[2:3, None, None]
    return Statistics(mass, first, second_moment, numbers[3], numbers[0], ONE.mu)


@pytest.mark.parametrize(
    ("log_likelihood", "second", "message"),
    [
        (math.nan, 1.0, "likelihood became nan in update 1 of EM"),
        (-math.inf, 1.0, "likelihood became -inf in update 1 of EM"),
        (-1.0, math.inf, "update 1 of EM has weights, means or scales that are not finite"),
        (-1.0, math.nan, "not finite"),
    ],
)
def test_an_update_that_is_not_finite_is_no_update(log_likelihood, second, message):
    ascent = Ascent(ONE, Diagonal(1e-3), torch.zeros(1, dtype=F64), Tolerance(1e-6, 0.0))
    with pytest.raises(ValueError, match=message):
        ascent.update(statistics(log_likelihood, second))
    assert not ascent.converged
    assert ascent.mixture.mu.isfinite().all()


@pytest.mark.parametrize("spoiled", ["mixture", "likelihood"])
def test_no_fit_holds_a_number_that_is_not_finite(spoiled):
    mu = torch.full_like(ONE.mu, math.nan if spoiled == "mixture" else 0.0)
    bound = math.nan if spoiled == "likelihood" else -1.0
    with pytest.raises(ValueError, match=r"not finite|became nan"):
        MixtureFit(GaussianMixture(ONE.log_pi, mu, ONE.scale), [bound], True, [0])


def test_a_start_that_is_not_finite_is_refused():
    start = iris_start(FULL)
    spoiled = GaussianMixture(start.log_pi, start.mu * math.inf, start.scale)
    with pytest.raises(ValueError, match="the mixture to start from has weights, means or scales"):
        fit_em(IRIS, 3, FULL, start=spoiled)


def test_weights_of_a_start_in_float32_sum_to_one():
    start = iris_start(FULL).to(dtype=torch.float32)
    skewed = GaussianMixture(start.log_pi + 0.01, start.mu, start.scale)
    exact = GaussianMixture(start.log_pi, start.mu, start.scale)
    bounds = [fit_em(IRIS, 3, FULL, start=s, max_iter=2).lower_bounds for s in (skewed, exact)]
    assert bounds[0] == pytest.approx(bounds[1], abs=1e-7)


@pytest.mark.parametrize("factor", [5e-324 * 2**50, 1e-300, 1e-38, 1e38, 1e300])
@for_every_family
def test_a_common_factor_of_the_weights_changes_nothing(family, factor):
    y = with_holes(IRIS)
    plain = fit_em(y, 3, family, weight=WEIGHT, max_iter=5)
    fit = fit_em(y, 3, family, weight=WEIGHT * factor, max_iter=5)
    assert fit.lower_bounds == pytest.approx(plain.lower_bounds, abs=1e-10)
    assert torch.allclose(fit.mixture.mu, plain.mixture.mu, atol=1e-9)


@pytest.mark.parametrize("start", STARTS)
@for_every_family
def test_rows_of_weight_zero_are_not_there_whatever_they_hold(family, start):
    y = torch.cat([torch.full((2, 4), math.inf, dtype=F64), with_holes(IRIS)])
    weight = torch.cat([torch.zeros(2, dtype=F64), WEIGHT])
    # The draw of the rows depends on their number; each start here looks at all of them.
    among = fit_em(y, 1, family, weight=weight, start=start, max_iter=5)
    alone = fit_em(y[2:], 1, family, weight=WEIGHT, start=start, max_iter=5)
    assert among.lower_bounds[1:] == pytest.approx(alone.lower_bounds[1:], abs=1e-10)


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("absurd", [1e9, -1e15, 1e60])
@for_every_family
def test_an_absurd_row_leaves_the_others_their_component(family, absurd, start):
    """The closed form for the others: the mean and variance of 99 quantiles."""
    y = torch.cat([QUANTILES, torch.full((1, 1), absurd, dtype=F64)])
    fit = fit_em(y, 2, family, start=start)
    ordinary = int(fit.mixture.pi.argmax())
    assert fit.converged
    assert fit.mixture.pi[ordinary].item() == pytest.approx(0.99)
    assert fit.mixture.mu[ordinary].item() == pytest.approx(0.0, abs=1e-12)
    if family.num_parameters(2, 1) == 2:
        std = QUANTILES.std(correction=0).item()
        assert fit.mixture.sigma[ordinary].item() == pytest.approx(std, rel=1e-9)


def test_starts_next_to_an_absurd_row_find_the_clusters():
    clusters = torch.cat([QUANTILES - 20, QUANTILES, QUANTILES + 20])
    y = torch.cat([clusters, torch.full((1, 1), 1e13, dtype=F64)])
    mu = STARTS["k-means"](y, 4, Full(1e-3, "covariance"), None, 0).mu.squeeze(-1)
    assert torch.allclose(mu.sort().values, torch.tensor([-20.0, 0, 20, 1e13], dtype=F64))


def test_missing_entries_start_at_the_mean_of_the_rows_that_count():
    y = torch.tensor([[0.0, 0.0], [1.0, 4.0], [2.0, math.nan], [3.0, 1e6]], dtype=F64)
    weight = torch.tensor([3.0, 1.0, 1.0, 0.0], dtype=F64)
    start = STARTS["k-means"](y, 1, FULL, weight, 0)
    assert torch.allclose(start.mu, torch.tensor([[0.6, 1.0]], dtype=F64))


@pytest.mark.parametrize("narrow", [1e-3, 1e-6, 1e-10])
def test_regressions_of_strongly_correlated_entries(narrow):
    """The factor [[1, 0], [1, e]]: y0 given y1 has slope 1 / (1 + e^2) and variance e^2 of that."""
    tril = torch.tensor([[[1.0, 0.0], [1.0, narrow]]], dtype=F64)
    mixture = GaussianMixture(
        torch.zeros(1, dtype=F64), torch.zeros(1, 2, dtype=F64), CovarianceFactor.from_tril(tril)
    )
    rows = ByRegression(mixture, torch.tensor([False, True]))
    some = rows(torch.tensor([[1.0]], dtype=F64), torch.ones(1, dtype=F64))
    slope = 1 / (1 + narrow**2)
    assert some.first[0].tolist() == pytest.approx([slope, 1.0], rel=1e-12)
    none = rows(torch.tensor([[0.0]], dtype=F64), torch.ones(1, dtype=F64))
    assert none.second[0, 0, 0].item() == pytest.approx(narrow**2 * slope, rel=1e-6)
    assert (torch.linalg.eigvalsh(none.second) >= 0).all()


def test_whole_numbers_and_half_precision_are_fitted_in_double():
    whole = (10 * IRIS).round()
    bounds = fit_em(whole, 2, FULL, max_iter=5).lower_bounds
    assert fit_em(whole.half(), 2, FULL, max_iter=5).lower_bounds == pytest.approx(bounds, abs=1e-2)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"y": torch.zeros(0, 2)}, r"at least one row and one column, got .* shape \[0, 2\]"),
        ({"y": torch.zeros(5, 0)}, r"shape \[5, 0\]"),
        ({"num_components": 0}, "num_components must be a whole number of at least 1, got 0"),
        ({"num_components": 10**12}, r"num_components=1000000000000, 4 columns, would take .* PB"),
        ({"weight": torch.full((150,), math.nan)}, "weights must be finite"),
    ],
)
def test_says_what_was_wrong(change, message):
    arguments = {"y": IRIS, "num_components": 3, "family": FAMILIES["full"]} | change
    with pytest.raises(ValueError, match=message):
        fit_em(**arguments)


def test_what_takes_no_memory_fits():
    check_mixture_fits(100, 10)
