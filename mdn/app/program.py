"""A command line from its first line on: what goes wrong outside of a job is one sentence too.

Hydra composes the configuration and makes the directory before a command begins. To a typo it
answers with advice that does not hold here, to a directory that cannot be made with a traceback.
"""

import re
import sys
import warnings
from collections.abc import Callable
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NoReturn

import yaml
from hydra.errors import HydraException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from mdn.app.arguments import in_keys
from mdn.app.choices import check_choices, group_names, no_such_choice
from mdn.app.errors import full_error, readable, wants_traceback
from mdn.app.places import CONF

_UNKNOWN = re.compile(r"^Could not override '([^']*)'")
_CHOICE = re.compile(r"Could not find '([^'/]*)/([^']*)'")
_GRAMMAR = "override_grammar"
"""What Hydra's advice on its grammar holds."""

_GROUPS = {"evaluate": ["data"], "predict": [], "export": []}
"""Groups of commands that have not all of them."""


def program(name: str, main: Callable[[], Any]) -> None:
    """Run a command; a mistake in its command line ends in one sentence and exit status 1.

    Args:
        name: of the command, and of its file in `conf/`.
        main: what Hydra has made of it.
    """
    warnings.formatwarning = _in_a_line
    check_choices(sys.argv[1:])
    if wants_traceback():
        main()
        return
    try:
        with full_error("1"):  # Hydra raises then, and leaves what is said to us
            main()
    except (HydraException, OmegaConfBaseException) as error:
        fail(sentence(name, error))
    except OSError as error:
        fail(f"the directory of the run cannot be made: {readable(error)}; set hydra.run.dir")


def _in_a_line(message: Warning | str, category: type[Warning], *_: Any, **__: Any) -> str:
    """Write a warning without the place in the code, which no user of a command looks for."""
    kind = "" if category is UserWarning else f" ({category.__name__})"
    return f"warning{kind}: {in_keys(str(message))}\n"


def fail(message: str) -> NoReturn:
    """End the program with a message and status 1."""
    print(f"error: {message}", file=sys.stderr)
    sys.exit(1)


def sentence(name: str, error: Exception) -> str:
    """Say what is wrong with a configuration, in one sentence where Hydra has several.

    Args:
        name: of the command.
        error: what composing it has raised.
    """
    said = str(error).strip()
    unknown, choice = _UNKNOWN.search(said), _CHOICE.search(said)
    if unknown:
        return _nothing_reads(name, unknown[1])
    if choice and choice[1] in group_names():
        return no_such_choice(choice[1], choice[2])
    first = said.splitlines()[0] if said else type(error).__name__
    if _GRAMMAR in said:
        argument = re.sub(r"^(\w*Exception: |Error parsing override )", "", first)
        return (
            f"{argument} cannot be read as key=value; put values with spaces or other signs in "
            "quotes inside of quotes: 'key=\"value\"'"
        )
    return first


def _nothing_reads(name: str, key: str) -> str:
    there = _keys(name)
    if key in there:
        return _elsewhere(key, there)
    same_end = [each for each in there if each.rpartition(".")[2] == key.rpartition(".")[2]]
    close = same_end or get_close_matches(key, there, n=1)
    beside = [each for each in there if each.rpartition(".")[0] == key.rpartition(".")[0]]
    known = ", ".join(sorted(beside or {each.partition(".")[0] for each in there}))
    hint = f"did you mean {close[0]}?" if close else f"what there is: {known}"
    return f"nothing reads {key}; {hint}"


def _elsewhere(key: str, there: dict[str, list[str]]) -> str:
    """Answer to a key that is a set of settings, or belongs to a choice not made."""
    inner = [each for each in there if each.startswith(f"{key}.")]
    if inner:
        return f"{key} must be a set of settings; what there is: {', '.join(inner)}"
    return f"nothing reads {key} here; it belongs to {' or '.join(there[key])}"


def _keys(name: str) -> dict[str, list[str]]:
    """Dotted keys that a command takes, and the choices of groups that bring them."""
    keys: dict[str, list[str]] = {key: [] for key in _flat(_loaded(CONF / f"{name}.yaml"))}
    groups = [group for group in group_names() if group in _GROUPS.get(name, group_names())]
    keys |= {group: [] for group in groups}
    for path in (path for group in groups for path in sorted((CONF / group).glob("*.yaml"))):
        prefix = "" if "@package _global_" in path.read_text() else f"{path.parent.name}."
        for key in _flat(_loaded(path), prefix):
            keys.setdefault(key, []).append(f"{path.parent.name}={path.stem}")
    return keys


def _loaded(path: Path) -> dict[str, Any]:
    """What a file holds, after what it inherits from files beside it."""
    node: dict[str, Any] = yaml.safe_load(path.read_text()) or {}
    names = [each for each in node.get("defaults", []) if isinstance(each, str)]
    beside = [path.with_name(f"{name}.yaml") for name in names]
    inherited = [_loaded(base) for base in beside if base.exists()]
    ours = {key: value for key, value in node.items() if key not in ("defaults", "hydra")}
    merged = OmegaConf.to_container(OmegaConf.merge(*inherited, ours))
    assert isinstance(merged, dict)
    return {str(key): value for key, value in merged.items()}


def _flat(node: Any, path: str = "") -> list[str]:
    if not isinstance(node, dict):
        return []
    keys = [(f"{path}{key}", value) for key, value in node.items() if str(key)[0] != "_"]
    return [each for key, value in keys for each in (key, *_flat(value, f"{key}."))]
