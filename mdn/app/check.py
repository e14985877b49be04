"""Configuration checks that need none of the heavy imports, so that a typo answers at once.

Hydra refuses a misspelt key by itself. What it lets through is refused here: a key added with a
leading `+` that nothing reads, a word where a number belongs, a value that was never given, and a
`_target_` that is not one of the classes a configuration may name.
"""

import re
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any

from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from mdn.app.errors import UserError
from mdn.app.memory_limits import check_sizes
from mdn.app.node import Node
from mdn.app.rule_kinds import Anything, Flag, Number, Rule
from mdn.app.rules import read_values, rule_of
from mdn.app.signatures import settings
from mdn.app.targets import check_targets

OPEN_NODES = ("callbacks",)
"""Nodes that take entries of any name, each of them something to instantiate."""


def check(config: DictConfig) -> Node:
    """The configuration resolved to plain data.

    Raises:
        UserError: if a key, a value or a target is not what the configuration takes.
    """
    given = checked(resolved(config), _composed_from_groups())
    _check_processes(given)
    return given


def checked(given: Node, groups: DictConfig) -> Node:
    """Plain data in which every key is known and every value is what its key takes.

    Args:
        given: the configuration as it is asked for.
        groups: the same with its choices of groups and none of its values.

    Raises:
        UserError: if a key, a value or a target is not what the configuration takes, or if what
            is asked for is larger than the memory of this machine.
    """
    check_targets(given)
    _check_node(given, _plain(groups), "")
    given = read_values(given)
    check_sizes(given)
    return given


def resolved(config: DictConfig) -> Node:
    """Plain data with every interpolation followed and every mandatory value given."""
    try:
        missing = sorted(OmegaConf.missing_keys(config))
        plain = OmegaConf.to_container(config, resolve=True)
    except OmegaConfBaseException as error:
        key = getattr(error, "full_key", None)
        said = str(error).splitlines()[0]
        raise UserError(
            f"{key}: {said}; for a text that holds ${{...}} type \\${{...}}, in quotes"
        ) from None
    if missing:
        wanted = " ".join(f"{key}=..." for key in missing)
        raise UserError(f"no value for {', '.join(missing)}; add {wanted} to the command")
    assert isinstance(plain, dict)
    return {str(key): value for key, value in plain.items()}


def _composed_from_groups() -> DictConfig:
    """The configuration with this command's choices of groups, and none of its values."""
    hydra = HydraConfig.get()
    loader = GlobalHydra.instance().config_loader()
    choices = group_choices(list(hydra.overrides.task))
    return loader.load_configuration(hydra.job.config_name, choices, RunMode.RUN)


def group_choices(overrides: Sequence[str]) -> list[str]:
    """Those of some overrides that choose from a group."""
    loader = GlobalHydra.instance().config_loader()
    parsed = OverridesParser.create(config_loader=loader).parse_overrides(list(overrides))
    return [
        override.input_line
        for override in parsed
        if override.input_line and loader.get_group_options(override.key_or_group)
    ]


def _plain(config: DictConfig) -> Node:
    values = OmegaConf.masked_copy(config, [str(key) for key in config if key != "hydra"])
    plain = OmegaConf.to_container(values, resolve=False)
    assert isinstance(plain, dict)
    return {str(key): value for key, value in plain.items()}


def _check_node(given: Node, known: Node, path: str) -> None:
    _check_taken(given, known, path)
    for key, value in given.items():
        name = f"{path}{key}"
        if key not in known:
            _check_added(name, key, value, given, known, path)
        elif isinstance(value, dict) and isinstance(known[key], dict):
            _check_node(value, known[key], f"{name}.")
        elif path.rstrip(".") in OPEN_NODES and value is None:
            continue
        else:
            _check_type(name, value, known[key], given)


def _check_taken(given: Node, known: Node, path: str) -> None:
    """Another class need not take the settings of the one that it stands in for."""
    target = given.get("_target_")
    if target is None or known.get("_target_") in (None, target):
        return
    taken = settings(target)
    left = [key for key in given if key[0] != "_" and key not in taken]
    if taken and left:
        away = " ".join(f"~{path}{key}" for key in left)
        raise UserError(f"{target} does not take {', '.join(left)}; add {away} to the command")


def _check_added(name: str, key: str, value: Any, given: Node, known: Node, path: str) -> None:
    if path.rstrip(".") in OPEN_NODES:
        if isinstance(value, dict) and "_target_" in value:
            return _check_node(value, {"_target_": value["_target_"]}, f"{name}.")
        raise UserError(f"{name} must be something to instantiate, got {value!r}; set its _target_")
    taken = _taken_by(given.get("_target_", ""))
    if key in taken:
        return None
    options = sorted({*known, *taken} - {"_target_", "_partial_"})
    close = get_close_matches(key, options, n=1)
    hint = f"did you mean {path}{close[0]}?" if close else f"what there is: {', '.join(options)}"
    raise UserError(f"nothing reads {name}; {hint}")


def _taken_by(target: str) -> frozenset[str]:
    """What a class outside this project takes; one of this project takes what its YAML has."""
    return frozenset() if target.startswith("mdn.") else settings(target)


def _check_type(name: str, value: Any, default: Any, node: Node) -> None:
    _check_not_for_group(name, value, default)
    _check_not_for_node(name, value, default)
    if rule_of(name, str(node.get("_target_", ""))) is None:
        _like(default).read(name, value)


def _like(default: Any) -> Rule:
    """Take the rule of a key without one of its own from its default."""
    if isinstance(default, bool):
        return Flag()
    if isinstance(default, int | float):
        hint = f" (the default is {default})"
        return Number(whole=isinstance(default, int), words=(None,), hint=hint)
    return Anything()


def _check_not_for_group(name: str, value: Any, default: Any) -> None:
    """What repeats a choice of a group, as `${family}` does, is a set of settings."""
    followed = re.fullmatch(r"\$\{(\w+)\}", str(default))
    if followed and not isinstance(value, dict) and _is_group(followed[1]):
        raise UserError(
            f"{name} is what {followed[1]}=... chooses, got {value!r}; set {followed[1]} instead"
        )


def _is_group(name: str) -> bool:
    return bool(GlobalHydra.instance().config_loader().get_group_options(name))


def _check_not_for_node(name: str, value: Any, default: Any) -> None:
    """Where the default is a set of settings, a single value is none."""
    if isinstance(default, dict):
        there = ", ".join(f"{name}.{key}" for key in default if key[0] != "_")
        hint = f"; what there is: {there}" if there else ""
        raise UserError(f"{name} must be a set of settings, got {value!r}{hint}")


def _check_processes(given: Node) -> None:
    trainer = given.get("trainer", {})
    several = trainer.get("devices", 1) not in (1, "1", "auto") or trainer.get("num_nodes", 1) != 1
    if several and HydraConfig.get().mode == RunMode.MULTIRUN:
        raise UserError(
            f"a sweep runs one process a job, got trainer.devices={trainer['devices']}; set "
            "trainer.devices=1, or run the jobs one by one without --multirun"
        )
