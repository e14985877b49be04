import pytest
import torch

from mdn.distributions.families import Constant, Full, SharedIsotropic
from mdn.distributions.mixture import GaussianMixture


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


@pytest.mark.parametrize("batch", [(), (4,), (2, 4)])
def test_a_batch_of_members_is_pooled_along_its_first_axis(make_mixture, batch):
    members = make_mixture(3, *batch, components=2, targets=2)
    pool, y = members.pool(), torch.randn(5, *batch, 2, dtype=torch.float64)
    assert (pool.batch_shape, pool.num_components) == (batch, 6)
    densities = torch.stack([members[m].log_prob(y).exp() for m in range(3)])
    torch.testing.assert_close(pool.log_prob(y).exp(), densities.mean(0))
    torch.testing.assert_close(pool.pi.sum(-1), torch.ones(batch, dtype=torch.float64))
    torch.testing.assert_close(pool.sigma[..., 2:4, :], members[1].sigma)
    cdf = torch.stack([members[m].cdf(y) for m in range(3)]).mean(0)
    torch.testing.assert_close(pool.cdf(y), cdf)
    torch.testing.assert_close(pool.cdf(pool.median), torch.full((*batch, 2), 0.5).double())
    merged = members[0].merge([members[1], members[2]])
    torch.testing.assert_close(pool.scale.covariance(), merged.scale.covariance())
    torch.testing.assert_close(pool.mu, merged.mu)
    torch.testing.assert_close(pool.log_pi, merged.log_pi)


def test_a_pool_keeps_rows_last_in_memory(make_mixture):
    pool = make_mixture(3, 8).pool()
    for stored in (pool.log_pi, pool.mu, *pool.scale.tensors()):
        assert stored.shape[0] == 8
        assert stored.numel() == 0 or stored.stride(0) == 1


def test_noise_and_doubt_are_what_samples_of_members_say(make_mixture):
    members = make_mixture(3, 2, components=2, targets=2)
    aleatoric, epistemic = members.covariance_split()
    generator = torch.Generator().manual_seed(0)
    samples = members.sample([200_000], generator)  # [S, M, N, D]
    away = samples - samples.mean(0)
    noise = (away[..., :, None] * away[..., None, :]).mean((0, 1))
    means = samples.mean(0) - samples.mean((0, 1))
    doubt = (means[..., :, None] * means[..., None, :]).mean(0)
    torch.testing.assert_close(aleatoric, noise, rtol=0.03, atol=0.03)
    torch.testing.assert_close(epistemic, doubt, rtol=0.03, atol=0.03)
    torch.testing.assert_close(aleatoric + epistemic, members.pool().covariance)
    for std, covariance in zip(members.std_split(), (aleatoric, epistemic), strict=True):
        torch.testing.assert_close(std.square(), covariance.diagonal(dim1=-2, dim2=-1))


def test_one_member_has_no_doubt_and_is_its_own_pool(make_mixture):
    mixture = make_mixture(1, 4)
    aleatoric, epistemic = mixture.covariance_split()
    torch.testing.assert_close(aleatoric, mixture[0].covariance)
    assert (epistemic == 0).all()
    y = torch.randn(4, 2, dtype=torch.float64)
    torch.testing.assert_close(mixture.pool().log_prob(y), mixture[0].log_prob(y))


def test_a_mixture_without_members_is_refused(make_mixture):
    with pytest.raises(ValueError, match="along the first batch axis, got one mixture with none"):
        make_mixture().pool()
    with pytest.raises(ValueError, match=r"model\.members\(x\)"):
        make_mixture().covariance_split()


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
