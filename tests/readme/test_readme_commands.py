"""Every command of the documents runs as it is typed, at the sizes that it has by default."""

import shlex

import pytest
from cases import (
    ADDITIONS,
    ALONE,
    DAYS,
    ELSEWHERE,
    EXAMPLES,
    RAW,
    RAW_ELSEWHERE,
    RAW_TOGETHER,
    README,
    RUNS,
    SHORT,
    TOGETHER,
    YOUR_DATA,
)
from checks import started
from documents import EXAMPLES as EXAMPLES_FILE
from documents import README as README_FILE
from documents import RUNS as RUNS_FILE
from documents import TABLES as RAW_FILE
from documents import additions, commands, options

TABLES = {README_FILE: README, EXAMPLES_FILE: EXAMPLES, RAW_FILE: RAW, RUNS_FILE: RUNS}


@pytest.mark.parametrize("document", TABLES, ids=lambda path: path.name)
def test_the_table_has_the_commands_of_the_document(document):
    typed, known = commands(document), list(TABLES[document])
    assert [line for line in typed if line not in known] == [], "add it to cases.py"
    assert [line for line in known if line not in typed] == [], f"no longer in {document.name}"


def test_the_table_has_what_is_added_for_ones_own_data():
    assert additions(README_FILE) == list(ADDITIONS)


def every_case() -> list:
    return [
        pytest.param(
            typed,
            case,
            marks=[pytest.mark.slow] if case.slow else [],
            id=f"{typed[-60:]}-{number}",
        )
        for table in TABLES.values()
        for typed, cases in table.items()
        for number, case in enumerate(cases)
        if not case.not_run
    ]


@pytest.mark.parametrize(("typed", "case"), every_case())
def test_the_command_does_what_it_is_for(typed, case, shell, first_run):
    case.check(shell(case.line(typed, shlex.quote(str(first_run)))), first_run)


@pytest.mark.parametrize("added", ADDITIONS)
def test_ones_own_data_take_what_the_table_adds(added, shell, first_run):
    found = started(shell(f"{YOUR_DATA} {added}{SHORT}"), first_run)
    assert found["epochs"] == 11
    assert found["train_rows"] == (700 if "val_path" in added else 630)


def values(option: str) -> list[str]:
    """An option with each of the values that it is written with."""
    name, equals, value = option.partition("=")
    return [f"{name}{equals}{each}" for each in value.split("|")]


def test_the_tables_have_every_option():
    typed = {value for option in options(README_FILE) for value in values(option)}
    alone = [option for added, _ in ALONE.values() for option in added]
    tried = {*(o for added in TOGETHER.values() for o in added), *alone, *ADDITIONS, *ELSEWHERE}
    tried |= {"model.start_from=k-means", "model.start_from=random"}  # the default, and a demo
    assert typed - tried == set(), "try it in cases.py"
    assert ELSEWHERE.keys() - typed == set(), "no longer in README.md"


@pytest.mark.parametrize("name", TOGETHER)
def test_options_are_taken(name, shell, first_run):
    data = "data=file data.path=sizes.csv " if name == "data" else ""
    found = started(
        shell(f"python scripts/train.py {data}{' '.join(TOGETHER[name])}{SHORT}"), first_run
    )
    assert found["test/nll"] < found["test/marginal_nll"]


@pytest.mark.slow
@pytest.mark.parametrize("name", ALONE)
def test_options_that_take_long_are_taken(name, shell, first_run):
    started(shell(f"python scripts/train.py {' '.join(ALONE[name][0])}{SHORT}"), first_run)


def test_the_tables_have_every_option_of_raw_tables():
    tried = {option for added in RAW_TOGETHER.values() for option in added}
    assert {*options(RAW_FILE)} == tried | {*RAW_ELSEWHERE}


@pytest.mark.parametrize("name", RAW_TOGETHER)
def test_options_of_raw_tables_are_taken(name, shell, first_run):
    found = started(shell(f"{DAYS} {' '.join(RAW_TOGETHER[name])}{SHORT}"), first_run)
    assert found["test/nll"] < found["test/marginal_nll"]
