import math

import numpy as np
import pytest
import torch
from scipy import stats
from torch.nn.functional import linear

from mdn.distributions.families import Diagonal
from mdn.distributions.mixture import GaussianMixture
from mdn.distributions.scale import DiagonalScale
from mdn.fitting.singularity import (
    Thresholds,
    find_dead,
    find_degenerate,
    find_singular,
    reset_rows,
    tally,
)
from mdn.networks.head import MixtureHead

F64 = torch.float64
THRESHOLDS = Thresholds(min_mass=0.01, min_rows=10, floor_factor=2.0, floor_share=0.5)


def mixture(pi, mu, std):
    """One target, the same for every row."""
    pi, mu, std = (torch.tensor(values, dtype=F64) for values in (pi, mu, std))
    return GaussianMixture(pi.log(), mu[:, None], DiagonalScale(std[:, None], 1))


def judge(mixture, y, weight=None):
    weight = torch.ones(len(y), dtype=F64) if weight is None else weight
    sums = tally(mixture.expand(len(y)), y, weight, floor=2e-3)
    return find_dead(sums, THRESHOLDS).tolist(), find_singular(sums, THRESHOLDS).tolist()


def test_sums_are_those_of_scipys_responsibilities(make_mixture):
    mixtures = make_mixture(20, components=3, targets=1)
    y, weight = torch.randn(20, 1, dtype=F64), torch.rand(20, dtype=F64)
    sums = tally(mixtures, y, weight, floor=0.7)
    sigma = mixtures.sigma[..., 0].numpy()
    joint = mixtures.pi * torch.tensor(stats.norm.pdf(y, mixtures.mu[..., 0], sigma))
    share = (weight[:, None] * joint / joint.sum(-1, keepdim=True)).numpy()
    expected = [share.sum(0), (share**2).sum(0), (share * (sigma < 0.7)).sum(0)]
    np.testing.assert_allclose(sums[:3], expected)
    np.testing.assert_allclose(sums[3], weight.sum().expand(3))


def test_sums_of_chunks_add_up(make_mixture):
    mixtures = make_mixture(20)
    y, weight = torch.randn(20, 2, dtype=F64), torch.rand(20, dtype=F64)
    parts = [tally(mixtures[s], y[s], weight[s], 0.5) for s in (slice(0, 7), slice(7, 20))]
    torch.testing.assert_close(parts[0] + parts[1], tally(mixtures, y, weight, 0.5))


def test_a_healthy_mixture_is_left_alone():
    y = torch.linspace(-3, 3, 100, dtype=F64)[:, None]
    assert judge(mixture([0.5, 0.3, 0.2], [-2, 0, 2], [1, 1, 0.3]), y) == ([False] * 3, [False] * 3)


def test_a_component_without_rows_is_dead():
    y = torch.linspace(-3, 3, 100, dtype=F64)[:, None]
    far = mixture([0.5, 0.499, 1e-3], [-2, 2, 50], [1, 1, 1])
    light = mixture([0.5, 0.5, 1e-5], [-2, 2, 0], [1, 1, 1])
    assert judge(far, y)[0] == judge(light, y)[0] == [False, False, True]


def test_a_component_on_one_row_is_singular_and_one_on_repeated_values_is_not():
    y = torch.linspace(-3, 3, 100, dtype=F64)[:, None]
    spike = mixture([0.98, 0.02], [0, y[40].item()], [2, 1e-3])
    assert judge(spike, y) == ([False, False], [False, True])
    repeated = torch.cat([y, y[40].expand(30, 1)])
    assert judge(spike, repeated) == ([False, False], [False, False])


def test_singular_goes_by_effective_rows_and_not_by_mass():
    heavy = torch.tensor([50.0, 0.5, 0.5])  # mass 51, about one effective row
    thin = torch.full((50,), 0.1)  # mass 5, 50 effective rows
    sums = torch.tensor([[r.sum(), r.square().sum(), r.sum(), 100.0] for r in (heavy, thin)]).T
    assert find_singular(sums, THRESHOLDS).tolist() == [True, False]


def test_a_narrow_component_off_the_floor_is_not_singular():
    y = torch.linspace(-3, 3, 100, dtype=F64)[:, None]
    assert not any(judge(mixture([0.98, 0.02], [0, y[40].item()], [2, 3e-3]), y)[1])


def test_a_row_counts_as_often_as_it_weighs():
    y = torch.linspace(-3, 3, 100, dtype=F64)[:, None]
    weight = (y[:, 0] < 0).double()
    assert judge(mixture([0.5, 0.5], [-2, 2.5], [1, 0.1]), y, weight)[0] == [False, True]
    assert judge(mixture([0.5, 0.5], [-2, 2.5], [1, 0.1]), y)[0] == [False, False]


def test_resets_begin_at_distinct_rows_that_are_explained_worst():
    log_prob, weight = torch.randn(200, dtype=F64), torch.ones(200, dtype=F64)
    weight[log_prob.argmin()] = 0
    drawn = [
        set(reset_rows(log_prob, weight, 5, torch.Generator().manual_seed(seed)).tolist())
        for seed in (0, 0, 1)
    ]
    worst = set(log_prob.argsort()[1:21].tolist())
    assert drawn[0] == drawn[1] != drawn[2]
    assert all(len(rows) == 5 and rows <= worst for rows in drawn)


def test_with_few_rows_there_are_fewer_resets():
    rows = reset_rows(torch.zeros(3), torch.tensor([1.0, 0.0, 1.0]), 5, torch.Generator())
    assert sorted(rows.tolist()) == [0, 2]


@pytest.mark.parametrize("component", [0, 2])
def test_a_reset_component_is_what_was_asked_for_and_the_others_are_what_they_were(
    family, component
):
    head = MixtureHead(4, 2, 3, family).double()
    features = torch.randn(1, 5, 4, dtype=F64)
    before = head(features).detach()[0]
    logits = linear(features[0], head.weights.weight[0], head.weights.bias[0]).detach()
    mu = torch.tensor([3.0, -1.0], dtype=F64)
    covariance = torch.tensor([[[2.0, 0.5], [0.5, 1.0]]], dtype=F64)
    scale = family.project(covariance, torch.ones(1, dtype=F64))
    head.reset(component, 0.7, mu, scale)
    after = head(features).detach()[0]

    others = [k for k in range(3) if k != component]
    torch.testing.assert_close(after.mu[:, component], mu.expand(5, 2))
    torch.testing.assert_close(after.mu[:, others], before.mu[:, others])
    logits[:, component] = 0.7
    torch.testing.assert_close(after.log_pi, logits.log_softmax(-1))
    old, new = (m.scale.covariance().expand(5, 3, 2, 2) for m in (before, after))
    torch.testing.assert_close(new[:, others], old[:, others])
    if family.raw_shape(3, 2)[1] == 1:  # one scale for all
        torch.testing.assert_close(new, old)
    else:
        torch.testing.assert_close(new[:, component], scale.covariance().expand(5, 2, 2))


def test_a_head_without_features_can_be_reset():
    head = MixtureHead(0, 1, 2, Diagonal(1e-3)).double()
    scale = DiagonalScale(torch.ones(1, 1, dtype=F64), 1)
    head.reset(1, head.weights.bias[0, 0].item(), torch.tensor([4.0], dtype=F64), scale)
    mixture = head(torch.zeros(1, 1, 0, dtype=F64))[0, 0]
    assert mixture.mu[1].item() == 4
    assert mixture.pi.tolist() == pytest.approx([0.5, 0.5])
    assert mixture.sigma[1].item() == pytest.approx(1)


def test_dead_and_singular_are_both_degenerate():
    sums = torch.tensor([[0.0, 5.0, 50.0], [0.0, 5.0, 1.0], [0.0, 5.0, 0.0], [100.0] * 3])
    assert find_degenerate(sums, THRESHOLDS).tolist() == [True, True, False]
    assert math.isfinite(sums.sum())
