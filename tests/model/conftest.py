"""A healthy checkpoint, and copies of it after an edit."""

import copy

import pytest
import torch
from checkpoints import stored, untrained

from mdn.model.checkpoint import CARD, write_checkpoint


@pytest.fixture(scope="module")
def good():
    """What a healthy checkpoint of a default-shaped ensemble holds."""
    torch.manual_seed(0)
    module = untrained("model.ensemble_size=3")
    data = {
        "kind": "synthetic",
        "problem": {"kind": "two_branches"},
        **{"train_rows": 9, "val_rows": 9, "test_rows": 9, "batch_size": 3, "seed": 0},
    }
    state = {"epoch": 3, "global_step": 9, "loops": {}, "callbacks": {}}
    state |= {"optimizer_states": [], "lr_schedulers": []}
    checkpoint = stored(module)
    checkpoint[CARD]["data"] = data
    return checkpoint | state


@pytest.fixture
def hostile(good, tmp_path):
    """The path of a sealed copy of the good checkpoint after an edit."""

    def write(edit):
        checkpoint = copy.deepcopy(good)
        edit(checkpoint)
        path = tmp_path / "hostile.ckpt"
        write_checkpoint(checkpoint, path)
        return path

    return write
