"""A backbone from outside answers as it did when its model is read from a checkpoint."""

import pytest
import torch
from checkpoints import rows, save, untrained
from torch import nn

import mdn
from mdn.model import registry
from mdn.networks.build import build_network
from mdn.networks.head import MixtureHead
from mdn.networks.network import MixtureNetwork


class Octaves(nn.Module):
    """Frequencies that are always the same, in a tensor that no checkpoint holds."""

    num_features = 6

    def __init__(self, num_inputs: int) -> None:
        super().__init__()
        self.linear, self.norm = nn.Linear(num_inputs, 6), nn.BatchNorm1d(6)
        self.frequencies = 2 ** torch.arange(num_inputs)

    def forward(self, x):
        return self.norm(self.linear(x * self.frequencies)).sin()


class OctavesInBuffer(Octaves):
    """As often written."""

    def __init__(self, num_inputs: int) -> None:
        super().__init__(num_inputs)
        del self.frequencies
        octaves = 2.0 ** torch.arange(num_inputs)
        self.register_buffer("frequencies", octaves, persistent=False)


class Hidden(Octaves):
    """In a place where no attribute shows it."""

    def __init__(self, num_inputs: int) -> None:
        super().__init__(num_inputs)
        frequencies, self.frequencies = self.frequencies, 1
        self.scaled = [lambda x: x * frequencies]

    def forward(self, x):
        return super().forward(self.scaled[0](x))


class Tokens(nn.Module):
    """Inputs attend to each other, which cannot be stacked."""

    num_features = 6

    def __init__(self, num_inputs: int) -> None:
        super().__init__()
        self.embed = nn.Linear(1, 6)
        self.each = nn.TransformerEncoderLayer(6, 2, 8, batch_first=True)

    def forward(self, x):
        return self.each(self.embed(x.unsqueeze(-1))).mean(-2)


class Broken(Octaves):
    """It does not answer any more."""

    def forward(self, x):
        raise RuntimeError("no such rows")


def stored(backbone, members, path):
    model = untrained()
    model.network = build_network(backbone, 3, 1, 3, model.family, members)
    return _saved(model, backbone, members, path)


def _saved(model, backbone, members, path):
    model.eval()
    model.card.model["backbone"] = {"kind": "outside"}
    model.card.model["ensemble_size"] = members
    return model, save(model, path)


@pytest.fixture(autouse=True)
def _only_own_parts(monkeypatch):
    parts = registry.ROLES["backbone"].parts
    for name, part in dict(parts).items():
        monkeypatch.setitem(parts, name, part)
    yield
    parts.pop("outside", None)


@pytest.mark.parametrize("members", [1, 3])
@pytest.mark.parametrize("double", [False, True])
@pytest.mark.filterwarnings("ignore:the backbone.s OctavesInBuffer cannot be stacked")
@pytest.mark.parametrize("backbone", [Octaves, OctavesInBuffer, Hidden])
def test_tensors_that_no_checkpoint_holds_are_made_anew(backbone, double, members, tmp_path):
    model = untrained()
    model.network = build_network(backbone, 3, 1, 3, model.family, members)
    if double:
        model.double()
    model, path = _saved(model, backbone, members, tmp_path / "a.ckpt")
    mdn.register("backbone", "outside", backbone)
    x, state = rows(4), torch.get_rng_state()
    loaded = mdn.load(path)
    assert torch.equal(torch.get_rng_state(), state)
    torch.testing.assert_close(loaded(x).mean, model(x).mean, rtol=0, atol=0)
    assert not loaded.training


def test_one_network_that_runs_alone_is_read_as_it_was(tmp_path):
    model, path = stored(Tokens, 1, tmp_path / "a.ckpt")
    mdn.register("backbone", "outside", Tokens)
    x = rows(4)
    torch.testing.assert_close(mdn.load(path)(x).mean, model(x).mean, rtol=0, atol=0)


def test_a_backbone_that_does_not_answer_is_refused(tmp_path):
    model = untrained()
    head = MixtureHead(6, 1, 3, model.family)
    model.network = MixtureNetwork([Broken(3)], [head])
    _, path = _saved(model, Broken, 1, tmp_path / "a.ckpt")
    mdn.register("backbone", "outside", Broken)
    with pytest.raises(
        ValueError, match=r"cannot be built: its backbone .*'outside'.* cannot answer"
    ):
        mdn.load(path)
