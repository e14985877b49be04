"""Settings in a stranger's checkpoint run nothing, read nothing and write nothing."""

import pathlib
from pathlib import Path

import pytest
import torch
from checkpoints import stored, untrained

from mdn.model.checkpoint import OVERRIDES, write_checkpoint


class Payload:
    """Makes a file where somebody unpickles it."""

    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return pathlib.Path.touch, (self.marker,)


@pytest.fixture(scope="module")
def good():
    torch.manual_seed(0)
    return stored(untrained())


HOSTILE = {
    "code": ["+callbacks.x._target_=torch.load", "+callbacks.x.f=evil.bin"],
    "code of ours": ["+callbacks.x._target_=mdn.training.callbacks.fit_frames.FitFrames"],
    "a backbone": ["backbone._target_=evil.Evil"],
    "a callback of Hydra": ["+hydra.callbacks.x._target_=torch.load"],
    "a directory of configurations": ["hydra.searchpath=[file:///tmp]", "backbone=evil"],
    "a sweep": ["seed=1,2"],
    "the environment": ["backbone.activation=${oc.env:HOME}"],
    "a place": ["callbacks.best_checkpoint.dirpath=/root"],
    "a run": ["run_dir=/root"],
    "a flag": ["--config-path=/tmp"],
    "text that is no override": ["=", "seed=[", "seed=" + "[" * 5000],
    "a number that Python does not read": ["seed=1" + "0" * 5000],
    "a number beyond all floats": ["seed=1" + "0" * 400],
    "processes": ["trainer.devices=1000000"],
    "other machines": ["+trainer.num_nodes=2"],
}


@pytest.mark.parametrize("case", HOSTILE)
def test_they_are_refused_in_one_sentence(run, good, case, tmp_path):
    torch.save(Payload(tmp_path / "marker"), tmp_path / "evil.bin")
    Path("evil.py").write_text("import pathlib; pathlib.Path('marker').touch()")
    path = tmp_path / "hostile.ckpt"
    write_checkpoint({**good, OVERRIDES: ["seed=1", *HOSTILE[case]]}, path)
    before = set(tmp_path.rglob("*"))
    status, said = run("train", f"ckpt_path={path}")
    assert status == 1
    assert said.startswith("error: ")
    assert "does not bring all settings of its run: " in said or "cannot be read" in said
    assert len(said.splitlines()) == 1
    assert set(tmp_path.rglob("*")) == before
