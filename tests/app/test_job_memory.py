"""A sweep holds no more after its last job than after its first ones."""

import atexit
import gc
import logging
import os
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest
from hydra.core.utils import JobReturn
from lightning.pytorch import LightningModule, Trainer
from omegaconf import DictConfig

from mdn.app import job_memory

SMALL = [
    *("data.train_rows=60", "data.val_rows=20", "data.test_rows=20", "trainer.max_epochs=1"),
    *("backbone.width=4", "backbone.depth=1", "model.ensemble_size=1", "model.num_components=2"),
]


def held():
    """Count what a process may hold, by its name."""
    loggers = [logging.getLogger(), *logging.Logger.manager.loggerDict.values()]
    children = Path(f"/proc/self/task/{os.getpid()}/children")
    kinds = (Trainer, LightningModule, DictConfig)
    alive = [each for each in gc.get_objects() if issubclass(type(each), kinds)]
    return {
        "files": len(os.listdir("/proc/self/fd")),
        "threads": threading.active_count(),
        "processes": len(children.read_text().split()) if children.exists() else 0,
        "handlers": sum(len(each.handlers) for each in loggers if hasattr(each, "handlers")),
        "calls at exit": atexit._ncallbacks(),
        "temporary files": len(os.listdir(tempfile.gettempdir())),
        **{kind.__name__: sum(isinstance(each, kind) for each in alive) for kind in kinds},
    }


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="open files are counted on Linux")
def test_a_job_of_a_sweep_leaves_nothing_behind(script, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    counts, release = [], job_memory.release_memory
    gc.collect()
    before = held()["Trainer"]  # tests before this one may hold some

    def counted(job_return: JobReturn):
        release(job_return)
        counts.append(held())

    monkeypatch.setattr(job_memory, "release_memory", counted)
    status, _, said = script("train", "--multirun", "seed=range(0,4)", *SMALL)
    gc.unfreeze()
    assert status == 0, said
    assert len(counts) == 4
    assert counts[3] == counts[1]
    assert counts[3]["Trainer"] <= before


def test_hydra_keeps_the_answer_of_a_job_and_not_its_configuration():
    job_return = JobReturn(overrides=["seed=1"], cfg=DictConfig({}), hydra_cfg=DictConfig({}))
    job_memory.release_memory(job_return)
    gc.unfreeze()
    assert job_return.cfg is job_return.hydra_cfg is None
    assert list(job_return.overrides or []) == ["seed=1"]


PROBE = """
import runpy, sys
from mdn.app import job_memory
release = job_memory.release_memory
def told(job_return):
    release(job_return)
    lines = open("/proc/self/status").read().splitlines()
    print(*[line for line in lines if "VmRSS" in line], file=sys.stderr)
job_memory.release_memory = told
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@pytest.mark.slow(reason="a sweep of 100 jobs in a process of its own")
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read on Linux")
def test_a_hundred_jobs_take_little_more_memory_than_the_first_ones(tmp_path):
    train = Path(__file__).parents[2] / "scripts" / "train.py"
    code = f"import sys\nsys.argv[0] = {str(train)!r}\n{PROBE}"
    jobs = subprocess.run(
        [sys.executable, "-c", code, "--multirun", "seed=range(0,100)", *SMALL],
        **{"cwd": tmp_path, "capture_output": True, "text": True, "check": True},
    )
    lines = [line for line in jobs.stderr.splitlines() if "VmRSS" in line]
    mebibytes = [int(line.split()[1]) / 1024 for line in lines]
    assert len(mebibytes) == 100
    assert max(mebibytes) - mebibytes[1] < 50
