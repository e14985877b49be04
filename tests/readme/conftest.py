"""One folder and one run that all commands of the documents share."""

from collections.abc import Callable
from pathlib import Path

import pytest
from cases import FIRST
from workplace import Outcome, furnish, run


@pytest.fixture(scope="session")
def folder(tmp_path_factory) -> Path:
    return furnish(tmp_path_factory.mktemp("clone"))


@pytest.fixture(scope="session")
def shell(folder) -> Callable[[str], Outcome]:
    """Run a line in the folder; the same line again gives what it gave."""
    outcomes: dict[str, Outcome] = {}

    def once(line: str) -> Outcome:
        if line not in outcomes:
            outcomes[line] = run(line, folder)
        return outcomes[line]

    return once


@pytest.fixture(scope="session")
def first_run(shell) -> Path:
    """The directory of the run that the first command of the README begins."""
    typed, case = FIRST
    return shell(case.line(typed, "")).run_dir
