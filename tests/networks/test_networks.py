"""The network in front of the likelihood: options, shapes, a start, and floating types."""

import pytest
import torch

from mdn.distributions.families import Diagonal
from mdn.networks.backbones import ACTIVATIONS, MLP, NORMS, NoBackbone
from mdn.networks.head import MixtureHead
from mdn.networks.network import MixtureNetwork


def make_mlp(inputs=4, **changes) -> MLP:
    options = {
        "width": 8,
        "depth": 2,
        "activation": "tanh",
        "dropout": 0.0,
        "norm": None,
        "residual": False,
    }
    return MLP(inputs, **(options | changes))


def make_network(family, inputs=4, targets=2, components=3, **changes) -> MixtureNetwork:
    body = make_mlp(inputs, **changes)
    head = MixtureHead(body.num_features, targets, components, family)
    return MixtureNetwork([body], [head])


@pytest.mark.parametrize("targets", [1, 3])
def test_a_network_returns_one_mixture_per_row(family, targets):
    network = make_network(family, targets=targets)
    mixture = network(torch.randn(6, 4))
    assert mixture.batch_shape == (6,)
    assert (mixture.num_components, mixture.num_targets) == (3, targets)
    torch.testing.assert_close(mixture.pi.sum(-1), torch.ones(6))
    assert network(torch.randn(2, 5, 4)).batch_shape == (2, 5)


def test_every_output_of_the_head_is_used_once(family):
    head = MixtureHead(8, 3, 5, family)
    rows, columns = family.raw_shape(5, 3)
    assert head.weights.out_features == 5
    assert head.components.out_features == 3 * 5 + rows * columns
    mixture = head(torch.randn(1, 7, 8))
    mixture.log_prob(torch.randn(7, 3)).sum().backward()
    assert all((p.grad.abs().amax(-1) > 0).all() for p in head.parameters() if p.grad is not None)


def test_everything_leaves_the_head_with_rows_last(family):
    mixture = make_network(family, targets=3)(torch.randn(6, 4))
    stored = (mixture.log_pi, mixture.mu, *mixture.scale.tensors())
    assert all(tensor.stride(0) == 1 for tensor in stored)


def test_without_inputs_the_head_is_one_mixture(family):
    body = NoBackbone(4)
    network = MixtureNetwork([body], [MixtureHead(0, 2, 3, family)])
    mixture = network(torch.randn(6, 4))
    assert mixture.batch_shape == (1,)
    assert network(torch.randn(2, 6, 4)).batch_shape == (1, 1)
    assert mixture.log_prob(torch.randn(6, 2)).shape == (6,)


def test_a_head_without_inputs_begins_with_different_components():
    mixture = MixtureHead(0, 2, 3, Diagonal(1e-3))(torch.empty(1, 1, 0))
    assert len(mixture.mu[0, 0].unique(dim=0)) == 3


def test_a_head_starts_at_a_mixture_whatever_the_input(family, make_mixture):
    target = make_mixture(components=3, targets=2).to(dtype=torch.float32)
    network = make_network(family)
    network.head.start(target, shrink=0.0)
    mixture = network(10 * torch.randn(6, 4))
    y = torch.randn(6, 2)
    torch.testing.assert_close(mixture.log_prob(y), target.log_prob(y), rtol=1e-4, atol=1e-4)


def test_the_start_shrinks_the_dependence_on_the_input(family, make_mixture):
    network = make_network(family)
    before = [layer.weight.clone() for layer in (network.head.weights, network.head.components)]
    network.head.start(make_mixture(components=3, targets=2), shrink=0.1)
    after = [layer.weight for layer in (network.head.weights, network.head.components)]
    torch.testing.assert_close(after, [0.1 * weight for weight in before])


def test_double_precision_stays_double(family):
    mixture = make_network(family).double()(torch.randn(6, 4).double())
    assert {t.dtype for t in (mixture.log_pi, mixture.mu, *mixture.scale.tensors())} == {
        torch.float64
    }


def test_the_head_answers_in_float32_under_bf16(family):
    network, x, y = make_network(family), torch.randn(64, 4), torch.randn(64, 2)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert network.backbone(x[None]).dtype == torch.bfloat16
        mixture = network(x)
        value = mixture.log_prob(y)
    assert {t.dtype for t in (mixture.log_pi, mixture.mu, *mixture.scale.tensors())} == {
        torch.float32
    }
    assert value.dtype == torch.float32
    torch.testing.assert_close(value, network(x).log_prob(y), rtol=0.1, atol=0.1)
    value.sum().backward()


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("norm", NORMS)
def test_every_activation_and_norm_trains(activation, norm):
    mlp = make_mlp(activation=activation, norm=norm)
    mlp(torch.randn(16, 4)).square().sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in mlp.parameters())


@pytest.mark.parametrize(("depth", "features"), [(0, 4), (1, 8), (3, 8)])
def test_depth_is_the_number_of_hidden_layers(depth, features):
    mlp = make_mlp(depth=depth)
    assert len([m for m in mlp.modules() if isinstance(m, torch.nn.Linear)]) == depth
    assert mlp.num_features == mlp(torch.randn(2, 4)).shape[-1] == features


def test_residual_layers_add_their_input_where_widths_agree():
    mlp, x = make_mlp(residual=True), torch.randn(5, 4)
    first, second = mlp
    hidden = first.layers(x)
    torch.testing.assert_close(mlp(x), hidden + second.layers(hidden))


def test_dropout_drops_in_training_only():
    mlp, x = make_mlp(dropout=0.5), torch.randn(64, 4)
    assert 0.4 < (mlp(x) == 0).float().mean() < 0.6
    torch.testing.assert_close(mlp.eval()(x), mlp(x))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"width": 0}, "width must be a whole number of at least 1, got 0"),
        ({"depth": -1}, "depth must be a whole number of at least 0, got -1"),
        ({"activation": "swish"}, "activation must be one of elu, .*, got 'swish'"),
        ({"norm": "group"}, "norm must be one of null, batch, layer, got 'group'"),
        ({"dropout": 1.0}, "dropout must be at least 0 and below 1, got 1.0"),
    ],
)
def test_bad_options_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        make_mlp(**changes)


@pytest.mark.parametrize(("targets", "components"), [(0, 3), (2, 0)])
def test_no_component_or_no_target_is_refused(targets, components):
    with pytest.raises(ValueError, match="must be a whole number of at least 1, got 0"):
        MixtureHead(4, targets, components, Diagonal(1e-3))


class StudentHead(MixtureHead):
    """A head whose answer is no Gaussian mixture."""

    def forward(self, features):
        return torch.distributions.StudentT(torch.tensor(4.0))


def test_another_density_is_refused_in_one_sentence(family):
    body = make_mlp()
    network = MixtureNetwork([body], [StudentHead(body.num_features, 1, 2, family)])
    for answer in (network, network.per_member):
        with pytest.raises(TypeError, match="the head answers with a StudentT, and units"):
            answer(torch.randn(6, 4))
