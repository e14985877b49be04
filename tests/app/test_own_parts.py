"""Classes of a user's own, named for a checkpoint that was trained with them."""

import pytest

from mdn.app.errors import UserError
from mdn.app.own_parts import register_own_parts
from mdn.model.registry import ROLES


@pytest.fixture(autouse=True)
def _module_of_a_user(tmp_path, monkeypatch):
    (tmp_path / "own_waves.py").write_text("class Waves: ...\ndef waves(): ...\n")
    monkeypatch.syspath_prepend(tmp_path)


@pytest.fixture
def backbones():
    """What checkpoints may name as a backbone; restored afterwards."""
    parts = ROLES["backbone"].parts
    before = dict(parts)
    yield parts
    parts.clear()
    parts.update(before)


def test_a_named_class_is_registered_under_its_path(backbones):
    register_own_parts({"backbone": "own_waves.Waves", "family": None})
    assert backbones["own_waves.Waves"].__name__ == "Waves"


@pytest.mark.parametrize("path", ["own_waves.Missing", "subprocess.Popen", "x"])
def test_other_paths_are_refused(backbones, path):
    with pytest.raises(UserError, match=r"parts\.backbone must be a class or a func"):
        register_own_parts({"backbone": path})
    assert path not in backbones
