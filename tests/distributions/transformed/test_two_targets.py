"""Answers about two targets on different scales, against samples and the dense truth."""

import numpy as np
import pytest
import torch
from scipy import integrate
from transformed_mixtures import F64, LOG, LOGIT, TWO_TARGETS, two_targets

from mdn.distributions.mixture import GaussianMixture
from mdn.distributions.transformed.mixture import TransformedMixture
from mdn.distributions.transformed.transforms import Identity

each = pytest.mark.parametrize("transforms", TWO_TARGETS.values(), ids=TWO_TARGETS)


def draws(mixture, count):
    return mixture.sample([count], torch.Generator().manual_seed(0))


@each
def test_a_covariance_is_the_one_of_samples(transforms):
    mixture = two_targets(transforms)
    y = draws(mixture, 400_000)
    scale = mixture.std[:, None] * mixture.std
    correlation = torch.cov(y.T) / scale
    torch.testing.assert_close(correlation, mixture.covariance / scale, atol=0.02, rtol=0)
    torch.testing.assert_close(mixture.covariance.diagonal(), mixture.std.square())


def test_a_covariance_of_two_logits_is_refused():
    mixture = two_targets((LOGIT, LOGIT))
    with pytest.raises(ValueError, match="both on a logit scale has no closed form"):
        _ = mixture.covariance
    assert mixture.std.isfinite().all()


@each
def test_a_density_is_a_marginal_times_a_conditional(transforms):
    mixture, y = two_targets(transforms), torch.tensor([[0.7, 1.6], [1.4, 1.2]], dtype=F64)
    for known, rest in (("a", "b"), ("b", "a")):
        k, r = "ab".index(known), "ab".index(rest)
        given = mixture.condition({known: y[:, k]})
        assert given.target_names == (rest,)
        product = mixture.marginal([known]).log_prob(y[:, [k]]) + given.log_prob(y[:, [r]])
        torch.testing.assert_close(product, mixture.log_prob(y))


@each
def test_a_marginal_is_the_integral_over_the_other_target(transforms):
    mixture, ends = two_targets(transforms), (0.001, 0.999)
    low, high = (mixture.quantile(level)[1].item() for level in ends)
    total = integrate.quad(lambda b: mixture.log_prob([[0.7, b]]).exp().item(), low, high)[0]
    whole = mixture.marginal([0]).log_prob([[0.7]]).exp().item()
    inside = mixture.condition({"a": 0.7}).cdf([[low], [high]]).diff(dim=0).item()
    assert total == pytest.approx(whole * inside, rel=1e-5)


def test_a_part_that_is_on_the_users_scale_is_gaussian():
    mixture = two_targets((LOG, Identity()))
    assert isinstance(mixture.marginal(["b"]), GaussianMixture)
    assert isinstance(mixture.condition(["a"], [[0.7]]), GaussianMixture)
    assert isinstance(mixture.marginal(["b", "a"]), TransformedMixture)
    assert mixture.marginal(["b", "a"]).transforms == (Identity(), LOG)


def test_a_condition_on_what_cannot_be_is_refused():
    with pytest.raises(ValueError, match=r"above 0 and below inf, got -1 in row 1"):
        two_targets((LOG, LOG)).condition(["a"], [[2.0], [-1.0]])


@each
def test_no_sample_near_a_mode_is_likelier(transforms):
    mixture = two_targets(transforms)
    modes = mixture.modes()
    for y, top in zip(modes.y[modes.found], modes.log_prob[modes.found], strict=True):
        near = y + 1e-3 * torch.randn(200, 2, dtype=F64)
        assert (mixture.log_prob(near) <= top).all()


def test_moves_keep_the_answers():
    mixture = two_targets((LOG, Identity()))
    y = torch.tensor([[0.7, 0.5]], dtype=F64)
    log_prob = mixture.log_prob(y)
    for moved in (mixture.expand(1), mixture.flatten(), mixture[None], mixture.detach()[None]):
        assert moved.batch_shape == (1,)
        torch.testing.assert_close(moved.log_prob(y), log_prob)
    single = mixture.to(dtype=torch.float32)
    assert single.mean.dtype == torch.float32
    torch.testing.assert_close(single.log_prob(y.float()), log_prob.float(), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(mixture.merge([mixture]).log_prob(y), log_prob)
    torch.testing.assert_close(mixture.prune(0.0).log_prob(y), log_prob)
    weighed = torch.stack([mixture.component(k).log_prob(y) for k in (0, 1)], -1) + mixture.log_pi
    torch.testing.assert_close(weighed.logsumexp(-1), log_prob)


def test_mixtures_on_other_scales_are_not_merged():
    with pytest.raises(ValueError, match="different scales"):
        two_targets((LOG, LOG)).merge([two_targets((LOG, Identity()))])


def test_noise_and_doubt_sum_to_the_variance_of_the_pool():
    one, other = two_targets((LOG, LOGIT)), two_targets((LOG, LOGIT))
    mu = torch.stack([one.base.mu, other.base.mu + 0.5])
    members = one.expand(2).on_learned_scale(
        lambda base: GaussianMixture(base.log_pi, mu, base.scale, base.target_names)
    )
    noise, doubt = members.std_split()
    torch.testing.assert_close(noise**2 + doubt**2, members.pool().std ** 2)
    whole = members.covariance_split()
    torch.testing.assert_close(sum(whole), members.pool().covariance)
    np.testing.assert_allclose(doubt, members.mean.std(0, correction=0))


def test_values_are_found_by_name():
    mixture = two_targets((LOG, LOGIT))
    assert mixture.log_prob({"b": 1.2, "a": 0.7}) == mixture.log_prob([[0.7, 1.2]])


def test_the_likeliest_component_has_its_mean_on_the_users_scale():
    mixture = two_targets((LOG, LOGIT))
    component, mean = mixture.most_likely()
    assert component == 1
    torch.testing.assert_close(mean, mixture.component(1).mean)
