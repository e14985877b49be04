"""A planted component answers as it was found, and the others keep what is theirs."""

import pytest
import torch

from mdn.data.seeds import generator
from mdn.distributions.families import Constant, Diagonal, Full, Tied
from mdn.fitting.planting import has_room, plant
from mdn.fitting.rare_component import LinearComponent
from mdn.model.card import ModelCard
from mdn.model.model import Model
from mdn.networks.backbones import MLP, NoBackbone
from mdn.networks.head import MixtureHead
from mdn.networks.network import MixtureNetwork


def model_of(family, targets=1, components=3, backbone=None, members=2):
    torch.manual_seed(0)
    make = backbone or (lambda: MLP(2, width=32, depth=1))
    bodies = [make() for _ in range(members)]
    heads = [MixtureHead(each.num_features, targets, components, family) for each in bodies]
    card = ModelCard(["a", "b"], [f"y{i}" for i in range(targets)])
    return Model(MixtureNetwork(bodies, heads), card)


def component_of(targets):
    slopes = torch.tensor([[0.3], [-0.2], [0.1]], dtype=torch.float64).expand(3, targets)
    std = torch.full((targets,), 0.02, dtype=torch.float64)
    return LinearComponent(slopes, std, torch.tensor(0.05, dtype=torch.float64))


@pytest.mark.parametrize("family", [Full(), Full(factor="precision"), Diagonal()])
@pytest.mark.parametrize("targets", [1, 2])
def test_it_answers_as_it_was_found(family, targets):
    model, component = model_of(family, targets), component_of(targets)
    x = torch.randn(500, 2, generator=generator("x", 0), dtype=torch.float64)
    y = torch.randn(500, targets, generator=generator("y", 0), dtype=torch.float64)
    before, _ = model.per_member(x, y)
    plant(model, component, x, y)
    after, _ = model.per_member(x, y)
    moved = (after.mu != before.mu).any(-1).any(1)
    assert moved.sum(-1).tolist() == [1, 1]  # one component of each member
    mean = torch.cat([x, torch.ones(500, 1)], -1) @ component.slopes
    for member, own in enumerate(moved.int().argmax(-1).tolist()):
        torch.testing.assert_close(after.mu[member, :, own].double(), mean, atol=0.15, rtol=0)
        std = after.scale.covariance().diagonal(dim1=-2, dim2=-1).sqrt()[member, :, own]
        torch.testing.assert_close(std, torch.full_like(std, 0.02), rtol=1e-3, atol=0)
        assert after.log_pi.exp()[member, :, own].mean().item() == pytest.approx(0.05, rel=0.1)


def test_the_one_with_the_fewest_rows_goes():
    model = model_of(Full(), members=1)
    x = torch.randn(200, 2, generator=generator("x", 0), dtype=torch.float64)
    y = torch.randn(200, 1, generator=generator("y", 0), dtype=torch.float64)
    mixture, _ = model.per_member(x, y)
    least = mixture.log_responsibilities(y.float()).exp().mean(1)[0].argmin().item()
    plant(model, component_of(1), x, y)
    after, _ = model.per_member(x, y)
    assert (after.mu != mixture.mu).any(-1)[0].any(0).nonzero().flatten().tolist() == [least]


def test_who_has_no_room():
    assert has_room(model_of(Full()))
    assert not has_room(model_of(Tied()))
    assert not has_room(model_of(Constant()))
    assert not has_room(model_of(Full(), components=1))
    assert not has_room(model_of(Full(), backbone=lambda: NoBackbone(2)))
