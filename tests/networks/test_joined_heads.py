"""Heads of several members as one, and layers whose rows come out last."""

import pytest
import torch
from torch import nn
from torch.nn.functional import linear

from mdn.distributions.families import Full
from mdn.networks.head import MixtureHead, RowsLastLinear

F64 = torch.float64

MEMBERS = 3


@pytest.mark.parametrize("batch", [(4,), (2, 4), (0,)])
def test_rows_come_out_last_in_memory_too(batch):
    layers = [RowsLastLinear(5, 6).double() for _ in range(MEMBERS)]
    x = torch.randn(MEMBERS, *batch, 5, dtype=F64)
    out = RowsLastLinear.join(layers)(x)
    expected = [linear(x[m], layer.weight[0], layer.bias[0]) for m, layer in enumerate(layers)]
    torch.testing.assert_close(out, torch.stack(expected).movedim(-1, 0))
    assert out.stride(-1) == 1


def test_a_head_without_inputs_has_one_row_for_all():
    members = [MixtureHead(0, 2, 4, Full(1e-3, "covariance")).double() for _ in range(MEMBERS)]
    mixture = MixtureHead.join(members)(torch.empty(MEMBERS, 7, 0, dtype=F64))
    assert mixture.batch_shape == (MEMBERS, 1)
    for m, member in enumerate(members):
        alone = member(torch.empty(1, 7, 0, dtype=F64))
        torch.testing.assert_close(mixture.mu[m, 0], alone.mu[0, 0])


def test_a_head_gives_the_mixtures_of_its_members(family):
    members = [MixtureHead(5, 3, 4, family).double() for _ in range(MEMBERS)]
    x, y = torch.randn(MEMBERS, 7, 5, dtype=F64), torch.randn(7, 3, dtype=F64)
    mixture = MixtureHead.join(members)(x)
    assert mixture.batch_shape == (MEMBERS, 7)
    for m, member in enumerate(members):
        alone = member(x[m : m + 1])
        torch.testing.assert_close(mixture.log_prob(y)[m], alone.log_prob(y)[0])
        torch.testing.assert_close(mixture.scale.tril()[m], alone.scale.tril()[0])


def test_a_head_begins_as_an_ordinary_layer_does():
    torch.manual_seed(0)
    layer = RowsLastLinear(5, 6)
    torch.manual_seed(0)
    plain = nn.Linear(5, 6)
    assert torch.equal(layer.weight[0], plain.weight)
    assert torch.equal(layer.bias[0], plain.bias)
