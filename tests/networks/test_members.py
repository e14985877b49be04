"""Ensembles: members that train as they would alone, and answer as one mixture."""

from functools import partial

import numpy as np
import pytest
import torch
from scipy import integrate
from small_runs import Rows, fit, make_module, make_table

from mdn.networks.backbones import MLP, NoBackbone
from mdn.networks.network import MixtureNetwork

MEMBERS = 3
SETTINGS = dict(
    optimizer=partial(torch.optim.AdamW, lr=2e-2, weight_decay=0.3),
    start_from_data=False,
    gradient_clip=0.5,
)


def parameters(module):
    return {name: value.detach().clone() for name, value in module.network.named_parameters()}


def trained(seed, size, weight, **changes):
    """An ensemble, or as many modules one after the other, from the same seed."""
    torch.manual_seed(seed)
    modules = [
        make_module(ensemble_size=size, **(SETTINGS | changes)).double()
        for _ in range(MEMBERS if size == 1 else 1)
    ]
    torch.manual_seed(5)
    table = make_table(weight=weight)
    for module in modules:
        fit(module, Rows(table), epochs=4)
    return modules, table


@pytest.mark.parametrize("norm", [None, "layer", "batch"])
@pytest.mark.parametrize("weighted", [False, True])
def test_members_train_together_as_each_alone(norm, weighted):
    backbone = partial(MLP, 1, 8, 2, "silu", 0.0, norm, False)
    changes = {"backbone": lambda num_inputs: backbone()}
    weight = torch.rand(90, dtype=torch.float64) if weighted else None
    (together,), _ = trained(0, MEMBERS, weight, **changes)
    alone, table = trained(0, 1, weight, **changes)
    each = [parameters(module) for module in alone]
    for name, value in parameters(together).items():
        torch.testing.assert_close(value, torch.cat([p[name] for p in each]), rtol=0, atol=1e-6)
    found = together.eval().model.members(table.x)
    for m, module in enumerate(alone):
        torch.testing.assert_close(found[m].mu, module.eval()(table.x).mu)


def test_clipping_had_its_say_on_some_members_and_not_on_others():
    network = make_module(ensemble_size=MEMBERS).network
    size = torch.tensor([1e-3, 1.0, 50.0])
    for parameter in network.parameters():
        each = size.view(-1, *(1,) * (parameter.ndim - 1))
        parameter.grad = each * torch.randn_like(parameter)
    before = [p.grad.clone() for p in network.parameters()]
    learnt = list(network.parameters())
    network.clip(learnt, network.gradient_norms(learnt), 1.0)
    for m in range(MEMBERS):
        mine = [gradient[m] for gradient in before]
        norm = torch.cat([gradient.flatten() for gradient in mine]).norm()
        wanted = [gradient / norm.clamp(min=1) for gradient in mine]
        torch.testing.assert_close([p.grad[m] for p in network.parameters()], wanted)


@pytest.mark.parametrize("backbone", [NoBackbone, None])
def test_what_is_logged_is_the_nll_of_the_pool(backbone):
    module = make_module(ensemble_size=MEMBERS, **({"backbone": backbone} if backbone else {}))
    data = Rows(make_table())
    trainer = fit(module, data)
    x, y = data.train_table.tensors
    with torch.no_grad():
        members = module.model.members(x)
        pooled = torch.stack([members[m].log_prob(y) for m in range(MEMBERS)]).exp().mean(0).log()
    torch.testing.assert_close(module(x).log_prob(y), pooled)
    assert trainer.callback_metrics["val/nll"].item() == pytest.approx(
        -pooled.mean().item(), abs=1e-4
    )


def test_a_pool_integrates_to_one_and_is_the_average(family):
    module = make_module(num_targets=1, num_components=2, family=family, ensemble_size=MEMBERS)
    table = make_table()
    table = type(table)(table.x, table.y[:, 1:], None, ["x"], ["b"])
    module.start(table)
    for parameter in module.parameters():
        parameter.data += 0.3 * torch.randn_like(parameter)
    x = table.x[40:41]
    with torch.no_grad():
        pool, members = module(x), module.model.members(x)

    def density(mixture, y):
        return mixture.log_prob(torch.tensor([[y]])).exp().double().mean().item()

    whole, _ = integrate.quad(lambda y: density(pool, y), -60, 60, points=[-3, 0, 3], limit=400)
    assert whole == pytest.approx(1, abs=1e-6)
    for y in np.linspace(-6, 6, 5):
        assert density(pool, y) == pytest.approx(density(members, y), rel=1e-6)
    levels = pool.quantile([0.1, 0.9])[:, 0, 0].tolist()
    inside, _ = integrate.quad(lambda y: density(pool, y), *levels, limit=400)
    assert inside == pytest.approx(0.8, abs=1e-5)


def test_members_begin_apart_and_at_the_targets():
    module = make_module(ensemble_size=MEMBERS, num_components=6)
    module.start(make_table())
    with torch.no_grad():
        mu = module.model.members(make_table().x[:1]).mu[:, 0]
    assert not torch.allclose(mu[0], mu[1], rtol=1e-3)
    assert not torch.allclose(mu[1], mu[2], rtol=1e-3)
    table = make_table()
    assert ((mu > table.y.amin(0) - 60) & (mu < table.y.amax(0) + 60)).all()


def test_one_member_is_the_network_itself():
    torch.manual_seed(0)
    module = make_module()
    torch.manual_seed(0)
    members = [make_module().network for _ in range(1)]
    assert type(module.network) is MixtureNetwork
    torch.testing.assert_close(module.network.state_dict(), members[0].state_dict())
    table = make_table()
    module.start(table)
    assert module.model.members(table.x).batch_shape == (1, 90)
    torch.testing.assert_close(module.model.members(table.x)[0].mu, module(table.x).mu)
    assert module.model.num_members == 1


def test_norms_and_biases_do_not_decay_when_stacked():
    backbone = partial(MLP, 1, 8, 2, "silu", 0.0, "layer", False)
    module = make_module(
        ensemble_size=MEMBERS, mixture_lr=1e-3, backbone=lambda num_inputs: backbone()
    )
    fit(module, Rows(make_table()), epochs=1)
    name_of = {parameter: name for name, parameter in module.network.named_parameters()}
    for group in module.optimizers().param_groups:
        for parameter in group["params"]:
            name = name_of.pop(parameter)
            matrix = parameter.ndim == 3
            assert matrix == (name.endswith("weight") and ".layers.1." not in name)
            assert (group["weight_decay"] > 0) == matrix
    assert not name_of


def test_fewer_than_one_member_is_refused():
    with pytest.raises(ValueError, match="ensemble_size must be a whole number of at least 1"):
        make_module(ensemble_size=0)
    with pytest.raises(ValueError, match="at least one backbone, and one head for each, got 0"):
        MixtureNetwork([], [])


@pytest.mark.parametrize("norm", [None, "layer", "batch"])
def test_members_take_rows_of_their_own_or_all_the_same(norm):
    backbone = partial(MLP, 1, 8, 2, "silu", 0.0, norm, False)
    module = make_module(ensemble_size=MEMBERS, backbone=lambda num_inputs: backbone())
    network = module.network.double().eval()
    x = torch.randn(MEMBERS, 7, 1, dtype=torch.float64)
    own = network.per_member(x)
    assert own.batch_shape == (MEMBERS, 7)
    for m in range(MEMBERS):
        torch.testing.assert_close(own.mu[m], network.per_member(x[m]).mu[m])
        torch.testing.assert_close(own.log_pi[m], network.per_member(x[m]).log_pi[m])
    shared = network.per_member(x[0].expand(MEMBERS, 7, 1))
    torch.testing.assert_close(shared.mu, network.per_member(x[0]).mu)


def test_a_pool_takes_batches_of_as_many_axes_as_there_are():
    network = make_module(ensemble_size=MEMBERS).network
    x = torch.randn(MEMBERS, 7, 1)
    pool = network(x)
    assert pool.batch_shape == (MEMBERS, 7)
    for b in range(MEMBERS):
        torch.testing.assert_close(pool.mu[b], network(x[b]).mu)


def test_noise_makes_no_copies_where_there_is_none():
    module = make_module(ensemble_size=MEMBERS)
    seen = []
    module.network.backbone.register_forward_hook(lambda _, inputs, out: seen.append(inputs[0]))
    module.network.per_member(torch.randn(7, 1))
    assert seen[0].shape == (MEMBERS, 7, 1)
    assert seen[0].stride(0) == 0


def test_gradients_reach_the_backbone_laid_out_as_its_features():
    """Elsewise activations take several times as long to derive."""
    network, strides = make_module(ensemble_size=MEMBERS).network, []

    def watch(layer, inputs, features):
        features.register_hook(lambda gradient: strides.append(gradient.stride()))

    network.backbone.register_forward_hook(watch)
    network.per_member(torch.randn(7, 1)).log_prob(torch.zeros(7, 2)).sum().backward()
    assert strides == [(7 * 8, 8, 1)]
