"""Starts against clusters known beforehand, and on data that have none."""

import math

import numpy as np
import pytest
import torch

from mdn.distributions.families import every_family
from mdn.fitting.start import STARTS, kmeans_start, plus_plus_start, random_start, start_at

FAMILIES = every_family(1e-3, std=0.7)
FULL, DIAGONAL = FAMILIES["full"], FAMILIES["diagonal"]
CENTRES = torch.tensor([[-40.0, 0.0], [0.0, 40.0], [40.0, 0.0]], dtype=torch.float64)


def clusters(rows: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(3, rows, 2, generator=generator, dtype=torch.float64)
    skew = torch.tensor([[2.0, 0.0], [1.0, 0.5]], dtype=torch.float64)
    return (CENTRES[:, None] + noise @ skew.T).reshape(-1, 2)


def in_order(mu: torch.Tensor) -> torch.Tensor:
    return mu[mu[:, 0].argsort()]


def test_centres_and_spread_of_separate_clusters():
    y = clusters(500)
    start = kmeans_start(y, 3, FULL, None)
    groups = y.reshape(3, 500, 2)
    assert torch.allclose(in_order(start.mu), groups.mean(1), atol=1e-9)
    assert torch.allclose(start.pi, torch.full((3,), 1 / 3, dtype=torch.float64))
    within = sum(np.cov(g.T.numpy(), ddof=0) for g in groups) / 3
    marginal = np.cov(y.T.numpy(), ddof=0)
    expected = torch.from_numpy(0.999 * within + 0.001 * marginal).expand(3, 2, 2)
    assert torch.allclose(start.scale.covariance(), expected, atol=1e-9)


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
def test_one_component_is_the_projected_moments(family):
    y = clusters(50)
    start = kmeans_start(y, 1, family, None)
    covariance = torch.from_numpy(np.cov(y.T.numpy(), ddof=0))[None]
    expected = family.project(covariance, torch.ones(1, dtype=torch.float64))
    assert torch.allclose(start.mu[0], y.mean(0))
    assert torch.allclose(start.scale.std, expected.std)


def test_weights_count_as_repeated_rows():
    y = clusters(40)
    weight = (1 + torch.arange(len(y)) % 3).double()
    weighted = kmeans_start(y, 3, FULL, weight)
    repeated = kmeans_start(y.repeat_interleave(weight.long(), 0), 3, FULL, None)
    assert torch.allclose(in_order(weighted.mu), in_order(repeated.mu))
    assert torch.allclose(weighted.scale.covariance(), repeated.scale.covariance())


def test_rows_of_weight_zero_do_not_count():
    y = torch.cat([clusters(40), torch.full((5, 2), 1e6, dtype=torch.float64)])
    weight = torch.cat([torch.ones(120), torch.zeros(5)]).double()
    assert kmeans_start(y, 3, FULL, weight).mu.abs().max() < 100


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
@pytest.mark.parametrize(
    "y",
    [torch.zeros(50, 2), torch.eye(2).repeat(20, 1), torch.randn(4, 2).mul(1e8), torch.ones(4, 2)],
    ids=["zeros", "two points", "as many rows as components", "ones"],
)
def test_degenerate_data_start_finite(family, y):
    start = kmeans_start(y.double(), 4, family, None)
    assert start.log_prob(y.double()).isfinite().all()
    assert (start.scale.smallest() >= family.min_scale * (1 - 1e-12)).all()
    raw = family.raw(start.scale)
    assert raw.isfinite().all()


def test_atoms_do_not_start_on_the_floor():
    y = torch.tensor([[-1.0], [0.0], [1.0]], dtype=torch.float64).repeat(50, 1)
    assert (kmeans_start(y, 5, DIAGONAL, None).scale.smallest() > 0.01).all()


def test_float32_far_from_the_origin_keeps_its_clusters():
    y = clusters(200)
    near = in_order(kmeans_start(y, 3, FULL, None).mu)
    far = kmeans_start((y + 1e4).float(), 3, FULL, None)
    assert far.mu.dtype == far.log_pi.dtype == torch.float32
    assert torch.allclose(in_order(far.mu).double() - 1e4, near, atol=2e-3)


def test_same_seed_same_start_with_more_rows_than_are_looked_at():
    y = torch.randn(30_000, 1, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    one, two = (kmeans_start(y, 2, DIAGONAL, None, seed=3) for _ in range(2))
    assert torch.equal(one.mu, two.mu)
    # Half a normal: the mean is sqrt(2 / pi), and the sample of 20,000 knows it to about 0.01.
    assert torch.allclose(
        in_order(one.mu).squeeze(),
        torch.tensor([-1.0, 1.0]).double() * math.sqrt(2 / math.pi),
        atol=0.05,
    )


def test_more_components_than_rows():
    with pytest.raises(ValueError, match=r"got 3 rows .* for 5 components; lower num_components"):
        kmeans_start(torch.randn(3, 2), 5, FULL, None)


@pytest.mark.parametrize("start", [plus_plus_start, random_start])
def test_means_are_rows_and_every_component_is_as_wide_as_the_data(start):
    y = clusters(60)
    weight = torch.linspace(0.5, 2, len(y), dtype=torch.float64)
    mixture = start(y, 3, FULL, weight, seed=2)
    assert all((y == mu).all(-1).any() for mu in mixture.mu)
    assert len(mixture.mu.unique(dim=0)) == 3
    expected = torch.from_numpy(np.cov(y.T.numpy(), ddof=0, aweights=weight.numpy()))
    assert torch.allclose(mixture.scale.covariance(), expected.expand(3, 2, 2))
    assert torch.allclose(mixture.pi, torch.full((3,), 1 / 3, dtype=torch.float64))


def test_plus_plus_finds_every_far_cluster():
    mu = plus_plus_start(100 * clusters(60), 3, FULL, None, seed=0).mu
    assert torch.allclose(in_order(mu), 100 * CENTRES, atol=600)


@pytest.mark.parametrize("start", STARTS.values(), ids=STARTS)
def test_missing_entries_do_not_spread(start):
    y = clusters(60)
    y[::3, 0] = torch.nan
    mixture = start(y, 3, FULL, None)
    assert mixture.mu.isfinite().all()
    assert mixture.scale.covariance().isfinite().all()


def test_start_at_given_means():
    y = clusters(60)
    mixture = start_at(CENTRES, y, DIAGONAL, None)
    assert torch.equal(mixture.mu, CENTRES)
    assert torch.allclose(mixture.sigma, y.std(0, correction=0).expand(3, 2))


@pytest.mark.parametrize("start", STARTS.values(), ids=STARTS)
def test_neither_order_nor_repetition_of_rows_matters(start):
    y = clusters(40)
    weight = (torch.arange(len(y)) % 3).double()
    weighted = start(y, 3, FULL, weight, seed=1)
    repeated = y.repeat_interleave(weight.long(), 0).flip(0)
    other = start(repeated, 3, FULL, None, seed=1)
    assert torch.allclose(weighted.mu, other.mu)
    assert torch.allclose(weighted.scale.covariance(), other.scale.covariance())
