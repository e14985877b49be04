"""Stacked modules do for each member what it does alone, forward and backward."""

import copy
from functools import partial

import pytest
import torch
from torch import nn

from mdn.distributions.families import Full
from mdn.networks.head import MixtureHead, RowsLastLinear
from mdn.networks.network import MLP
from mdn.networks.stacked import OneByOne, StackedBatchNorm, StackedLinear, own_tensors, stacked

F64 = torch.float64
MEMBERS = 3


class Scaled(nn.Module):
    """A layer that nothing stands for, with a buffer that it moves."""

    def __init__(self):
        super().__init__()
        self.factor = nn.Parameter(torch.randn(5))
        self.register_buffer("seen", torch.zeros(()))

    def forward(self, x):
        self.seen += len(x)
        return x * self.factor


class Mixed(nn.Module):
    """A module of the user's own that calls others, one of them twice, and one not at all."""

    def __init__(self):
        super().__init__()
        self.first, self.twice, self.none = nn.Linear(5, 5), nn.Linear(5, 5, bias=False), None
        self.again = self.twice
        self.activation = nn.Tanh()

    def forward(self, x):
        return self.again(self.activation(self.twice(self.first(x)))) + x


def mlp(norm=None, depth=2, residual=False):
    return MLP(5, 6, depth, "silu", 0.0, norm, residual)


MODULES = {
    "linear": lambda: nn.Linear(5, 4),
    "linear without bias": lambda: nn.Linear(5, 4, bias=False),
    "layer norm": lambda: nn.LayerNorm(5),
    "layer norm without bias": lambda: nn.LayerNorm(5, bias=False),
    "bare layer norm": lambda: nn.LayerNorm(5, elementwise_affine=False),
    "batch norm": lambda: nn.BatchNorm1d(5),
    "batch norm that averages all": lambda: nn.BatchNorm1d(5, momentum=None),
    "bare batch norm": lambda: nn.BatchNorm1d(5, affine=False),
    "prelu": lambda: nn.PReLU(),
    "a layer of the user's own": lambda: Scaled(),
    "mixed": Mixed,
    "mlp": mlp,
    "mlp with layer norm": partial(mlp, "layer", residual=True),
    "mlp with batch norm": partial(mlp, "batch"),
    "no layers": partial(mlp, depth=0),
}


def make_members(name):
    members = [MODULES[name]().double() for _ in range(MEMBERS)]
    for tensor in (t for member in members for t in (*member.parameters(), *member.buffers())):
        if tensor.is_floating_point():
            tensor.data += 0.3 * torch.rand_like(tensor)
    return members


@pytest.mark.parametrize("name", MODULES)
def test_each_member_answers_and_learns_as_it_does_alone(name):
    members = make_members(name)
    whole = stacked(copy.deepcopy(members))
    x = torch.randn(MEMBERS, 7, 5, dtype=F64, requires_grad=True)
    alone = x.detach().clone().requires_grad_()
    out = whole(x)
    expected = torch.stack([member(alone[m]) for m, member in enumerate(members)])
    torch.testing.assert_close(out, expected)
    weight = torch.randn_like(out)
    (out * weight).sum().backward()
    (expected * weight).sum().backward()
    torch.testing.assert_close(x.grad, alone.grad)
    assert_stacked(whole, members)
    whole.eval()
    torch.testing.assert_close(
        whole(x), torch.stack([member.eval()(x[m]) for m, member in enumerate(members)])
    )


def assert_stacked(whole, members):
    """Names, numbers and gradients are those of the members, side by side."""
    names = [name for name, _ in members[0].named_parameters()]
    found = {name.removeprefix("each."): p for name, p in whole.named_parameters()}
    found = {name.replace(".each.", "."): p for name, p in found.items()}
    assert list(found) == names
    for name, parameter in found.items():
        each = [member.get_parameter(name) for member in members]
        torch.testing.assert_close(parameter.data, torch.stack([p.data for p in each]))
        torch.testing.assert_close(parameter.grad, torch.stack([p.grad for p in each]))
    buffers = [torch.stack(b) for b in zip(*(m.buffers() for m in members), strict=True)]
    torch.testing.assert_close(list(whole.buffers()), buffers)


@pytest.mark.parametrize("batch", [(), (4,), (2, 4), (0,)])
def test_any_batch_axes_pass(batch):
    members = [nn.Sequential(nn.Linear(5, 6), nn.LayerNorm(6)).double() for _ in range(MEMBERS)]
    x = torch.randn(MEMBERS, *batch, 5, dtype=F64)
    expected = torch.stack([member(x[m]) for m, member in enumerate(members)])
    torch.testing.assert_close(stacked(members)(x), expected)


@pytest.mark.parametrize("batch", [(4,), (2, 4), (0,)])
def test_rows_come_out_last_in_memory_too(batch):
    members = [RowsLastLinear(5, 6).double() for _ in range(MEMBERS)]
    x = torch.randn(MEMBERS, *batch, 5, dtype=F64)
    out = stacked(members)(x)
    expected = torch.stack([member(x[m]) for m, member in enumerate(members)], 1)
    torch.testing.assert_close(out, expected)
    assert out.stride(-1) == 1


def test_a_head_without_inputs_has_one_row_for_all():
    members = [MixtureHead(0, 2, 4, Full(1e-3, "covariance")).double() for _ in range(MEMBERS)]
    mixture = stacked(members)(torch.empty(0, dtype=F64))
    assert mixture.batch_shape == (MEMBERS, 1)
    for m, member in enumerate(members):
        torch.testing.assert_close(mixture.mu[m, 0], member(torch.empty(0, dtype=F64)).mu)


def test_a_head_gives_the_mixtures_of_its_members(family):
    members = [MixtureHead(5, 3, 4, family).double() for _ in range(MEMBERS)]
    x, y = torch.randn(MEMBERS, 7, 5, dtype=F64), torch.randn(7, 3, dtype=F64)
    mixture = stacked(members)(x)
    assert mixture.batch_shape == (MEMBERS, 7)
    for m, member in enumerate(members):
        alone = member(x[m])
        torch.testing.assert_close(mixture.log_prob(y)[m], alone.log_prob(y))
        torch.testing.assert_close(mixture.scale.tril()[m], alone.scale.tril())


def test_dropout_differs_between_members():
    members = [nn.Sequential(nn.Dropout(0.5), nn.Linear(5, 6)) for _ in range(MEMBERS)]
    for layer in members:
        layer[1].load_state_dict(members[0][1].state_dict())
    whole = stacked(members)
    first, *others = whole(torch.ones(9, 5).expand(MEMBERS, 9, 5))
    assert all((first != other).any() for other in others)
    same = whole.eval()(torch.ones(9, 5).expand(MEMBERS, 9, 5))
    torch.testing.assert_close(same[0], same[1])


def test_what_is_known_is_not_run_one_by_one():
    kinds = {type(m) for m in stacked(make_members("mlp with batch norm")).modules()}
    assert {StackedLinear, StackedBatchNorm} < kinds
    assert OneByOne not in kinds
    assert isinstance(stacked(make_members("prelu")), OneByOne)


def test_own_tensors_are_not_those_of_children():
    assert own_tensors(mlp("batch")) == []
    assert "running_mean" in own_tensors(nn.BatchNorm1d(3))


def test_a_stack_is_a_copy_and_frozen_numbers_stay_frozen():
    members = make_members("linear")
    for member in members:
        member.bias.requires_grad_(False)
    whole = stacked(members)
    members[0].weight.data.zero_()
    assert (whole.weight[0] != 0).all()
    assert [p.requires_grad for p in whole.parameters()] == [True, False]
