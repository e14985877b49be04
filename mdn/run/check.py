"""Configuration checks that need none of the heavy imports, so that a typo answers at once.

Hydra refuses a misspelt key by itself. What it lets through is refused here: a key added with a
leading `+` that nothing reads, a word where a number belongs, a value that was never given, and a
`_target_` that is not one of the classes a configuration may name.
"""

import re
from difflib import get_close_matches
from math import isfinite
from typing import Any

from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from mdn.run.errors import UserError
from mdn.run.targets import check_targets, parameters

OPEN_NODES = ("callbacks",)
"""Nodes that take entries of any name, each of them something to instantiate."""

_NULLABLE = ("model.gradient_clip", "threads")
_COUNTS = (
    "data.batch_size",
    "model.num_components",
    "model.backbone.depth",
    "trainer.max_epochs",
)
"""Whole numbers that the word `auto` leaves to the number of rows."""

_SEVERAL = ("regularizer.input_noise", "regularizer.target_noise")
"""Numbers of which there may be a list."""

_LISTS = ("model.sharpness",)
"""What is a list even of one."""


def check(config: DictConfig) -> dict[str, Any]:
    """The configuration resolved to plain data.

    Raises:
        UserError: if a key, a value or a target is not what the configuration takes.
    """
    given = resolved(config)
    check_targets(given)
    _check_node(given, _plain(_composed_from_groups()), "")
    _check_combinations(given)
    return given


def resolved(config: DictConfig) -> dict[str, Any]:
    """Plain data with every interpolation followed and every mandatory value given."""
    missing = sorted(OmegaConf.missing_keys(config))
    if missing:
        wanted = " ".join(f"{key}=..." for key in missing)
        raise UserError(f"no value for {', '.join(missing)}; add {wanted} to the command")
    try:
        plain = OmegaConf.to_container(config, resolve=True)
    except OmegaConfBaseException as error:
        raise UserError(str(error)) from error
    assert isinstance(plain, dict)
    return {str(key): value for key, value in plain.items()}


def _composed_from_groups() -> DictConfig:
    """The configuration with this command's choices of groups, and none of its values."""
    hydra = HydraConfig.get()
    loader = GlobalHydra.instance().config_loader()
    overrides = OverridesParser.create(config_loader=loader).parse_overrides(
        list(hydra.overrides.task)
    )
    choices = [
        override.input_line
        for override in overrides
        if override.input_line and loader.get_group_options(override.key_or_group)
    ]
    return loader.load_configuration(hydra.job.config_name, choices, RunMode.RUN)


def _plain(config: DictConfig) -> dict[str, Any]:
    values = OmegaConf.masked_copy(config, [str(key) for key in config if key != "hydra"])
    plain = OmegaConf.to_container(values, resolve=False)
    assert isinstance(plain, dict)
    return {str(key): value for key, value in plain.items()}


def _check_node(given: dict[str, Any], known: dict[str, Any], path: str) -> None:
    for key, value in given.items():
        name = f"{path}{key}"
        if key not in known:
            _check_added(name, key, value, given, known, path)
        elif isinstance(value, dict) and isinstance(known[key], dict):
            _check_node(value, known[key], f"{name}.")
        elif path.rstrip(".") in OPEN_NODES and value is None:
            continue
        else:
            _check_type(name, value, known[key])


def _check_added(
    name: str, key: str, value: Any, given: dict[str, Any], known: dict[str, Any], path: str
) -> None:
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
    return frozenset() if target.startswith("mdn.") else parameters(target)


def _check_type(name: str, value: Any, default: Any) -> None:
    _check_not_for_group(name, value, default)
    _check_not_for_node(name, value, default)
    if name in _LISTS and not isinstance(value, list):
        raise UserError(f"{name} must be a list, got {value!r}; put it in brackets: [{value}]")
    if isinstance(default, bool):
        if not isinstance(value, bool):
            raise UserError(f"{name} must be true or false, got {value!r}")
    elif _is_number_by_design(name, default):
        several = isinstance(value, list) and name.endswith(_SEVERAL)
        for each in value if several else [value]:
            _check_number(name, each, default)


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


def _check_number(name: str, value: Any, default: Any) -> None:
    if _is_no_number_by_design(name, value):
        return
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        raise UserError(f"{name} must be a number, got {value!r} (the default is {default})")
    if not isinstance(default, float) and value != int(value):
        raise UserError(f"{name} must be a whole number, got {value!r}")


def _is_number_by_design(name: str, default: Any) -> bool:
    return isinstance(default, int | float) or name in _COUNTS


def _is_no_number_by_design(name: str, value: Any) -> bool:
    if value is None:
        return name.startswith("trainer.") or name in _NULLABLE
    if value == "auto":
        return name in (*_COUNTS, "trainer.devices")
    return value == "grid" and name.endswith("family.min_scale")


def _check_combinations(given: dict[str, Any]) -> None:
    trainer = given.get("trainer", {})
    if str(trainer.get("precision", "")) in ("16-true", "bf16-true", "transformer-engine"):
        raise UserError(
            f"trainer.precision must leave the likelihood its float32, got "
            f"{trainer['precision']!r}; use bf16-mixed or 32-true"
        )
    several = trainer.get("devices", 1) not in (1, "1", "auto") or trainer.get("num_nodes", 1) != 1
    if several and HydraConfig.get().mode == RunMode.MULTIRUN:
        raise UserError(
            f"a sweep runs one process a job, got trainer.devices={trainer['devices']}; set "
            "trainer.devices=1, or run the jobs one by one without --multirun"
        )
