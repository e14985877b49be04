"""Configuration checks that need none of the heavy imports, so that a typo answers at once.

Hydra refuses a misspelt key by itself. What it lets through is refused here: a key added with a
leading `+` that nothing reads, a word where a number belongs, a value that was never given, and a
`_target_` that is not one of the classes a configuration may name.
"""

import re
from collections.abc import Sequence
from difflib import get_close_matches

from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from mdn.app.errors import UserError
from mdn.app.memory_limits import check_sizes
from mdn.app.node import Node
from mdn.app.rule_kinds import Flag, Number, Rule
from mdn.app.rules import rule_of
from mdn.app.targets import check_target, settings

OPEN_NODES = ("callbacks",)
"""Nodes that take entries of any name, each of them something to instantiate."""


def check(config: DictConfig) -> Node:
    """The configuration resolved to plain data.

    Raises:
        UserError: if a key, a value or a target is not what the configuration takes.
    """
    given = resolved(config)
    _check_processes(given)
    return checked(given, _composed_from_groups())


def checked(given: Node, groups: DictConfig) -> Node:
    """Plain data in which every key is known and every value is what its key takes.

    Args:
        given: the configuration as it is asked for.
        groups: the same with its choices of groups and none of its values.

    Raises:
        UserError: if a key, a value or a target is not what the configuration takes, or if what
            is asked for is larger than the memory of this machine.
    """
    read = read_node(given, _plain(groups))
    check_sizes(read)
    return read


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


def read_node(given: Node, known: Node | None = None, path: str = "") -> Node:
    """Return a node as the rules of its keys read it, and everything below it.

    Args:
        given: the settings as they are asked for.
        known: what the groups have in its place; None where they have nothing.
        path: of the node, with a dot at its end.

    Raises:
        UserError: at the first key, value or target that the configuration does not take.
    """
    target = str(given.get("_target_", ""))
    if "_target_" in given:
        check_target(target, path)
    if known is not None:
        _check_taken(target, given, known, path)
    read: Node = {}
    for key, value in given.items():
        default = None if known is None else _default(key, given, known, path)
        read[key] = _read(f"{path}{key}", value, default, target)
    return read


def _read(name: str, value: object, default: object, target: str) -> object:
    rule = rule_of(name, target) or _like(default)
    if rule is not None:
        return rule.read(name, value)
    if isinstance(value, dict):
        return read_node(value, default if isinstance(default, dict) else None, f"{name}.")
    if isinstance(value, list):
        return [_read(f"{name}.{i}", each, None, "") for i, each in enumerate(value)]
    return value


def _like(default: object) -> Rule | None:
    """Take the rule of a key without one of its own from its default."""
    if isinstance(default, bool):
        return Flag()
    if isinstance(default, int | float):
        hint = f" (the default is {default})"
        return Number(whole=isinstance(default, int), words=(None,), hint=hint)
    return None


def _check_taken(target: str, given: Node, known: Node, path: str) -> None:
    """Refuse settings of a class that another class, in its place, does not take."""
    if not target or known.get("_target_") in (None, target):
        return
    taken = settings(target)
    left = [key for key in given if key[0] != "_" and key not in taken]
    if taken and left:
        away = " ".join(f"~{path}{key}" for key in left)
        raise UserError(f"{target} does not take {', '.join(left)}; add {away} to the command")


def _default(key: str, given: Node, known: Node, path: str) -> object:
    """Return what the groups have under a key; refuse what nothing reads."""
    name, value, is_open = f"{path}{key}", given[key], path.rstrip(".") in OPEN_NODES
    if key not in known:
        return _added_part(name, value) if is_open else _check_added(key, given, known, path)
    if not isinstance(value, dict) and not (is_open and value is None):
        _check_not_for_group(name, value, known[key])
        _check_not_for_node(name, value, known[key])
    return known[key]


def _added_part(name: str, value: object) -> Node:
    if isinstance(value, dict) and "_target_" in value:
        return {"_target_": value["_target_"]}
    raise UserError(f"{name} must be something to instantiate, got {value!r}; set its _target_")


def _check_added(key: str, given: Node, known: Node, path: str) -> None:
    taken = _taken_by(str(given.get("_target_", "")))
    if key not in taken:
        options = sorted({*known, *taken} - {"_target_", "_partial_"})
        close = get_close_matches(key, options, n=1)
        there = f"what there is: {', '.join(options)}"
        hint = f"did you mean {path}{close[0]}?" if close else there
        raise UserError(f"nothing reads {path}{key}; {hint}")


def _taken_by(target: str) -> frozenset[str]:
    """Return what a class outside this project takes; its YAML shows what one of this takes."""
    return frozenset() if target.startswith("mdn.") else settings(target)


def _check_not_for_group(name: str, value: object, default: object) -> None:
    """What repeats a choice of a group, as `${family}` does, is a set of settings."""
    followed = re.fullmatch(r"\$\{(\w+)\}", str(default))
    if followed and not isinstance(value, dict) and _is_group(followed[1]):
        raise UserError(
            f"{name} is what {followed[1]}=... chooses, got {value!r}; set {followed[1]} instead"
        )


def _is_group(name: str) -> bool:
    return bool(GlobalHydra.instance().config_loader().get_group_options(name))


def _check_not_for_node(name: str, value: object, default: object) -> None:
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
