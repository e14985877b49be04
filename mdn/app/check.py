"""Checks of the configuration that need no heavy import, so that a typo is answered at once.

Hydra refuses a misspelt key by itself. This refuses what Hydra lets through: a key
added with a leading `+` that nothing reads, a word where a number belongs, a value that was never
given, and a `_target_` that is not one of the classes a configuration may name. One walk over the
nodes checks each key and reads its value.
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
from mdn.app.overrides import given_overrides, names_checkpoint
from mdn.app.rule_kinds import Flag, Number, Rule
from mdn.app.rules import rule_of
from mdn.app.targets import check_target, settings

OPEN_NODES = ("callbacks",)
"""Nodes that take entries of any name, each of them something to instantiate."""


def check(config: DictConfig) -> Node:
    """Return the configuration as checked plain data.

    Raises:
        UserError: if a key, a value or a target is not what the configuration takes.
    """
    given = resolved(config)
    _check_processes(given)
    _check_checkpoint(given)
    return checked(given, _composed_from_groups())


def checked(given: Node, groups: DictConfig) -> Node:
    """Return plain data in which every key is known and every value is what its key takes.

    Args:
        given: the configuration, without interpolations.
        groups: the configuration that the same choices of groups make, without other overrides.

    Raises:
        UserError: if a key, a value or a target is not what the configuration takes, or if the
            configuration needs more than the memory of this machine.
    """
    read = read_node(given, plain(groups))
    check_sizes(read)
    return read


def resolved(config: DictConfig) -> Node:
    """Return plain data with every interpolation followed; refuse values that are missing."""
    try:
        missing = sorted(OmegaConf.missing_keys(config))
        values = OmegaConf.to_container(config, resolve=True)
    except OmegaConfBaseException as error:
        key = getattr(error, "full_key", None)
        said = str(error).splitlines()[0]
        raise UserError(
            f"{key}: {said}; for a text that holds ${{...}} type \\${{...}}, in quotes"
        ) from None
    if missing:
        wanted = " ".join(f"{key}=..." for key in missing)
        raise UserError(f"no value for {', '.join(missing)}; add {wanted} to the command")
    assert isinstance(values, dict)
    return {str(key): value for key, value in values.items()}


def _composed_from_groups() -> DictConfig:
    """Compose the configuration from this command's choices of groups alone."""
    hydra = HydraConfig.get()
    loader = GlobalHydra.instance().config_loader()
    choices = group_choices(given_overrides())
    return loader.load_configuration(hydra.job.config_name, choices, RunMode.RUN)


def group_choices(overrides: Sequence[str]) -> list[str]:
    """Return the overrides that choose from a group."""
    loader = GlobalHydra.instance().config_loader()
    parsed = OverridesParser.create(config_loader=loader).parse_overrides(list(overrides))
    return [
        override.input_line
        for override in parsed
        if override.input_line and loader.get_group_options(override.key_or_group)
    ]


def plain(config: DictConfig) -> Node:
    """Return a configuration without Hydra's part, interpolations as they are written."""
    values = OmegaConf.masked_copy(config, [str(key) for key in config if key != "hydra"])
    unresolved = OmegaConf.to_container(values, resolve=False)
    assert isinstance(unresolved, dict)
    return {str(key): value for key, value in unresolved.items()}


def read_node(given: Node, known: Node | None = None, path: str = "") -> Node:
    """Check a node and everything below it; return it with the values that its rules read.

    Args:
        given: the settings of the node.
        known: the settings that the groups have there; None where they have nothing.
        path: the keys above the node, with a dot at the end.

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
    rule = rule_of(name, target) or like(default)
    if rule is not None:
        return rule.read(name, value)
    if isinstance(value, dict):
        return read_node(value, default if isinstance(default, dict) else None, f"{name}.")
    if isinstance(value, list):
        return [_read(f"{name}.{i}", each, None, "") for i, each in enumerate(value)]
    return value


def like(default: object) -> Rule | None:
    """Return the rule that the default of a key suggests, or None."""
    if isinstance(default, bool):
        return Flag()
    if isinstance(default, int | float):
        hint = f" (the default is {default})"
        return Number(whole=isinstance(default, int), words=(None,), hint=hint)
    return None


def _check_taken(target: str, given: Node, known: Node, path: str) -> None:
    """Refuse settings that stay from a class which another class has replaced."""
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
    """Return what a class takes; nothing for our own, whose YAML shows all of its settings."""
    return frozenset() if target.startswith("mdn.") else settings(target)


def _check_not_for_group(name: str, value: object, default: object) -> None:
    """Refuse a choice for a key that repeats a group, as `family: ${family}` does."""
    followed = re.fullmatch(r"\$\{(\w+)\}", str(default))
    if followed and not isinstance(value, dict) and _is_group(followed[1]):
        raise UserError(
            f"{name} is what {followed[1]}=... chooses, got {value!r}; set {followed[1]} instead"
        )


def _is_group(name: str) -> bool:
    return bool(GlobalHydra.instance().config_loader().get_group_options(name))


def _check_not_for_node(name: str, value: object, default: object) -> None:
    """Refuse a single value where the groups have a set of settings."""
    if isinstance(default, dict):
        there = ", ".join(f"{name}.{key}" for key in default if key[0] != "_")
        hint = f"; what there is: {there}" if there else ""
        raise UserError(f"{name} must be a set of settings, got {value!r}{hint}")


def _check_checkpoint(given: Node) -> None:
    """Refuse a checkpoint from a file: its run's settings are taken before files are read."""
    named = any(map(names_checkpoint, given_overrides()))
    if given.get("ckpt_path") is not None and not named:
        raise UserError(
            f"ckpt_path must be on the command line, got {given['ckpt_path']!r} from a file; add "
            "ckpt_path=... to the command"
        )


def _check_processes(given: Node) -> None:
    """Refuse several processes in a sweep: the others would run the whole sweep again."""
    if HydraConfig.get().mode != RunMode.MULTIRUN:
        return
    trainer = given.get("trainer", {})
    single = {"devices": (1, "1", "auto"), "num_nodes": (1,), "strategy": ("auto",)}
    several = [
        f"trainer.{key}={trainer[key]}"
        for key, one in single.items()
        if trainer.get(key, one[0]) not in one
    ]
    if several:
        raise UserError(
            f"a sweep runs one process a job, got {' '.join(several)}; set "
            "trainer.devices=1, or run the jobs one by one without --multirun"
        )
