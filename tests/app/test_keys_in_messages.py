"""Messages of the library name arguments; commands spell them as keys."""

import ast
import re
import shlex
from pathlib import Path

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from mdn.app.command_line import _one_line
from mdn.app.errors import UserError, readable
from mdn.app.hydra_messages import _known_keys
from mdn.app.keys_in_messages import KEYS, in_keys

PACKAGE = Path(__file__).parents[2] / "mdn"
LIBRARY = [path for path in PACKAGE.rglob("*.py") if path.relative_to(PACKAGE).parts[0] != "app"]


def messages(path):
    """The strings of a file that are no docstrings, with {} for what an f-string inserts."""
    tree = ast.parse(path.read_text())
    alone = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    inner = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr)
             for part in node.values}  # fmt: skip
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield "".join(part.value if isinstance(part, ast.Constant) else "{}"
                          for part in node.values)  # fmt: skip
        elif isinstance(node, ast.Constant) and id(node) not in alone | inner:
            yield str(node.value)


@pytest.mark.parametrize("path", LIBRARY, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_each_argument_that_a_message_names_has_a_key(path):
    named = [name for said in messages(path) for name in re.findall(r"`(\w+)[^`]*`", said)]
    assert {*named} <= {*KEYS}


@pytest.mark.parametrize("path", LIBRARY, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_message_of_the_library_names_a_key(path):
    keys = re.compile("|".join(rf"\b{re.escape(key)}\b" for key in KEYS.values()))
    assert not [said for said in messages(path) if " " in said and keys.search(said)]


def test_keys_are_those_of_the_configuration():
    assert {*KEYS.values()} <= {*_known_keys("train")}


SAID = {
    "leave it out of `targets`": "leave it out of data.targets",
    "set `ensemble_size=3` or more": "set model.ensemble_size=3 or more",
    "`dequantize=True`, and no target": "data.dequantize=true, and no target",
    "columns to learn: `targets=[...]`": "columns to learn: 'data.targets=[...]'",
    "set `time_by=built`": "set data.time_by=built",
    "set `time_by=last sold`": "set 'data.time_by=last sold'",
    "a column named `x` or `no_argument=1`": "a column named `x` or `no_argument=1`",
    "one ` alone": "one ` alone",
}


@pytest.mark.parametrize("message", SAID)
def test_a_command_spells_arguments_as_keys(message):
    assert in_keys(message) == SAID[message]
    assert readable(ValueError(message)) == readable(UserError(message)) == SAID[message]
    assert _one_line(message, UserWarning) == f"warning: {SAID[message]}\n"


def test_a_missing_part_is_named_by_the_key_that_brings_it():
    message = "this one after mdn.register('backbone', 'own.Periodic', part)"
    assert in_keys(message) == "this one after parts.backbone=own.Periodic on the command line"


NAMES = ["price", "last sold", "Body Mass (g)", "a=b [x]"]


def typed(message):
    """What Hydra gets of a setting that is typed as a message has it."""
    (word,) = shlex.split(in_keys(message).removeprefix("set "))
    return OverridesParser.create().parse_override(word).value()


@pytest.mark.parametrize("name", [*NAMES, "größe"])
def test_a_column_can_be_typed_as_a_message_has_it(name):
    assert str(typed(f"set `time_by={name}`")).strip('"') == name


@pytest.mark.parametrize("name", NAMES)
def test_kinds_of_columns_can_be_typed_as_a_message_has_them(name):
    assert typed(f"set `kinds={{{name}: category}}`") == {name: "category"}
