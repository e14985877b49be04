"""What all tests share: a seed, a device, and each covariance family in turn."""

import os
import runpy
import sys

# The matrices of tests are small: on one thread they are multiplied sooner. Before torch and NumPy.
os.environ.setdefault("OMP_NUM_THREADS", "1")

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from family_list import FAMILIES, random_raw

from mdn.distributions.families import Family
from mdn.distributions.mixture import GaussianMixture

SCRIPTS = Path(__file__).parents[1] / "scripts"

torch.set_num_threads(1)


def pytest_addoption(parser):
    parser.addoption("--device", default="cpu", help="where tests of the numeric core run")
    parser.addoption(
        "--repeats", type=int, default=3, help="how often slow tests kill, stop or spoil something"
    )


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


@pytest.fixture
def device(request) -> torch.device:
    return torch.device(request.config.getoption("--device"))


@pytest.fixture
def repeats(request) -> int:
    return request.config.getoption("--repeats")


@pytest.fixture(params=FAMILIES)
def family_name(request) -> str:
    return request.param


@pytest.fixture
def family(family_name) -> Family:
    return FAMILIES[family_name]


@pytest.fixture
def make_mixture(family) -> Callable[..., GaussianMixture]:
    """A random mixture of the family: `make_mixture(*batch, components=K, targets=D)`."""

    def make(*batch: int, components: int = 3, targets: int = 2) -> GaussianMixture:
        raw = random_raw(family, *batch, components=components, targets=targets)
        log_pi = torch.randn(*batch, components, dtype=torch.float64).log_softmax(-1)
        mu = torch.randn(*batch, components, targets, dtype=torch.float64)
        return GaussianMixture(log_pi, mu, family.scale(raw, targets))

    return make


@pytest.fixture
def script(tmp_path, monkeypatch, capfd) -> Callable[..., tuple[int | str | None, str, str]]:
    """Run a script in an empty folder: `script("train", *overrides)` gives status, out and err."""
    monkeypatch.chdir(tmp_path)

    def run(name: str, *overrides: str) -> tuple[int | str | None, str, str]:
        monkeypatch.setattr(sys, "argv", [f"{name}.py", *overrides])
        capfd.readouterr()
        try:
            runpy.run_path(str(SCRIPTS / f"{name}.py"), run_name="__main__")
            status = 0
        except SystemExit as exit_:
            status = exit_.code
        return status, *capfd.readouterr()

    return run
