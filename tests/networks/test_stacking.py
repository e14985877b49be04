"""Stacked modules do for each member what it does alone, forward and backward."""

import copy
from functools import partial, singledispatch

import pytest
import torch
from torch import nn
from torch.nn.utils.parametrizations import weight_norm

from mdn.networks import stacking
from mdn.networks.backbones import MLP
from mdn.networks.stacked_layers import (
    OneByOne,
    StackedBatchNorm,
    StackedLayer,
    StackedLinear,
    own_tensors,
)
from mdn.networks.stacking import run_one_by_one, stack, stack_layer

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


class StackedScaled(StackedLayer):
    """What a user registers for `Scaled`."""

    def forward(self, x):
        self.seen += x.shape[1]
        return x * self.factor[:, None]


class Centered(nn.Module):
    """A layer with a buffer that it sets anew."""

    def __init__(self):
        super().__init__()
        self.register_buffer("mean", torch.zeros(5))

    def forward(self, x):
        if self.training:
            self.mean = 0.9 * self.mean + 0.1 * x.detach().mean(0)
        return x - self.mean


class Doubled(nn.Linear):
    """A subclass that computes otherwise than its base."""

    def forward(self, input):
        return 2 * super().forward(input)


class Tripled(Doubled):
    """A subclass of a subclass."""


class Tied(nn.Module):
    """Two layers that hold one parameter."""

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(5, 5), nn.Linear(5, 5)
        self.second.weight = self.first.weight

    def forward(self, x):
        return self.second(self.first(x).tanh())


class Products(nn.Module):
    """A backbone with a layer of two inputs."""

    def __init__(self):
        super().__init__()
        self.linear, self.products = nn.Linear(5, 5), nn.Bilinear(5, 5, 4)

    def forward(self, x):
        return self.products(x, self.linear(x))


class Convolved(nn.Module):
    """A backbone that looks along its inputs."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv1d(1, 2, 3)

    def forward(self, x):
        return self.conv(x.unsqueeze(-2)).flatten(-2)


class Mixed(nn.Module):
    """A module of the user's own that calls others, one of them twice, and one not at all."""

    def __init__(self):
        super().__init__()
        self.first, self.twice, self.none = nn.Linear(5, 5), nn.Linear(5, 5, bias=False), None
        self.again = self.twice
        self.activation = nn.Tanh()

    def forward(self, x):
        return self.again(self.activation(self.twice(self.first(x)))) + x


def hooked(layer):
    layer.register_forward_pre_hook(lambda _, inputs: (inputs[0] ** 2,))
    return layer


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
    "a buffer that is set anew": Centered,
    "a subclass of a known layer": lambda: Doubled(5, 4),
    "a layer with hooks": lambda: hooked(nn.Linear(5, 4)),
    "a parametrized layer": lambda: weight_norm(nn.Linear(5, 5)),
    "products": Products,
    "convolution": Convolved,
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
    whole = stack(copy.deepcopy(members))
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
    assert_buffers(whole, members)


def assert_buffers(whole, members):
    buffers = [torch.stack(b) for b in zip(*(m.buffers() for m in members), strict=True)]
    torch.testing.assert_close(list(whole.buffers()), buffers)


def register(monkeypatch, layer, form):
    """Register a stacked form until the test is over."""
    forms = singledispatch(stacking.stack_layer.dispatch(object))
    for kind, known in stack_layer.registry.items():
        if kind is not object:
            forms.register(kind, known)
    forms.register(layer, form)
    monkeypatch.setattr(stacking, "stack_layer", forms)


@pytest.mark.parametrize("batch", [(), (4,), (2, 4), (0,)])
def test_any_batch_axes_pass(batch):
    members = [nn.Sequential(nn.Linear(5, 6), nn.LayerNorm(6)).double() for _ in range(MEMBERS)]
    x = torch.randn(MEMBERS, *batch, 5, dtype=F64)
    expected = torch.stack([member(x[m]) for m, member in enumerate(members)])
    torch.testing.assert_close(stack(members)(x), expected)


def test_dropout_differs_between_members():
    members = [nn.Sequential(nn.Dropout(0.5), nn.Linear(5, 6)) for _ in range(MEMBERS)]
    for layer in members:
        layer[1].load_state_dict(members[0][1].state_dict())
    whole = stack(members)
    first, *others = whole(torch.ones(9, 5).expand(MEMBERS, 9, 5))
    assert all((first != other).any() for other in others)
    same = whole.eval()(torch.ones(9, 5).expand(MEMBERS, 9, 5))
    torch.testing.assert_close(same[0], same[1])


def test_what_is_known_is_not_run_one_by_one():
    kinds = {type(m) for m in stack(make_members("mlp with batch norm")).modules()}
    assert {StackedLinear, StackedBatchNorm} < kinds
    assert OneByOne not in kinds


@pytest.mark.parametrize(
    ("name", "slow"),
    [
        ("mlp with layer norm", []),
        ("mixed", []),
        ("prelu", ["PReLU"]),
        ("a layer of the user's own", ["Scaled"]),
        ("a subclass of a known layer", ["Doubled"]),
        ("a layer with hooks", ["Linear"]),
        ("a parametrized layer", ["ParametrizedLinear"]),
        ("products", ["Bilinear"]),
        ("convolution", ["Conv1d"]),
        ("batch norm that averages all", ["BatchNorm1d"]),
    ],
)
def test_what_cannot_be_stacked_is_run_one_by_one_and_named(name, slow):
    assert run_one_by_one(stack(make_members(name))) == slow


def test_a_layer_from_outside_joins_by_one_line(monkeypatch):
    members = make_members("a layer of the user's own")
    register(monkeypatch, Scaled, StackedScaled)
    whole = stack([nn.Sequential(member, nn.Tanh()) for member in copy.deepcopy(members)])
    assert run_one_by_one(whole) == []
    x = torch.randn(MEMBERS, 7, 5, dtype=F64)
    expected = torch.stack([member(x[m]).tanh() for m, member in enumerate(members)])
    torch.testing.assert_close(whole(x), expected)
    assert_buffers(whole, members)


def test_a_form_stands_for_its_class_alone(monkeypatch):
    register(monkeypatch, Doubled, lambda *layers: StackedLinear(*layers))
    kinds = [type(stack([layer(5, 4), layer(5, 4)])) for layer in (nn.Linear, Doubled, Tripled)]
    assert kinds == [StackedLinear, StackedLinear, OneByOne]


def test_a_parameter_of_two_layers_stays_one():
    members = [Tied().double() for _ in range(MEMBERS)]
    whole = stack(copy.deepcopy(members))
    assert run_one_by_one(whole) == ["Tied"]
    x = torch.randn(MEMBERS, 7, 5, dtype=F64)
    whole(x).sum().backward()
    torch.stack([member(x[m]) for m, member in enumerate(members)]).sum().backward()
    assert len(list(whole.parameters())) == 3
    expected = torch.stack([member.first.weight.grad for member in members])
    torch.testing.assert_close(whole.each.first.weight.grad, expected)


def test_own_tensors_are_not_those_of_children():
    assert own_tensors(mlp("batch")) == []
    assert "running_mean" in own_tensors(nn.BatchNorm1d(3))


def test_a_stack_is_a_copy_and_frozen_numbers_stay_frozen():
    members = make_members("linear")
    for member in members:
        member.bias.requires_grad_(False)
    whole = stack(members)
    members[0].weight.data.zero_()
    assert (whole.weight[0] != 0).all()
    assert [p.requires_grad for p in whole.parameters()] == [True, False]
