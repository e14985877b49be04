"""What a `_target_` may name: parts of this project, and a user's own classes."""

import pytest

from mdn.app.errors import UserError
from mdn.app.targets import check_targets, is_allowed

MODULE = """
import os

class Periodic:
    def __init__(self, num_inputs, width=64): ...

def periodic(num_inputs): ...
"""


@pytest.fixture(autouse=True)
def _module_of_a_user(tmp_path, monkeypatch):
    (tmp_path / "own_parts.py").write_text(MODULE)
    package = tmp_path / "own_package" / "inner"
    package.mkdir(parents=True)
    for folder in (package.parent, package):
        (folder / "__init__.py").touch()
    (package / "parts.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)


@pytest.mark.parametrize("module", ["own_parts", "own_package.inner.parts"])
def test_a_class_or_a_function_of_ones_own_is_allowed(module):
    assert is_allowed(f"{module}.Periodic")
    assert is_allowed(f"{module}.periodic")


@pytest.mark.parametrize(
    "target",
    [
        "own_parts.os.system",
        "own_parts.Missing",
        "missing_module.Periodic",
        "subprocess.Popen",
        "os.system",
        "torch.nn.Linear",
        "mdn.app.log.RunLog",
    ],
)
def test_other_targets_are_refused(target):
    with pytest.raises(UserError, match=r"backbone\._target_ must name a class of .*; got"):
        check_targets({"backbone": {"_target_": target}})
