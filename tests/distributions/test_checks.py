"""Sizes are held against the memory of the machine before anything of that size is made."""

import math

import pytest

from mdn.distributions import checks
from mdn.distributions.checks import available_memory, check_fits, readable_bytes


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A machine that says of its memory what a test writes into these files."""
    monkeypatch.setattr(checks, "_MEMINFO", tmp_path / "meminfo")
    monkeypatch.setattr(checks, "_GROUP_LIMITS", (tmp_path / "v2", tmp_path / "v1"))
    return tmp_path


def test_what_is_left_on_linux_counts(machine):
    (machine / "meminfo").write_text("MemTotal: 9000 kB\nMemAvailable: 4000 kB\nSwapFree: 96 kB\n")
    assert available_memory() == 4096 * 1024
    (machine / "v2").write_text("max\n")
    (machine / "v1").write_text("1000\n")
    assert available_memory() == 1000


def test_without_that_all_there_is_counts_and_unknown_is_endless(machine, monkeypatch):
    pages = {"SC_PHYS_PAGES": 100, "SC_PAGE_SIZE": 4096}
    monkeypatch.setattr(checks.os, "sysconf", pages.__getitem__, raising=False)
    assert available_memory() == 409600
    monkeypatch.delattr(checks.os, "sysconf")
    assert available_memory() == math.inf
    check_fits(1e30, "a table of data.train_rows=1e28")


def test_what_cannot_fit_is_refused_with_its_size(machine):
    (machine / "meminfo").write_text("MemAvailable: 1000000 kB\n")
    check_fits(1.02e9, "a table")
    with pytest.raises(ValueError, match=r"^a table would take 4 TB of memory, .* 1\.02 GB left"):
        check_fits(4e12, "a table")


@pytest.mark.parametrize(
    ("size", "said"), [(0, "0 bytes"), (999, "999 bytes"), (1e3, "1 kB"), (4.5e10, "45 GB")]
)
def test_sizes_are_readable(size, said):
    assert readable_bytes(size) == said


def test_sizes_beyond_all_units_are_readable():
    assert readable_bytes(10**400) == "1e+285 PB"
