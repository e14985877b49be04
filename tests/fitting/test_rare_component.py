"""The search for a rare, narrow regime finds one that is there, and nothing where none is."""

import math

import pytest
import torch

from mdn.data.seeds import generator
from mdn.fitting.rare_component import MOST_INPUTS, find_rare_component

SLOPES = torch.tensor([[0.3], [-0.2], [0.1]], dtype=torch.float64)


def rows(share, count=1000, inputs=2, std=0.01, seed=0):
    """Standard normal targets, and for some rows a plane with little noise."""
    source = generator("rows", seed)
    x = torch.randn(count, inputs, generator=source, dtype=torch.float64)
    y = torch.randn(count, 1, generator=source, dtype=torch.float64)
    branch = torch.rand(count, 1, generator=source) < share
    plane = x[:, :2] @ SLOPES[:2] + SLOPES[2]
    return x, torch.where(branch, plane + std * y, y)


def found(x, y, weight=None, floor=1e-3, log_prob=None):
    if log_prob is None:
        log_prob = -0.5 * (y.square().sum(-1) + y.shape[1] * math.log(2 * math.pi))
    return find_rare_component(x, y, log_prob, weight, floor)


@pytest.mark.parametrize("seed", range(3))
def test_a_rare_plane_is_found(seed):
    component, worth = found(*rows(0.08, seed=seed))
    torch.testing.assert_close(component.slopes, SLOPES, atol=0.01, rtol=0)
    assert component.std.item() == pytest.approx(0.01, rel=0.4)
    assert component.pi.item() == pytest.approx(0.08, abs=0.03)
    assert worth > 20


@pytest.mark.parametrize("seed", range(5))
def test_nothing_is_found_where_nothing_is(seed):
    assert found(*rows(0.0, seed=seed)) is None


def test_a_regime_that_the_density_has_is_not_found_again():
    x, y = rows(0.08)
    plane = x @ SLOPES[:2] + SLOPES[2]
    broad = torch.distributions.Normal(0.0, 1.0).log_prob(y) + math.log(0.92)
    narrow = torch.distributions.Normal(plane, 0.01).log_prob(y) + math.log(0.08)
    assert found(x, y, log_prob=torch.logaddexp(broad, narrow).squeeze(-1)) is None


def test_two_targets():
    x, y = rows(0.08)
    _, other = rows(0.0, seed=9)
    branch = (y - x @ SLOPES[:2] - SLOPES[2]).abs() < 0.03
    second = torch.where(branch, -y + 0.01 * other, other)
    component, _ = found(x, torch.cat([y, second], -1))
    both = torch.cat([SLOPES, -SLOPES], -1)
    torch.testing.assert_close(component.slopes, both, atol=0.02, rtol=0)


def test_rows_of_no_weight_or_without_targets_do_not_count():
    x, y = rows(0.08)
    plain, other = rows(0.0, count=500, seed=5)
    weight = torch.cat([torch.ones(len(x)), torch.zeros(len(plain))])
    both = torch.cat([x, plain]), torch.cat([y, other])
    component, worth = found(*both, weight=weight)
    torch.testing.assert_close(component.slopes, SLOPES, atol=0.01, rtol=0)
    lacking = torch.where(weight[:, None] > 0, both[1], torch.nan)
    again, same = found(both[0], lacking)
    assert same == pytest.approx(worth, rel=1e-6)
    torch.testing.assert_close(again.slopes, component.slopes)


def test_repeated_values_are_no_regime():
    x, y = rows(0.0)
    y[:150] = 0.7
    assert found(x, y) is None


def test_a_floor_above_the_regime_refuses_it():
    assert found(*rows(0.08), floor=0.2) is None


def test_few_rows_and_many_inputs_are_left_alone():
    assert found(*rows(0.5, count=50)) is None
    assert found(*rows(0.08, inputs=MOST_INPUTS + 1)) is None
