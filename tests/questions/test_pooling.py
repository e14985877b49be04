import pytest
import torch

from mdn.families import Constant, Full, SharedIsotropic
from mdn.mixture import GaussianMixture


@pytest.fixture
def members(make_mixture):
    return [make_mixture(4, components=k, targets=2) for k in (2, 3, 3)]


def test_pool_is_the_average_of_densities(members):
    first, *others = members
    y = torch.randn(4, 2, dtype=torch.float64)
    densities = torch.stack([m.log_prob(y).exp() for m in members])
    torch.testing.assert_close(first.merge(others).log_prob(y).exp(), densities.mean(0))
    pooled = first.merge(others, [1.0, 2.0, 5.0])
    weights = torch.tensor([1.0, 2.0, 5.0], dtype=torch.float64)[:, None] / 8
    torch.testing.assert_close(pooled.log_prob(y).exp(), (weights * densities).sum(0))
    assert pooled.num_components == 8
    torch.testing.assert_close(pooled[1:2].sigma[0, 2:5], others[0].sigma[1])


def test_families_pool_with_one_another():
    kinds = (Full(1e-3, factor="precision"), SharedIsotropic(1e-3), Constant(1e-3, std=0.3))
    members = []
    for family in kinds:
        raw = torch.randn(2, *family.raw_shape(3, 2), dtype=torch.float64)
        log_pi = torch.randn(2, 3, dtype=torch.float64).log_softmax(-1)
        mu = torch.randn(2, 3, 2, dtype=torch.float64)
        members.append(GaussianMixture(log_pi, mu, family.scale(raw, 2)))
    y = torch.randn(2, 2, dtype=torch.float64)
    densities = torch.stack([m.log_prob(y).exp() for m in members])
    pooled = members[0].merge(members[1:])
    torch.testing.assert_close(pooled.log_prob(y).exp(), densities.mean(0))


def test_noise_and_disagreement_sum_to_the_variance_of_the_pool(members):
    first, *others = members
    weights = [1.0, 2.0, 5.0]
    aleatoric, epistemic = first.variance_split(others, weights)
    variance = first.merge(others, weights).std.square()
    torch.testing.assert_close(aleatoric + epistemic, variance)
    means = torch.stack([m.mean for m in members])
    share = torch.tensor(weights, dtype=torch.float64)[:, None, None] / 8
    expected = (share * means.square()).sum(0) - (share * means).sum(0).square()
    torch.testing.assert_close(epistemic, expected)
    _, none = first.variance_split([first])
    torch.testing.assert_close(none, torch.zeros_like(none))


def test_members_that_do_not_fit_are_refused(make_mixture):
    first = make_mixture(4, targets=2)
    with pytest.raises(ValueError, match="agree in batch and targets"):
        first.merge([make_mixture(3, targets=2)])
    for weights in ([1.0], [0.0, 0.0], [1.0, -1.0]):
        with pytest.raises(ValueError, match="one weight of at least 0 for each of 2"):
            first.merge([first], weights)


def test_pruning_drops_what_is_light_everywhere(make_mixture):
    mixture = make_mixture(2, components=4, targets=2)
    pi = torch.tensor([[0.5, 1e-9, 0.5, 1e-7], [1.0, 1e-8, 1e-9, 1e-7]], dtype=torch.float64)
    mixture = GaussianMixture(pi.log().log_softmax(-1), mixture.mu, mixture.scale)
    pruned = mixture.prune(1e-3)
    assert pruned.num_components == 2
    torch.testing.assert_close(pruned.mu, mixture.mu[:, [0, 2]])
    torch.testing.assert_close(pruned.sigma, mixture.sigma[:, [0, 2]])
    torch.testing.assert_close(pruned.pi.sum(-1), torch.ones(2, dtype=torch.float64))
    y = mixture.mu[:, 0]
    torch.testing.assert_close(pruned.log_prob(y), mixture.log_prob(y), rtol=1e-3, atol=1e-3)
    assert mixture.prune(1.0).num_components == 1
    assert mixture.prune(1e-12).num_components == 4


def test_pruning_at_nothing_keeps_all_and_below_is_refused(make_mixture):
    mixture = make_mixture(2, components=4, targets=2)
    none = torch.tensor([0.5, 0.5, 0.0, 0.0], dtype=torch.float64).log().expand(2, 4)
    mixture = GaussianMixture(none, mixture.mu, mixture.scale)
    assert mixture.prune(0.0).num_components == 4
    assert mixture.prune(1e-300).num_components == 2
    for wrong in (-0.1, float("nan")):
        with pytest.raises(ValueError, match="at least 0, got"):
            mixture.prune(wrong)


def test_samples_tell_their_component(make_mixture):
    mixture = make_mixture(3, components=2, targets=2)
    far = torch.tensor([[-1e3, -1e3], [1e3, 1e3]], dtype=torch.float64)
    mixture = GaussianMixture(mixture.log_pi, far.expand(3, 2, 2), mixture.scale)
    y, component = mixture.sample_with_component([50])
    assert y.shape == (50, 3, 2)
    torch.testing.assert_close(component, (y > 0).all(-1).long())
