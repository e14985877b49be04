"""Spreads that are learned again."""

import pytest
import torch

from mdn.distributions.families import every_family
from mdn.fitting.spread_refit import Spread, refitted_spread
from mdn.networks.head import MixtureHead

MEMBERS, ROWS, FEATURES = 2, 300, 4


def head_of(family, targets: int, seed: int = 0) -> MixtureHead:
    torch.manual_seed(seed)
    return MixtureHead.join([MixtureHead(FEATURES, targets, 3, family) for _ in range(MEMBERS)])


def rows_of(targets: int, noise: float = 2.0):
    draws = torch.Generator().manual_seed(1)
    features = torch.randn(MEMBERS, ROWS, FEATURES, generator=draws)
    return features, noise * torch.randn(MEMBERS, ROWS, targets, generator=draws)


def nll(head, features, y, weight=None):
    with torch.no_grad():
        each = -head(features).log_prob(y)
    weight = torch.ones_like(each) if weight is None else weight
    return (each * weight).sum(-1) / weight.sum(-1)


FAMILIES = {name: family for name, family in every_family(1e-3, 0.2).items() if name != "constant"}


@pytest.mark.parametrize("targets", [1, 3])
@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
def test_rows_are_likelier_and_only_spreads_move(family, targets):
    head = head_of(family, targets)
    features, y = rows_of(targets)
    before = {name: value.clone() for name, value in head.state_dict().items()}
    found = refitted_spread(head, features, lambda each: each.log_prob(y), torch.ones(2, ROWS))
    assert all(value.equal(before[name]) for name, value in head.state_dict().items())
    worse = nll(head, features, y)
    found.put_into(head)
    assert (nll(head, features, y) < worse).all()
    after, first = head.state_dict(), head.sizes[0]
    for name in ("weights.weight", "weights.bias"):
        assert after[name].equal(before[name])
    for name in ("components.weight", "components.bias"):
        assert after[name][:, :first].equal(before[name][:, :first])
        assert not after[name][:, first:].equal(before[name][:, first:])


def test_a_row_that_only_fills_up_has_no_say():
    head = head_of(FAMILIES["diagonal"], 1)
    features, y = rows_of(1)
    weight = torch.ones(MEMBERS, ROWS)
    weight[:, 200:] = 0
    far = torch.where(weight[..., None] > 0, y, 1e3)
    one, other = (
        refitted_spread(head, features, lambda each, rows=rows: each.log_prob(rows), weight)
        for rows in (y, far)
    )
    torch.testing.assert_close(one.weight, other.weight)


def test_members_do_not_meet():
    head = head_of(FAMILIES["full"], 2)
    features, y = rows_of(2)
    changed = torch.stack([y[0], 5 * y[1]])
    one, other = (
        refitted_spread(
            head, features, lambda each, rows=rows: each.log_prob(rows), torch.ones(2, ROWS)
        )
        for rows in (y, changed)
    )
    torch.testing.assert_close(one.weight[0], other.weight[0])
    assert not torch.allclose(one.weight[1], other.weight[1])


def test_the_unit_of_the_weights_does_not_matter():
    head = head_of(FAMILIES["full"], 1)
    features, y = rows_of(1)
    weight = torch.rand(MEMBERS, ROWS, generator=torch.Generator().manual_seed(3))
    one, other = (
        refitted_spread(head, features, lambda each: each.log_prob(y), unit * weight)
        for unit in (1, 1000)
    )
    torch.testing.assert_close(one.weight, other.weight, rtol=1e-3, atol=1e-4)


def test_a_member_without_rows_keeps_what_it_has():
    head = head_of(FAMILIES["full"], 1)
    features, y = rows_of(1)
    weight = torch.stack([torch.ones(ROWS), torch.zeros(ROWS)])
    found, own = (
        refitted_spread(head, features, lambda each: each.log_prob(y), weight),
        Spread.of(head),
    )
    assert found.weight[1].equal(own.weight[1])
    assert found.bias[1].equal(own.bias[1])
    assert not found.weight[0].equal(own.weight[0])


def test_a_stronger_ridge_stays_nearer():
    head = head_of(FAMILIES["full"], 1)
    features, y = rows_of(1)
    own = Spread.of(head)
    distances = []
    for ridge in (1.0, 100.0, 1e5):
        found = refitted_spread(
            head, features, lambda each: each.log_prob(y), torch.ones(2, ROWS), ridge=ridge
        )
        distances.append(found.distance(own, torch.ones(())).sum().item())
    assert distances == sorted(distances, reverse=True)
    assert distances[-1] < 0.1 * distances[0]
