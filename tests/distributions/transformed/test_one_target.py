"""Every answer about one target on another scale, against scipy and quadrature."""

import copy
import pickle

import numpy as np
import pytest
import torch
from transformed_mixtures import F64, ONE_TARGET, density, integral, one_target

from mdn.distributions.mixture import GaussianMixture
from mdn.distributions.scale import DiagonalScale
from mdn.distributions.transformed.log_scales import LogitTransform, LogTransform
from mdn.distributions.transformed.mixture import TransformedMixture, transformed
from mdn.distributions.transformed.transforms import Identity

each = pytest.mark.parametrize("transform", ONE_TARGET.values(), ids=ONE_TARGET)


def inside(transform, count=7):
    low, high = transform.support
    return torch.linspace(low, min(high, low + 9), count + 2, dtype=F64)[1:-1, None]


@each
def test_densities_are_those_of_the_change_of_variables(transform):
    y = inside(transform)
    expected = density(transform, y[:, 0].numpy())
    np.testing.assert_allclose(one_target(transform).log_prob(y).exp(), expected, rtol=1e-12)


@each
def test_a_density_integrates_to_one(transform):
    total = integral(one_target(transform), lambda y: density(transform, y))
    assert total == pytest.approx(1, abs=1e-10)


@each
def test_nothing_lies_at_the_ends_or_beyond(transform):
    mixture, (low, high) = one_target(transform), transform.support
    ends = [low, low - 1, *([high, high + 1] if np.isfinite(high) else [])]
    y = torch.tensor(ends, dtype=F64)[:, None]
    assert (mixture.log_prob(y) == -torch.inf).all()
    assert (mixture.component_log_prob(y) == -torch.inf).all()
    assert mixture.log_responsibilities(y).isnan().all()
    beyond = (y >= high).double()
    torch.testing.assert_close(mixture.cdf(y), beyond)
    torch.testing.assert_close(mixture.cdf(y, upper=True), 1 - beyond)
    torch.testing.assert_close(mixture.log_cdf(y), beyond.log())
    torch.testing.assert_close(mixture.log_cdf(y, upper=True), (1 - beyond).log())


@each
def test_nan_is_answered_by_nan_in_its_row_alone(transform):
    y = inside(transform, 3)
    y[1] = torch.nan
    answer = one_target(transform).log_prob(y)
    assert answer.isnan().tolist() == [False, True, False]


@each
def test_a_cdf_is_the_integral_of_the_density(transform):
    mixture = one_target(transform)
    for y in inside(transform, 3)[:, 0].tolist():
        below = integral(mixture, lambda v: density(transform, v), high=y)
        assert mixture.cdf([[y]]).item() == pytest.approx(below, abs=1e-10)
        assert mixture.log_cdf([[y]]).exp().item() == pytest.approx(below, abs=1e-10)
        assert mixture.cdf([[y]], upper=True).item() == pytest.approx(1 - below, abs=1e-10)


@each
def test_quantiles_are_the_inverse_of_the_cdf(transform):
    mixture, levels = one_target(transform), [0.0, 0.01, 0.3, 0.5, 0.975, 1.0]
    quantiles = mixture.quantile(levels)
    np.testing.assert_allclose(mixture.cdf(quantiles)[:, 0], levels, atol=1e-12)
    assert quantiles[0].item() == transform.low
    torch.testing.assert_close(mixture.median, quantiles[3])
    torch.testing.assert_close(torch.stack(mixture.interval(0.95))[1], quantiles[4])
    torch.testing.assert_close(mixture.icdf([[0.3]])[0], quantiles[2])


@each
def test_mean_and_spread_are_integrals(transform):
    mixture = one_target(transform)
    mean = integral(mixture, lambda y: y * density(transform, y))
    variance = integral(mixture, lambda y: (y - mean) ** 2 * density(transform, y))
    assert mixture.mean.item() == pytest.approx(mean, rel=1e-8)
    assert mixture.std.item() == pytest.approx(variance**0.5, rel=1e-7)
    assert mixture.covariance.item() == pytest.approx(variance, rel=1e-7)


@each
@pytest.mark.parametrize("level", [0.1, 0.7])
def test_an_expected_shortfall_is_the_mean_of_a_tail(transform, level):
    mixture = one_target(transform)
    low, high = (mixture.quantile(p).item() for p in (level, 1 - level))
    below = integral(mixture, lambda y: y * density(transform, y), high=low) / level
    above = integral(mixture, lambda y: y * density(transform, y), low=high) / level
    assert mixture.expected_shortfall(level).item() == pytest.approx(below, rel=1e-8)
    assert mixture.expected_shortfall(level, upper=True).item() == pytest.approx(above, rel=1e-8)


def test_an_expected_shortfall_of_all_is_the_mean_and_of_none_is_refused():
    mixture = one_target(LogTransform())
    torch.testing.assert_close(mixture.expected_shortfall(1), mixture.mean)
    with pytest.raises(ValueError, match="share above 0"):
        mixture.expected_shortfall(0)


@each
def test_samples_follow_the_cdf_and_stay_inside(transform):
    mixture, draws = one_target(transform), torch.Generator().manual_seed(0)
    y, component = mixture.sample_with_component([4000], draws)
    assert transform.holds(y).all()
    assert mixture.log_prob(y).isfinite().all()
    order = mixture.cdf(y)[:, 0].sort().values
    steps = torch.linspace(0, 1, 4000, dtype=F64)
    assert (order - steps).abs().max() < 1.7 / 4000**0.5
    shares = torch.bincount(component) / 4000
    torch.testing.assert_close(shares.double(), mixture.pi, atol=0.03, rtol=0)


def test_samples_that_round_to_an_end_are_moved_inside():
    mu = torch.tensor([[-60.0], [60.0]], dtype=F64)
    base = GaussianMixture(mu.new_zeros(2).log_softmax(-1), mu, DiagonalScale(mu * 0 + 1, 1))
    for transform in (LogTransform(-1.0), LogitTransform(2.0, 3.0)):
        mixture = TransformedMixture(base, (transform,))
        assert mixture.log_prob(mixture.sample([100])).isfinite().all()


@each
def test_modes_are_tops_of_the_density(transform):
    modes = one_target(transform).modes()
    low, high = transform.support
    grid = np.linspace(low, min(high, low + 60), 400_001)[1:-1]
    height = density(transform, grid)
    tops = grid[1:-1][(height[1:-1] > height[:-2]) & (height[1:-1] > height[2:])]
    found = modes.y[modes.found][:, 0]
    np.testing.assert_allclose(found.sort().values, tops, atol=1e-4)
    assert (modes.log_prob[modes.found].diff() <= 0).all()
    expected = np.log(density(transform, found.numpy()))
    np.testing.assert_allclose(modes.log_prob[modes.found], expected, rtol=1e-9)


@each
def test_a_density_threshold_is_a_quantile_of_heights(transform):
    mixture = one_target(transform)
    height = mixture.density_threshold(0.5, 20_000, torch.Generator().manual_seed(0))
    y = mixture.quantile(torch.linspace(0.0005, 0.9995, 1000).tolist())
    assert (mixture.log_prob(y) >= height).double().mean().item() == pytest.approx(0.5, abs=0.02)


@each
def test_gradients_are_those_of_finite_differences(transform):
    y = inside(transform, 2)

    def answers(mu):
        mixture = one_target(transform)
        mixture = mixture.on_learned_scale(
            lambda base: GaussianMixture(base.log_pi, mu, base.scale)
        )
        parts = mixture.log_prob(y), mixture.mean, mixture.std, mixture.quantile([0.2, 0.6])
        return torch.cat([part.flatten() for part in parts])

    assert torch.autograd.gradcheck(answers, one_target(transform).base.mu.requires_grad_())


def test_an_impossible_value_spoils_no_gradient():
    mu = torch.zeros(1, 1, dtype=F64, requires_grad=True)
    base = GaussianMixture(mu.new_zeros(1), mu, DiagonalScale(torch.ones_like(mu), 1))
    mixture = TransformedMixture(base, (LogTransform(),))
    mixture.log_prob(torch.tensor([[-1.0], [2.0]], dtype=F64))[1].backward()
    assert mu.grad is not None
    assert mu.grad.isfinite().all()


def test_moments_beyond_all_numbers_are_infinite_and_quantiles_are_not():
    mu, sigma = torch.tensor([[1.0], [2.0]], dtype=F64), torch.tensor([[0.3], [50.0]], dtype=F64)
    log_pi = torch.tensor([0.9, 0.1], dtype=F64).log()
    mixture = TransformedMixture(
        GaussianMixture(log_pi, mu, DiagonalScale(sigma, 1)), (LogTransform(),)
    )
    assert mixture.mean == mixture.std == torch.inf
    assert mixture.expected_shortfall(0.5).isfinite()
    assert mixture.expected_shortfall(0.5, upper=True) == torch.inf
    with pytest.raises(ValueError, match="beyond the largest number"):
        _ = mixture.covariance
    assert mixture.quantile([0.1, 0.5, 0.9]).isfinite().all()
    members = mixture.expand(2)
    assert torch.stack(members.std_split()).isinf().all()
    none = torch.tensor([0.0, -torch.inf], dtype=F64)
    without = TransformedMixture(GaussianMixture(none, mu, mixture.base.scale), (LogTransform(),))
    torch.testing.assert_close(without.mean, mixture.component(0).mean)
    torch.testing.assert_close(without.std, mixture.component(0).std)


REFUSED = [
    "mu",
    "sigma",
    "scale",
    "affine",
    "convolved",
    "dispersed",
    "project",
    "entropy_bounds",
    "kl_to",
]
REFUSED += [
    "completed",
    "kl_by_samples",
    "highest_density_region",
    "variance_split",
    "as_distribution",
    "map",
]


@pytest.mark.parametrize("name", REFUSED)
def test_gaussian_answers_are_refused_by_name(name):
    mixture = one_target(LogTransform())
    with pytest.raises(ValueError, match=rf"^{name} is an answer .*LogTransform.*; "):
        getattr(mixture, name)
    assert not hasattr(mixture, name)


def test_every_answer_of_a_gaussian_mixture_is_given_or_refused():
    mixture = one_target(LogTransform())
    public = {name for name in dir(GaussianMixture) if not name.startswith("_")}
    public -= {"component_log_prob", "flatten", "scale", "mu", "target_names", "log_pi"}
    for name in public - {*REFUSED}:
        assert hasattr(mixture, name), name


def test_an_unknown_attribute_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'colour'"):
        _ = one_target(LogTransform()).colour


def test_a_mixture_is_copied_and_pickled():
    mixture = one_target(LogTransform())
    for other in (copy.deepcopy(mixture), pickle.loads(pickle.dumps(mixture))):
        assert other.log_prob([[2.0]]) == mixture.log_prob([[2.0]])


def test_where_no_scale_differs_the_mixture_is_the_same():
    base = one_target(LogTransform()).base
    assert transformed(base, [Identity()]) is base


def test_a_transform_is_needed_for_each_target():
    with pytest.raises(ValueError, match="one transform is needed for each of 1 targets, got 2"):
        TransformedMixture(one_target(LogTransform()).base, (LogTransform(), Identity()))
