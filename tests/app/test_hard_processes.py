"""Two processes find what one finds, digit by digit."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "train.py"
DATA = ["data=three_gaussians", "data.train_rows=300", "seed=1", "trainer.max_epochs=6"]
SMALL = ["model.num_components=3"]
SEVERAL = ["trainer.devices=2", "+trainer.strategy=ddp", "trainer.accelerator=cpu"]
PROCESSES = {"one": ["data.batch_size=300"], "two": [*SEVERAL, "data.batch_size=150"]}


@pytest.mark.slow(reason="four runs, two of them of two processes")
@pytest.mark.parametrize(("model", "bound"), [("mdn", 4e-8), ("gmm_em", 1e-15)])
def test_two_processes_find_the_likelihood_of_one(model, bound, tmp_path):
    found = []
    for name, settings in PROCESSES.items():
        place = [f"model={model}", f"hydra.run.dir={tmp_path / name}"]
        command = [sys.executable, str(SCRIPT), *place, *DATA, *SMALL, *settings]
        subprocess.run(command, check=True, capture_output=True)
        metrics = json.loads((tmp_path / name / "metrics.json").read_text())
        found.append(metrics["test/nll"])
    assert found[0] == pytest.approx(found[1], rel=0, abs=bound)
