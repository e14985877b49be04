"""One sentence for a command line that Hydra cannot compose.

Hydra answers a typo with advice that does not hold here.
"""

import re
from difflib import get_close_matches
from pathlib import Path

import yaml
from omegaconf import OmegaConf

from mdn.app.config_groups import group_names, no_such_choice
from mdn.app.paths import CONF

_UNKNOWN_KEY = re.compile(r"^Could not override '([^']*)'")
_UNKNOWN_CHOICE = re.compile(r"Could not find '([^'/]*)/([^']*)'")
_GRAMMAR = "override_grammar"
"""Part of Hydra's advice on its grammar."""

_GROUPS = {"evaluate": ["data"], "predict": [], "export": []}
"""Config groups of the commands that do not have all of them."""


def composing_message(command: str, error: Exception) -> str:
    """Say in one sentence what is wrong with a configuration.

    Args:
        command: name of the command, and of its file in `conf/`.
        error: raised by composing the configuration.
    """
    message = str(error).strip()
    key, choice = _UNKNOWN_KEY.search(message), _UNKNOWN_CHOICE.search(message)
    if key:
        return _unknown_key(command, key[1])
    if choice and choice[1] in group_names():
        return no_such_choice(choice[1], choice[2])
    first = message.splitlines()[0] if message else type(error).__name__
    if _GRAMMAR in message:
        argument = re.sub(r"^(\w*Exception: |Error parsing override )", "", first)
        return (
            f"{argument} cannot be read as key=value; put values with spaces or other signs in "
            "quotes inside of quotes: 'key=\"value\"'"
        )
    return first


def _unknown_key(command: str, key: str) -> str:
    known = _known_keys(command)
    if key in known:
        return _key_elsewhere(key, known)
    same_end = [each for each in known if each.rpartition(".")[2] == key.rpartition(".")[2]]
    close = same_end or get_close_matches(key, known, n=1)
    siblings = [each for each in known if each.rpartition(".")[0] == key.rpartition(".")[0]]
    listed = ", ".join(sorted(siblings or {each.partition(".")[0] for each in known}))
    hint = f"did you mean {close[0]}?" if close else f"what there is: {listed}"
    return f"nothing reads {key}; {hint}"


def _key_elsewhere(key: str, known: dict[str, list[str]]) -> str:
    inner = [each for each in known if each.startswith(f"{key}.")]
    if inner:
        return f"{key} must be a set of settings; what there is: {', '.join(inner)}"
    return f"nothing reads {key} here; it belongs to {' or '.join(known[key])}"


def _known_keys(command: str) -> dict[str, list[str]]:
    # Dotted keys, each with the choices of groups that bring it.
    keys: dict[str, list[str]] = {key: [] for key in _dotted(_settings(CONF / f"{command}.yaml"))}
    groups = [group for group in group_names() if group in _GROUPS.get(command, group_names())]
    keys |= {group: [] for group in groups}
    for path in (path for group in groups for path in sorted((CONF / group).glob("*.yaml"))):
        prefix = "" if "@package _global_" in path.read_text() else f"{path.parent.name}."
        for key in _dotted(_settings(path), prefix):
            keys.setdefault(key, []).append(f"{path.parent.name}={path.stem}")
    return keys


def _settings(path: Path) -> object:
    """Return the settings of a file, after those that it inherits from files beside it."""
    node = yaml.safe_load(path.read_text()) or {}
    names = [each for each in node.get("defaults", []) if isinstance(each, str)]
    beside = [path.with_name(f"{name}.yaml") for name in names]
    inherited = [_settings(base) for base in beside if base.exists()]
    own = {key: value for key, value in node.items() if key not in ("defaults", "hydra")}
    return OmegaConf.to_container(OmegaConf.merge(*inherited, own))


def _dotted(node: object, path: str = "") -> list[str]:
    if not isinstance(node, dict):
        return []
    keys = [(f"{path}{key}", value) for key, value in node.items() if str(key)[0] != "_"]
    return [each for key, value in keys for each in (key, *_dotted(value, f"{key}."))]
