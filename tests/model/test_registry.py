"""What a file may name, and that a part from outside has to be registered first."""

from functools import partial

import pytest
import torch
from checkpoints import CONF, rows, save, untrained
from configurations import composed
from torch import nn
from torch.optim import SGD

import mdn
from mdn.app.read_recipe import described
from mdn.distributions.families import Full
from mdn.fitting.objectives import NLLWithCRPS
from mdn.fitting.schedules import cosine
from mdn.model import registry
from mdn.model.network_parts import NETWORK
from mdn.networks.backbones import MLP
from mdn.networks.build import build_network
from mdn.training.data_parts import DATA
from mdn.training.parts import TRAINING

PARTS = NETWORK | TRAINING | DATA


class Periodic(nn.Module):
    """A backbone that is not this project's."""

    def __init__(self, num_inputs: int, frequencies: int) -> None:
        super().__init__()
        self.linear = nn.Linear(num_inputs, frequencies)
        self.num_features = frequencies

    def forward(self, x):
        return self.linear(x).sin()


@pytest.fixture(autouse=True)
def _only_own_parts(monkeypatch):
    for role in registry.ROLES.values():
        for name, part in dict(role.parts).items():
            monkeypatch.setitem(role.parts, name, part)
    yield
    for role in registry.ROLES.values():
        role.parts.pop("periodic", None)


def test_a_part_is_built_from_checked_numbers():
    family = registry.build("family", {"kind": "constant", "min_scale": 1e-3, "std": 1})
    assert (type(family).__name__, family.std) == ("Constant", 1)


def test_every_class_that_the_configuration_names_has_a_name_for_files():
    """A new family or backbone is one line in `mdn.model.network_parts` too."""
    roles = ("family", "backbone", "objective", "optimizer", "regularizer", "schedule", "data")
    paths = {path for role in roles for path in (CONF / role).glob("*.yaml")}
    for path in paths - {CONF / "data" / "synthetic.yaml"}:  # whose problem its variants name
        node = composed(path)
        for each in (node, node.get("problem")):
            if isinstance(each, dict):
                assert "." not in described(each, path.parent.name)["kind"], path


def test_names_are_those_of_the_configuration():
    for role in ("family", "backbone", "objective", "schedule"):
        assert PARTS[role].keys() == {path.stem for path in (CONF / role).glob("*.yaml")}


def test_an_unknown_role_or_a_name_that_is_taken_is_refused():
    with pytest.raises(ValueError, match="role must be one of backbone"):
        registry.register("callback", "x", Periodic)
    with pytest.raises(ValueError, match="backbone 'mlp' is MLP already"):
        registry.register("backbone", "mlp", Periodic)
    registry.register("backbone", "mlp", MLP)


def test_a_missing_setting_is_named():
    with pytest.raises(ValueError, match="data lacks problem"):
        registry.check("data", {"kind": "synthetic", "train_rows": 9})


def test_a_misspelt_setting_is_told_what_it_may_have_meant():
    with pytest.raises(ValueError, match="no setting 'min_scal'; did you mean min_scale"):
        registry.check("family", {"kind": "full", "min_scal": 1e-3})


DESCRIPTIONS = {
    "a value": (Full(0.5), {"kind": "full", "min_scale": 0.5, "factor": "covariance"}),
    "a function": (cosine, {"kind": "cosine", "warmup": 0.05}),
    "some arguments": (partial(cosine, warmup=0.5), {"kind": "cosine", "warmup": 0.5}),
    "no default": (Periodic, {"kind": f"{__name__}.Periodic"}),
    "torch's own defaults": (partial(SGD, lr=1), {"kind": "sgd", "lr": 1}),
}


@pytest.mark.parametrize("case", DESCRIPTIONS)
def test_a_part_is_described_by_what_it_is_made_of(case):
    part, description = DESCRIPTIONS[case]
    assert registry.describe(part) == description


@pytest.mark.parametrize("part", [lambda num_inputs: None, nn.Linear(1, 1), 3, "full"], ids=str)
def test_a_part_that_does_not_tell_how_it_is_made_is_refused(part):
    with pytest.raises(TypeError, match="so that a checkpoint can say how it is made"):
        registry.describe(part)


def test_a_description_is_built_again():
    for part in (Full(0.5), partial(cosine, warmup=0.5), NLLWithCRPS(weight=2.0)):
        description = registry.describe(part)
        role = {"full": "family", "cosine": "schedule", "crps": "objective"}[description["kind"]]
        assert registry.describe(registry.build(role, description)) == description


def test_a_backbone_from_outside_is_read_once_it_is_registered(tmp_path):
    torch.manual_seed(0)
    module = untrained()
    module.network = build_network(partial(Periodic, frequencies=5), 3, 1, 3, module.family)
    module.card.model["backbone"] = {"kind": "periodic", "frequencies": 5}
    path = save(module, tmp_path / "periodic.ckpt")
    with pytest.raises(ValueError, match=r"is 'periodic', which .*mdn\.register\('backbone'"):
        mdn.load(path)
    mdn.register("backbone", "periodic", Periodic)
    x = rows(4)
    torch.testing.assert_close(mdn.load(path)(x).mean, module(x).mean)
