"""What a backbone must do, and what is said of one that does not, or is slow."""

import copy
import warnings
from functools import partial

import numpy as np
import pytest
import torch
from torch import nn

from mdn.distributions.families import Diagonal
from mdn.distributions.scale import DiagonalScale
from mdn.networks.backbone_trial import check_backbones, check_rebuilt
from mdn.networks.backbones import MLP, NoBackbone
from mdn.networks.build import build_network

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


class DrawnBuffer(Drawn):
    """Fourier features as they are often written."""

    def __init__(self, num_inputs):
        super().__init__(num_inputs)
        del self.frequencies
        self.register_buffer("frequencies", torch.randn(num_inputs), persistent=False)


class Moved(Own):
    """It moves a number in training that it does not save."""

    def __init__(self, num_inputs):
        super().__init__(num_inputs)
        self.seen = torch.zeros(())

    def forward(self, x):
        if self.training:
            self.seen = self.seen + 1
        return super().forward(x + self.seen)


class Octaves(Own):
    """Its frequencies are always the same."""

    def __init__(self, num_inputs):
        super().__init__(num_inputs)
        self.frequencies = 2 ** torch.arange(num_inputs)

    def forward(self, x):
        return super().forward(x * self.frequencies)


class Listing(Own):
    """It makes a list of a tensor."""

    def __init__(self, num_inputs):
        super().__init__(num_inputs)
        self.frequencies = torch.arange(num_inputs).tolist()


class CenteredInTraining(Own):
    """It takes a mean over rows as batch norm does, by the number of their axis."""

    def __init__(self, num_inputs):
        super().__init__(num_inputs)
        self.drop = nn.Identity()

    def forward(self, x):
        return super().forward(x - x.mean(0) if self.training else x)


class CenteredAndDropped(CenteredInTraining):
    def __init__(self, num_inputs):
        super().__init__(num_inputs)
        self.drop = nn.Dropout(0.5)


class BatchStatistics(Own):
    def __init__(self, num_inputs):
        super().__init__(num_inputs)
        self.norm = nn.BatchNorm1d(6, affine=False, track_running_stats=False)


class Attending(Own):
    """Rows attend to each other: they are taken for one sequence."""

    def __init__(self, num_inputs):
        super().__init__(num_inputs)
        self.second = nn.TransformerEncoderLayer(6, 2, 8)


class Tokens(nn.Module):
    """Inputs attend to each other."""

    num_features = 6

    def __init__(self, num_inputs):
        super().__init__()
        self.embed = nn.Linear(1, 6)
        self.encoder = nn.TransformerEncoderLayer(6, 2, 8, batch_first=True)

    def forward(self, x):
        return self.encoder(self.embed(x.unsqueeze(-1))).mean(-2)


class Listed(Own):
    def __init__(self, num_inputs):
        super().__init__(num_inputs)
        self.shifts = nn.ParameterList([torch.randn(6)])

    def forward(self, x):
        return super().forward(x) + self.shifts[0]


class WeightNorm(Own):
    def __init__(self, num_inputs):
        super().__init__(num_inputs)
        with warnings.catch_warnings(action="ignore"):
            self.first = nn.utils.weight_norm(nn.Linear(num_inputs, 6, bias=False))


class Doubled(Diagonal):
    """A family whose inherited `raw` does not invert its own `scale`."""

    def scale(self, raw, num_targets):
        return DiagonalScale(super().scale(raw, num_targets).std * 2, num_targets)


ALONE = {"tokens": Tokens, "a list of parameters": Listed}


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
    with pytest.raises(ValueError, match=message) as refused:
        build(backbone, EIGHT)
    assert f"stack_layer.register({backbone.__name__}, OneByOne)" in str(refused.value)


@pytest.mark.parametrize("name", [*ALONE_ONLY, "tokens", "a list of parameters"])
def test_one_network_that_cannot_be_stacked_runs_alone(name, recwarn):
    backbone = ALONE[name] if name in ALONE else ALONE_ONLY[name][0]
    network = build(backbone, 1)
    torch.manual_seed(0)
    alone = backbone(4)
    x = torch.randn(7, 4)
    network.eval()
    torch.testing.assert_close(network.features(x)[0], alone.eval()(x))
    network.per_member(x).log_prob(torch.zeros(7, 2)).sum().backward()
    assert all(p.grad is not None for p in network.parameters())
    assert not recwarn.list


@pytest.mark.parametrize("members", [1, EIGHT])
@pytest.mark.parametrize("backbone", [AcrossRows, BatchStatistics, Attending])
def test_rows_that_see_each_other_in_evaluation_are_refused(backbone, members):
    with pytest.raises(ValueError, match=f"{backbone.__name__} in evaluation answers otherwise"):
        build(backbone, members)


@pytest.mark.parametrize("backbone", [CenteredInTraining, CenteredAndDropped])
def test_a_backbone_is_tried_in_training_too(backbone):
    """Over rows there it may take means: alone it does, stacked they would be over members."""
    with pytest.raises(ValueError, match=f"{backbone.__name__} .* other numbers in training"):
        build(backbone, EIGHT)
    network = build(backbone, 1)
    torch.manual_seed(0)
    alone = backbone(4)
    x = torch.randn(7, 4)
    torch.manual_seed(1)
    expected = alone(x)
    torch.manual_seed(1)
    torch.testing.assert_close(network.features(x)[0], expected)


@pytest.mark.parametrize("depth", [2, 60])
@pytest.mark.parametrize("dropout", [0.0, 0.4])
def test_batch_norm_over_few_rows_is_no_fault(depth, dropout):
    """It enlarges rounding, in a deep network more than a coarse comparison allows."""
    wide = partial(MLP, width=8, depth=depth, activation="relu", norm="batch", dropout=dropout)
    assert build(wide, EIGHT).num_members == EIGHT


def test_a_layer_that_keeps_a_computed_tensor_is_refused_in_one_sentence():
    with pytest.raises(
        ValueError, match=r"WeightNorm cannot be copied: .*parametrizations\.weight"
    ):
        build(WeightNorm, 1)


UNSAVED = {
    "a tensor": Drawn,
    "a buffer that is not saved": DrawnBuffer,
    "one that moves": Moved,
}


@pytest.mark.parametrize("members", [1, EIGHT])
@pytest.mark.parametrize("name", UNSAVED)
def test_numbers_that_a_checkpoint_would_not_hold_are_refused(name, members):
    with pytest.raises(ValueError, match=r"gives other numbers, .*self\.register_buffer\("):
        build(UNSAVED[name], members)


def test_numbers_that_are_always_the_same_need_no_checkpoint():
    for members in (1, EIGHT):
        assert build(Octaves, members).num_members == members


def test_a_backbone_that_no_checkpoint_could_make_is_refused():
    with pytest.raises(ValueError, match="Listing reads numbers of tensors while it is made"):
        build(Listing, 1)
    widths = iter(range(6, 20))
    with pytest.raises(ValueError, match="made anew does not take the state_dict of another"):
        build(lambda num_inputs: MLP(num_inputs, width=next(widths), depth=1), 1)


def test_a_family_whose_raw_numbers_mean_something_else_is_refused():
    with pytest.raises(ValueError, match=r"raw\(\) of the family Doubled does not invert"):
        build_network(Own, 4, 2, 3, Doubled(1e-3))


def test_the_trial_leaves_no_trace():
    backbone = MLP(4, width=8, depth=2, norm="batch", dropout=0.5)
    before = copy.deepcopy(backbone.state_dict())
    state, numpys = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    check_rebuilt(lambda _: MLP(4, 8, 2, norm="batch", dropout=np.random.rand()), backbone, 4)  # noqa: NPY002
    assert check_backbones([backbone], 4)
    assert torch.equal(torch.get_rng_state(), state)
    assert np.array_equal(np.random.get_state()[1], numpys)  # noqa: NPY002
    assert all(part.training for part in backbone.modules())
    torch.testing.assert_close(backbone.state_dict(), before, rtol=0, atol=0)


def test_many_features_of_one_column_count_as_one_input_of_the_first_layer():
    first = [
        build_network(partial(MLP, depth=1), 50, 1, 2, Diagonal(), 1, [gain], num_columns=2)
        .backbone[0]
        .layers[0]
        .weight.std()
        for gain in (1.0, 3.0)
    ]
    assert (first[1] / first[0]).item() == pytest.approx(3.0, rel=0.05)
