"""Columns are chosen by name, position, pattern or expression."""

import re

import pyarrow as pa
import pytest

from mdn.data.readers.columns import Columns
from mdn.data.roles import Roles, assign_roles

NAMES = ["id", "temp_1", "temp_2", "temp*", "city", "y", "w"]
COLUMNS = Columns("a.csv", pa.table({name: pa.nulls(0) for name in NAMES}), str)


def roles(targets="y", inputs=None, weight=None, exclude=()):
    return assign_roles(COLUMNS, targets, inputs, weight, exclude)


CHOICES = {
    "all the rest": ({}, ["id", "temp_1", "temp_2", "temp*", "city", "w"]),
    "but weights": ({"weight": "w"}, ["id", "temp_1", "temp_2", "temp*", "city"]),
    "but some": ({"exclude": ["id", -1]}, ["temp_1", "temp_2", "temp*", "city"]),
    "but a pattern": ({"exclude": "temp_?"}, ["id", "temp*", "city", "w"]),
    "but an expression": ({"exclude": r"re:temp_\d|w"}, ["id", "temp*", "city"]),
    "a pattern": ({"inputs": "temp_*"}, ["temp_1", "temp_2"]),
    "a name that looks like a pattern": ({"inputs": "temp*"}, ["temp*"]),
    "an expression": ({"inputs": r"re:.*_\d"}, ["temp_1", "temp_2"]),
    "names, positions and patterns": (
        {"inputs": ["city", 0, "temp_*"]},
        ["city", "id", "temp_1", "temp_2"],
    ),
    "a pattern that meets the target": ({"inputs": "*"}, [n for n in NAMES if n != "y"]),
    "patterns that meet": ({"inputs": ["temp_*", "*_1"]}, ["temp_1", "temp_2"]),
    "a pattern without some": ({"inputs": "temp_*", "exclude": "temp_2"}, ["temp_1"]),
    "none": ({"inputs": []}, []),
}


@pytest.mark.parametrize("case", CHOICES)
def test_choices(case):
    settings, wanted = CHOICES[case]
    assert roles(**settings).inputs == wanted


def test_targets_by_pattern():
    assert roles(["temp_*", "y"]) == Roles(
        ["id", "temp*", "city", "w"], ["temp_1", "temp_2", "y"], None
    )


def test_inputs_that_are_named_one_by_one_are_wanted():
    assert roles(inputs=["id", 4, "temp_*"]).wanted == {"id", "city"}


def test_all_that_is_not_there_is_named():
    with pytest.raises(ValueError, match="no column") as caught:
        roles(["yy", "y"], ["citty", "qqq*"], exclude="re:nothing")
    said = str(caught.value).splitlines()
    found = [re.findall(r"'([^']+)'", line.partition("; it has")[0]) for line in said]
    assert found == [["yy", "y"], ["citty", "city", "qqq*"], ["re:nothing"]]
