"""The factor that suits rows best, and a model that answers with it."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import stats
from small_runs import make_module, make_table

from mdn.app.recalibrate import recalibrate
from mdn.distributions.mixture import GaussianMixture
from mdn.distributions.scale import CovarianceFactor, DiagonalScale
from mdn.model.card import LEAST_RECALIBRATION, MOST_RECALIBRATION
from mdn.model.exportable import PlainModel
from mdn.model.recalibration import best_dispersion
from mdn.report.basic_scores import likelihood

F64 = torch.float64


def gaussians(mu, std):
    zero = torch.zeros(len(mu), 1, dtype=F64)
    return GaussianMixture(zero, mu[:, None], DiagonalScale(std[:, None], mu.shape[-1]))


def test_of_gaussians_it_is_the_root_mean_square_of_standardised_residuals():
    mu, std = torch.randn(300, 1, dtype=F64), torch.rand(300, 1, dtype=F64) + 0.5
    for truth in (0.4, 1.0, 2.5):
        y = mu + truth * std * torch.randn(300, 1, dtype=F64)
        expected = ((y - mu) / std).square().mean().sqrt().item()
        assert best_dispersion(gaussians(mu, std), y) == pytest.approx(expected, rel=1e-4)
        weight = torch.arange(300, dtype=F64) % 3
        expected = np.sqrt(np.average(((y - mu) / std).square()[:, 0], weights=weight))
        assert best_dispersion(gaussians(mu, std), y, weight) == pytest.approx(expected, rel=1e-4)


def test_of_mixtures_it_is_what_a_fine_search_finds(make_mixture):
    mixture = make_mixture(200, components=3, targets=2)
    y = mixture.dispersed(1.4).sample() + 0.1
    factors = np.exp(np.linspace(math.log(0.1), math.log(10), 4001))
    scores = [-mixture.dispersed(c).log_prob(y).mean().item() for c in factors]
    assert best_dispersion(mixture, y) == pytest.approx(factors[np.argmin(scores)], rel=2e-3)


def test_the_better_of_two_minima_is_found():
    """Rows at 1 suit light components at 1 as they are, and heavy ones at 2 when halved."""
    pi = torch.tensor([[0.05, 0.05, 0.45, 0.45]], dtype=F64).log().expand(100, 4)
    mu = torch.tensor([[-1.0], [1.0], [-2.0], [2.0]], dtype=F64).expand(100, 4, 1)
    mixture = GaussianMixture(pi, mu, DiagonalScale(torch.full_like(mu, 0.1), 1))
    y = torch.tensor([-1.0, 1.0], dtype=F64).repeat(50)[:, None]
    nll = {c: -mixture.dispersed(c).log_prob(y).mean() for c in (0.5, 0.7, 1.0)}
    assert nll[0.5] < nll[1.0] < nll[0.7]
    assert best_dispersion(mixture, y) == pytest.approx(0.5, rel=1e-2)
    assert best_dispersion(mixture, 2 * y) == pytest.approx(1.0, rel=1e-2)


def test_the_search_has_ends():
    mu, std = torch.zeros(50, 1, dtype=F64), torch.ones(50, 1, dtype=F64)
    far = best_dispersion(gaussians(mu, std), torch.full((50, 1), 1e3, dtype=F64))
    assert far == pytest.approx(MOST_RECALIBRATION, rel=1e-3)
    near = best_dispersion(gaussians(mu, std), torch.zeros(50, 1, dtype=F64))
    assert near == pytest.approx(LEAST_RECALIBRATION, rel=1e-3)


def test_rows_of_weight_zero_are_not_there_whatever_they_hold():
    mu, std = torch.randn(60, 1, dtype=F64), torch.ones(60, 1, dtype=F64)
    y = mu + 2 * torch.randn(60, 1, dtype=F64)
    expected = best_dispersion(gaussians(mu[20:], std[20:]), y[20:])
    y[:20] = math.inf
    weight = torch.cat([torch.zeros(20, dtype=F64), torch.full((40,), 1e300, dtype=F64)])
    assert best_dispersion(gaussians(mu, std), y, weight) == pytest.approx(expected, rel=1e-9)


def test_a_factor_without_a_score_is_not_chosen():
    """Scores that are NaN below 1 leave the factors above it."""
    mu, std = torch.zeros(50, 1, dtype=F64), torch.ones(50, 1, dtype=F64)

    def score(mixture, y):
        return torch.where(mixture.sigma[:, 0, 0] < 1, math.nan, -mixture.log_prob(y))

    y = 2 * torch.randn(50, 1, dtype=F64)
    expected = y.square().mean().sqrt().item()
    assert best_dispersion(gaussians(mu, std), y, None, score) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize(
    ("y", "weight", "message"),
    [
        (0.0, torch.zeros(50), "not all 0"),
        (0.0, torch.full((50,), math.nan), "weights must be finite"),
        (math.nan, None, "not finite under any dispersion"),
    ],
)
def test_rows_that_tell_no_factor_are_refused(y, weight, message):
    mu, std = torch.zeros(50, 1, dtype=F64), torch.ones(50, 1, dtype=F64)
    with pytest.raises(ValueError, match=message):
        best_dispersion(gaussians(mu, std), torch.full_like(mu, y), weight)


@pytest.mark.parametrize("weight", [None, torch.tensor([1e9, *[1.0] * 59])])
def test_few_rows_tell_no_factor(weight):
    rows = 3 if weight is None else 60
    mu, std = torch.zeros(rows, 1, dtype=F64), torch.ones(rows, 1, dtype=F64)
    with pytest.warns(UserWarning, match=r"(3|1)\.0 rows are too few to tell a dispersion"):
        assert best_dispersion(gaussians(mu, std), mu, weight) == 1.0


@pytest.fixture(params=[1, 3], ids=["one network", "ensemble"])
def model(request):
    module = make_module(ensemble_size=request.param)
    module.start(make_table())
    return module.model.eval()


@torch.no_grad()
def test_a_recalibrated_model_answers_so_everywhere(model):
    table = make_table()
    before = model(table.x)
    model.recalibrate(1.5)
    after = model(table.x)
    torch.testing.assert_close(after.mean, before.mean, atol=1e-5, rtol=1e-6)
    torch.testing.assert_close(after.std, 1.5 * before.std, atol=0, rtol=1e-5)
    standard, z = model.standardized(table.x, table.y)
    log_prob = after.log_prob(table.y)
    shift = model.targets.log_det()
    torch.testing.assert_close(standard.log_prob(z).double() + shift, log_prob, atol=1e-3, rtol=0)
    assert likelihood(model, table)["test/nll"] == pytest.approx(-log_prob.mean().item(), abs=1e-4)
    pooled = model.members(table.x).pool()
    torch.testing.assert_close(pooled.log_prob(table.y), log_prob, atol=1e-3, rtol=0)
    exported = PlainModel(model)
    pi, mu, tril = exported(table.x)
    plain = GaussianMixture(pi.log(), mu, CovarianceFactor.from_tril(tril))
    torch.testing.assert_close(plain.log_prob(table.y), log_prob, atol=1e-3, rtol=0)


def test_recalibration_improves_the_rows_it_is_of(model):
    table = make_table()
    with torch.no_grad():
        before = model(table.x).log_prob(table.y).mean()
        recalibrate(model, table)
        after = model(table.x).log_prob(table.y).mean()
    assert after > before + 1e-3
    assert not model.training


def test_rounded_targets_are_recalibrated_by_their_cells():
    """By their density it would pay to shrink without end."""
    table = make_table()
    table.y.copy_((table.y / torch.tensor([50.0, 2.0])).round() * torch.tensor([50.0, 2.0]))
    module = make_module()
    module.start(table)
    model = module.model
    model.card = replace(model.card, grid={"a": 50.0, "b": 2.0})
    recalibrate(model, table)
    with torch.no_grad():
        std = model(table.x).std[0]
    spread = table.y.std(0)
    assert stats.gmean((std / spread).numpy()) == pytest.approx(1, abs=0.5)
