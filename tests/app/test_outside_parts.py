"""A part of one's own: a class on the path, and a file of a few lines in a folder of one's own."""

import sys

import pytest

import mdn
from mdn.model import registry

CODE = """
from torch import nn

class Periodic(nn.Module):
    def __init__(self, num_inputs: int, frequencies: int = 8) -> None:
        super().__init__()
        self.linear = nn.Linear(num_inputs, frequencies)
        self.num_features = frequencies

    def forward(self, x):
        return self.linear(x).sin()
"""
YAML = """
_target_: own_parts.Periodic
frequencies: 6
"""
SMALL = ["data=jumps", "data.train_rows=64", "data.val_rows=32", "data.test_rows=32"]
QUICK = [*SMALL, "trainer.max_epochs=1", "model.ensemble_size=2", "hydra.run.dir=run"]


@pytest.fixture
def run(tmp_path, monkeypatch, script):
    (tmp_path / "own_parts.py").write_text(CODE)
    (tmp_path / "own" / "backbone").mkdir(parents=True)
    (tmp_path / "own" / "backbone" / "periodic.yaml").write_text(YAML)
    monkeypatch.syspath_prepend(tmp_path)
    yield lambda *overrides: script("train", "--config-dir", str(tmp_path / "own"), *overrides)
    sys.modules.pop("own_parts", None)
    registry.ROLES["backbone"].parts.pop("own_parts.Periodic", None)


def test_a_backbone_of_ones_own_is_named_by_a_file_of_two_lines(run):
    status, out, err = run(*QUICK, "backbone=periodic", "backbone.frequencies=5")
    assert status == 0, out + err
    part = registry.ROLES["backbone"].parts.pop("own_parts.Periodic")
    with pytest.raises(ValueError, match=r"mdn\.register\('backbone', 'own_parts\.Periodic', part"):
        mdn.load("run/checkpoints/best.ckpt")
    mdn.register("backbone", "own_parts.Periodic", part)
    model = mdn.load("run/checkpoints/best.ckpt")
    assert model.card.model["backbone"] == {"kind": "own_parts.Periodic", "frequencies": 5}


MISTAKES = {
    "backbone._target_=own_parts.Periodical": "or one in a module of your own, on PYTHONPATH",
    "backbone._target_=os.system": "backbone._target_ must name a class of mdn.",
    "backbone.frequencies=many": "backbone.frequencies must be a number, got 'many'",
    "backbone.frequency=7": "nothing reads backbone.frequency",
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_with_it_is_one_message(run, mistake):
    status, out, err = run(*QUICK, "backbone=periodic", mistake)
    assert status != 0
    assert MISTAKES[mistake] in f"{status}{out}{err}"
