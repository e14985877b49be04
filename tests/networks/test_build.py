"""What a backbone must do, and what is said of one that does not, or is slow."""

import copy
from functools import partial

import pytest
import torch
from torch import nn

from mdn.distributions.families import Diagonal
from mdn.networks.backbones import MLP, NoBackbone
from mdn.networks.build import build_network, check_backbones

EIGHT = 8


class Own(nn.Module):
    """A backbone of the user's own, of ordinary layers."""

    num_features = 6

    def __init__(self, num_inputs):
        super().__init__()
        self.first, self.second = nn.Linear(num_inputs, 6), nn.Linear(6, 6)
        self.drop, self.norm = nn.Dropout(0.2), nn.LayerNorm(6)

    def forward(self, x):
        return self.drop(self.norm(self.second(self.first(x).sin())))


class Raw(Own):
    """One with a parameter of its own."""

    def __init__(self, num_inputs):
        super().__init__(num_inputs)
        self.shift = nn.Parameter(torch.randn(6))

    def forward(self, x):
        return super().forward(x) + self.shift


class Slow(Own):
    """One with a layer that has no stacked form."""

    def __init__(self, num_inputs):
        super().__init__(num_inputs)
        self.second = nn.Bilinear(6, 6, 6)

    def forward(self, x):
        hidden = self.first(x)
        return self.norm(self.second(hidden, hidden.sin()))


class Nameless(Own):
    num_features = None


class TooNarrow(Own):
    num_features = 5


class Broken(Own):
    def forward(self, x):
        raise RuntimeError("no such rows")


class Tuples(Own):
    def forward(self, x):
        return super().forward(x), x


class AcrossRows(Own):
    def forward(self, x):
        return super().forward(x - x.mean(0))


class Joined(Own):
    """It joins columns by the number of their axis."""

    num_features = 12

    def forward(self, x):
        return torch.cat([super().forward(x)] * 2, 1)


class Unstackable(Own):
    def forward(self, x):
        _rows, _columns = x.shape
        return super().forward(x)


class Drawn(Own):
    """Its frequencies are no buffer: they would be the first member's for all."""

    def __init__(self, num_inputs):
        super().__init__(num_inputs)
        self.frequencies = torch.randn(num_inputs)

    def forward(self, x):
        return super().forward(x * self.frequencies)


def build(backbone, members, num_inputs=4):
    torch.manual_seed(0)
    return build_network(backbone, num_inputs, 2, 3, Diagonal(1e-3), members)


OURS = {
    "mlp": partial(MLP, width=8, depth=2),
    "layer norm": partial(MLP, width=8, depth=2, norm="layer"),
    "batch norm": partial(MLP, width=8, depth=2, norm="batch"),
    "dropout": partial(MLP, width=8, depth=2, dropout=0.5),
    "none": NoBackbone,
    "the user's own": Own,
}


@pytest.mark.parametrize("members", [1, EIGHT])
@pytest.mark.parametrize("name", OURS)
def test_ordinary_layers_stack_without_a_word(name, members, recwarn):
    network = build(OURS[name], members)
    assert network.per_member(torch.randn(7, 4)).mu.shape[0] == members
    assert not recwarn.list


@pytest.mark.parametrize(("backbone", "name"), [(Raw, "Raw"), (Slow, "Bilinear")])
def test_a_layer_that_cannot_be_stacked_says_so_once(backbone, name):
    with pytest.warns(UserWarning, match=f"{name} cannot be stacked: 8 members run one") as said:
        network = build(backbone, EIGHT).eval()
    assert len(said) == 1
    assert "stack_layer.register" in str(said[0].message)
    assert "ensemble_size=1" in str(said[0].message)
    x = torch.randn(7, 4)
    torch.manual_seed(0)
    alone = build(backbone, 1).eval()
    torch.testing.assert_close(network.per_member(x)[0].mu, alone(x).mu)
    network.per_member(x).log_prob(torch.zeros(7, 2)).sum().backward()
    assert all(p.grad is not None and p.grad[7].norm() > 0 for p in network.parameters())


@pytest.mark.parametrize("backbone", [Raw, Slow])
def test_one_member_is_never_slow(backbone, recwarn):
    build(backbone, 1)
    assert not recwarn.list


BROKEN = {
    "no number of features": (Nameless, "Nameless.num_features is None"),
    "another width": (TooNarrow, r"TooNarrow must map \[3, 4\] to \[3, 5\], .* gives \[3, 6\]"),
    "an error": (Broken, r"must map \[3, 4\] to \[3, 6\], .* raises RuntimeError: no such rows"),
    "a tuple": (Tuples, "it gives tuple"),
    "no module": (lambda num_inputs: torch.sin, "must be a torch.nn.Module, got builtin"),
}
ALONE_ONLY = {
    "rows that see each other": (AcrossRows, "it gives other numbers"),
    "columns by number": (Joined, r"it gives \[.*\] instead of \[.*\]; let it work on the last"),
    "two axes only": (Unstackable, r"at once, \[.*\], it raises ValueError: too many values"),
}


@pytest.mark.parametrize("members", [1, EIGHT])
@pytest.mark.parametrize("name", BROKEN)
def test_what_is_no_backbone_is_refused(name, members):
    backbone, message = BROKEN[name]
    with pytest.raises(ValueError, match=message):
        build(backbone, members)


@pytest.mark.parametrize("name", ALONE_ONLY)
def test_a_backbone_that_cannot_be_stacked_is_refused_with_what_to_do(name):
    backbone, message = ALONE_ONLY[name]
    for members in (1, EIGHT):
        with pytest.raises(ValueError, match=message) as refused:
            build(backbone, members)
        assert f"stack_layer.register({backbone.__name__}, OneByOne)" in str(refused.value)


def test_numbers_that_only_the_first_member_would_have_are_refused():
    with pytest.raises(ValueError, match=r"Drawn answers rows alone.*it gives other numbers"):
        build(Drawn, EIGHT)


def test_the_trial_leaves_no_trace():
    backbone = MLP(4, width=8, depth=2, norm="batch", dropout=0.5)
    before = copy.deepcopy(backbone.state_dict())
    state = torch.get_rng_state()
    check_backbones([backbone], 4)
    assert torch.equal(torch.get_rng_state(), state)
    assert all(part.training for part in backbone.modules())
    torch.testing.assert_close(backbone.state_dict(), before, rtol=0, atol=0)
