"""The parts of one's own that docs/design.md shows: each is a class and a YAML file, and trains."""

import json
import re
import sys
from pathlib import Path

import pytest
from cases import SHORT
from documents import ROOT, code
from workplace import read

DESIGN = ROOT / "docs" / "design.md"
TEXT = DESIGN.read_text(encoding="utf-8")

COMMANDS = re.findall(r"^ {4}PYTHONPATH=\. (python .*--config-dir mine .*)$", TEXT, re.MULTILINE)

LOAD = """
import sys
import mdn
from {module} import {name}

path = sys.argv[1] + "/checkpoints/best.ckpt"
try:
    mdn.load(path)
except ValueError as error:
    assert "{module}.{name}" in str(error) and "register" in str(error), error
else:
    raise SystemExit("loaded without its part")
mdn.register("{role}", "{module}.{name}", {name})
mdn.load(path).predict([[0.5]]).std
"""


@pytest.fixture(scope="module")
def project(folder):
    """The folder of the commands, with the files that the document shows."""
    yaml = re.findall(r"^```yaml\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
    for block in code(DESIGN) + yaml:
        named = re.match(r"# (\S+\.(?:py|yaml))\n", block)
        if named:
            path = folder / named[1]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block, encoding="utf-8")
    return folder


@pytest.fixture
def trained(project, shell):
    """Run a command of the document, shortened; return the directory of the run."""

    def run(command: str) -> Path:
        name = command.split("=")[-1]
        shell(f"PYTHONPATH=$PYTHONPATH:. {command}{SHORT} hydra.run.dir={name}")
        return project / name

    return run


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.split("mine ")[1])
def test_a_part_of_ones_own_trains(command, trained):
    found = json.loads((trained(command) / "metrics.json").read_text())
    assert found["test/nll"] < found["test/marginal_nll"]


@pytest.mark.parametrize(
    ("role", "module", "name"),
    [("backbone", "periodic", "Periodic"), ("family", "low_rank", "LowRank")],
)
def test_a_checkpoint_loads_once_its_part_is_registered(
    role, module, name, trained, project, shell
):
    run = trained(next(each for each in COMMANDS if f"{role}={module}" in each))
    (project / f"load_{module}.py").write_text(LOAD.format(role=role, module=module, name=name))
    shell(f"PYTHONPATH=$PYTHONPATH:. {sys.executable} load_{module}.py {run}")
    ckpt = f"ckpt={run}/checkpoints/best.ckpt parts.{role}={module}.{name}"
    shell(
        f"PYTHONPATH=$PYTHONPATH:. python scripts/predict.py {ckpt} data.path=other.csv "
        f"out={module}.csv"
    )
    assert {len(column) for column in read(project / f"{module}.csv").values()} == {200}
