"""Scores of mixtures on other scales, against quadrature and sums of cells."""

import numpy as np
import pytest
import torch
from transformed_mixtures import F64, ONE_TARGET, TWO_TARGETS, integral, one_target, two_targets

from mdn import metrics
from mdn.distributions.mixture import GaussianMixture
from mdn.distributions.scale import DiagonalScale
from mdn.distributions.transformed.log_scales import LogTransform
from mdn.distributions.transformed.mixture import TransformedMixture
from mdn.distributions.transformed.transforms import Identity
from mdn.model.recalibration import best_dispersion

each = pytest.mark.parametrize("transform", ONE_TARGET.values(), ids=ONE_TARGET)
each_pair = pytest.mark.parametrize("transforms", TWO_TARGETS.values(), ids=TWO_TARGETS)


@each
def test_crps_is_the_integral_of_the_squared_distance(transform):
    mixture = one_target(transform)
    for y in mixture.quantile([0.001, 0.2, 0.5, 0.97])[:, 0].tolist():
        below = integral(mixture, lambda v: mixture.cdf([[v]]).item() ** 2, high=y)
        above = integral(mixture, lambda v: mixture.cdf([[v]], upper=True).item() ** 2, low=y)
        assert metrics.crps(mixture, [[y]]).item() == pytest.approx(below + above, rel=1e-7)


@each
def test_crps_beyond_an_end_grows_by_the_distance(transform):
    mixture = one_target(transform)
    at_the_end = metrics.crps(mixture, [[transform.low]])
    torch.testing.assert_close(metrics.crps(mixture, [[transform.low - 2.0]]), at_the_end + 2)


@each
def test_a_grid_score_is_the_log_probability_of_a_cell(transform):
    mixture = one_target(transform)
    y = mixture.quantile([0.001, 0.1, 0.5, 0.9, 0.999])
    for step in (1e-7, 0.01, 0.3):
        mass = mixture.cdf(y + step / 2) - mixture.cdf(y - step / 2)
        found = metrics.grid_nll(mixture, y, [step])
        tolerance = {"rtol": 1e-5 if step > 1e-6 else 1e-3, "atol": 1e-5}
        torch.testing.assert_close(found, -(mass[:, 0] / step).log(), **tolerance)


def test_cells_that_begin_at_an_end_have_all_that_is_in_them():
    mixture, y = one_target(LogTransform()), torch.arange(1, 4000, dtype=F64)[:, None] / 10
    mass = torch.exp(-metrics.grid_nll(mixture, y, [0.1])) * 0.1
    rest = mixture.cdf([[0.05]]) + mixture.cdf([[399.95]], upper=True)
    assert (mass.sum() + rest).item() == pytest.approx(1, abs=1e-10)
    wide = metrics.grid_nll(mixture, [[0.5]], [4.0])
    torch.testing.assert_close(wide, -(mixture.cdf([[2.5]])[:, 0] / 4).log())
    assert metrics.grid_nll(mixture, [[-1.0]], [0.1]).item() == torch.inf


def test_a_wide_component_of_no_weight_spoils_no_score():
    def score(*components):
        pi, mu, sigma = (torch.tensor(v, dtype=F64) for v in zip(*components, strict=True))
        scale = DiagonalScale(sigma[:, None], 1)
        base = GaussianMixture((pi / pi.sum()).log(), mu[:, None], scale)
        mixture = TransformedMixture(base, (LogTransform(),))
        return mixture.mean.item(), metrics.crps(mixture, [[2130.0]]).item()

    mean, alone = score((1, 7.9, 0.2))
    far, beside = score((1, 7.9, 0.2), (1e-13, 12.6, 8.77))
    assert mean < 3000 < far
    assert beside == pytest.approx(alone, rel=1e-3)
    endless, beside = score((1, 7.9, 0.2), (1e-300, 5.0, 40.0))
    assert endless == torch.inf
    assert beside == pytest.approx(alone, rel=1e-9)


@each_pair
def test_a_grid_score_of_one_target_has_the_density_of_the_other(transforms):
    mixture, y = two_targets(transforms), torch.tensor([[0.7, 1.6], [1.4, 1.2]], dtype=F64)
    fine = metrics.grid_nll(mixture, y, [1e-6, 0.0])
    torch.testing.assert_close(fine, -mixture.log_prob(y), rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(metrics.grid_nll(mixture, y, [0.0, 0.0]), -mixture.log_prob(y))


@each_pair
def test_each_target_has_the_nll_of_its_marginal(transforms):
    mixture, y = two_targets(transforms), torch.tensor([[0.7, 1.6], [1.4, 1.2]], dtype=F64)
    found = metrics.target_nll(mixture, y)
    for d in (0, 1):
        torch.testing.assert_close(found[:, d], -mixture.marginal([d]).log_prob(y[:, [d]]))


@each_pair
def test_transforms_of_samples_are_uniform(transforms):
    mixture = two_targets(transforms)
    y = mixture.sample([4000], torch.Generator().manual_seed(0))
    many = mixture.expand(4000)
    for values in (metrics.pit(many, y), metrics.rosenblatt(many, y)):
        assert (metrics.ks_distance(values) < 1.9 / 4000**0.5).all()
    rank = metrics.density_rank(many[:300], y[:300], 400, torch.Generator().manual_seed(1))
    assert metrics.ks_distance(rank) < 1.9 / 300**0.5


def test_scores_of_a_target_on_the_users_scale_are_those_of_a_gaussian_mixture():
    mixture, y = two_targets((LogTransform(), Identity())), torch.tensor([[0.7, 0.3]], dtype=F64)
    plain = mixture.marginal(["b"])
    torch.testing.assert_close(metrics.crps(mixture, y)[:, 1:], metrics.crps(plain, y[:, 1:]))


def test_point_predictions_are_on_the_users_scale():
    mixture = one_target(LogTransform())
    y = torch.tensor([[2.0]], dtype=F64)
    for point in ("mean", "median", "mode"):
        at = metrics.point_prediction(mixture, point)
        assert mixture.log_prob(at).isfinite()
        torch.testing.assert_close(metrics.absolute_error(mixture, y, point)[0], (y[0] - at).abs())
    over = metrics.pinball(mixture, y, 0.9)
    torch.testing.assert_close(over, 0.1 * (mixture.quantile(0.9) - y).clamp(min=0) + over * 0)


def test_a_joint_energy_is_refused_by_name():
    mixture, y = two_targets((LogTransform(), Identity())), torch.tensor([[0.7, 0.3]], dtype=F64)
    with pytest.raises(ValueError, match="an energy score projects mixtures"):
        metrics.energy_score(mixture, y)


def test_a_dispersion_is_found_on_the_learned_scale():
    mu, draws = torch.randn(400, 1, dtype=F64), torch.Generator().manual_seed(0)
    scale = DiagonalScale(torch.ones(400, 1, 1, dtype=F64), 1)
    base = GaussianMixture(torch.zeros(400, 1, dtype=F64), mu[:, None], scale)
    z = mu + 1.8 * torch.randn(400, 1, dtype=F64, generator=draws)
    mixture = TransformedMixture(base, (LogTransform(),))
    found = best_dispersion(mixture, z.exp())
    assert found == pytest.approx(best_dispersion(base, z), rel=1e-4)
    np.testing.assert_allclose(found, (z - mu).square().mean().sqrt(), rtol=1e-3)
