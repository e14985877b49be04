"""Every command of the documents runs as it is typed, at the sizes that it has by default."""

import shlex

import pytest
from cases import ADDITIONS, EXAMPLES, README, SHORT, YOUR_DATA
from checks import started
from documents import EXAMPLES as EXAMPLES_FILE
from documents import README as README_FILE
from documents import additions, commands

TABLES = {README_FILE: README, EXAMPLES_FILE: EXAMPLES}


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
    assert found["train_rows"] == (600 if "val_path" in added else 480)
