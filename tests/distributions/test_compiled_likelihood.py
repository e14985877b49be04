"""The closed form when it is compiled: the same values, with or without a compiler."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from family_list import FAMILIES


def run_compiled(*arguments: str, **environment: str) -> dict:
    """What `compiled_likelihood.py` found: run-time type checks stop the compiler, so not here."""
    script = Path(__file__).with_name("compiled_likelihood.py")
    done = subprocess.run(
        [sys.executable, str(script), *arguments],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)} | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


needs_compiler = pytest.mark.skipif(shutil.which("g++") is None, reason="needs a C++ compiler")


@needs_compiler
def test_compiled_it_is_the_same_for_any_number_of_rows():
    found = run_compiled("2", "full")
    assert found == {"graphs": 4, "warnings": []}


@pytest.mark.slow
@needs_compiler
@pytest.mark.parametrize("targets", ["1", "4"])
def test_compiled_it_is_the_same_for_every_family(targets):
    assert run_compiled(targets, *FAMILIES)["warnings"] == []


def test_without_a_compiler_it_runs_as_written_and_says_so_once(tmp_path):
    found = run_compiled(
        "2", "full", CXX=str(tmp_path / "none"), TORCHINDUCTOR_CACHE_DIR=str(tmp_path)
    )
    (warning,) = found["warnings"]
    assert warning.startswith("likelihoods run uncompiled, for there is no compiler that works")
