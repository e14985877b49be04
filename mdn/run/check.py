"""Configuration checks that need none of the heavy imports, so that a typo answers at once.

Hydra refuses a misspelt key by itself. What it lets through is refused here: a key added with a
leading `+` that nothing reads, a word where a number belongs, a value that was never given, and a
`_target_` that is not one of the classes a configuration may name.
"""

import ast
import importlib.util
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any

from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from mdn.run.errors import UserError

ALLOWED_TARGETS = (
    "mdn.",
    "torch.optim.",
    "lightning.pytorch.callbacks.",
    "lightning.pytorch.loggers.",
    "lightning.pytorch.profilers.",
    "lightning.pytorch.strategies.",
    "lightning.pytorch.trainer.trainer.Trainer",
)
"""Prefixes of what `_target_` may name; the rest is refused before it is imported."""

OPEN_NODES = ("callbacks",)
"""Nodes that take entries of any name, each of them something to instantiate."""

_WORDS_FOR_NUMBERS = ("auto",)


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


def check_targets(node: Any, path: str = "") -> None:
    """Refuse every `_target_` outside `ALLOWED_TARGETS`, in a configuration or a checkpoint."""
    children = node.items() if isinstance(node, dict) else enumerate(node)
    for key, value in children:
        if key == "_target_" and not str(value).startswith(ALLOWED_TARGETS):
            allowed = ", ".join(ALLOWED_TARGETS)
            raise UserError(f"{path}_target_ must begin with one of {allowed}; got {value!r}")
        if isinstance(value, dict | list):
            check_targets(value, f"{path}{key}.")


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
        else:
            _check_type(name, value, known[key])


def _check_added(
    name: str, key: str, value: Any, given: dict[str, Any], known: dict[str, Any], path: str
) -> None:
    if path.rstrip(".") in OPEN_NODES:
        if isinstance(value, dict) and "_target_" in value:
            return _check_node(value, {"_target_": value["_target_"]}, f"{name}.")
        raise UserError(f"{name} must be something to instantiate, got {value!r}; set its _target_")
    parameters = _parameters_of(given.get("_target_", ""))
    if key in parameters:
        return None
    options = sorted({*known, *parameters} - {"_target_", "_partial_"})
    close = get_close_matches(key, options, n=1)
    hint = f"did you mean {path}{close[0]}?" if close else f"what there is: {', '.join(options)}"
    raise UserError(f"nothing reads {name}; {hint}")


def _check_type(name: str, value: Any, default: Any) -> None:
    if isinstance(default, bool):
        if not isinstance(value, bool):
            raise UserError(f"{name} must be true or false, got {value!r}")
    elif isinstance(default, int | float) and value not in (None, *_WORDS_FOR_NUMBERS):
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise UserError(f"{name} must be a number, got {value!r} (the default is {default})")
        if isinstance(default, int) and value != int(value):
            raise UserError(f"{name} must be a whole number, got {value!r}")


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


@cache
def _parameters_of(target: str) -> frozenset[str]:
    """Parameters of a class outside this project, read from its source without importing it.

    A class of this project has none beyond its YAML: a test holds the two against each other.
    """
    top, *inner, name = target.split(".") if "." in target else (target, "")
    spec = importlib.util.find_spec(top) if top and top != "mdn" else None
    if spec is None or spec.origin is None:
        return frozenset()
    source = Path(spec.origin).parent.joinpath(*inner)
    for file in (source.with_suffix(".py"), source / "__init__.py"):
        if file.exists():
            return _parameters_in(ast.parse(file.read_text()), name)
    return frozenset()


def _parameters_in(module: ast.Module, name: str) -> frozenset[str]:
    for node in ast.walk(module):
        if isinstance(node, ast.ClassDef) and node.name == name:
            for method in node.body:
                if isinstance(method, ast.FunctionDef) and method.name == "__init__":
                    arguments = [*method.args.args, *method.args.kwonlyargs]
                    return frozenset(argument.arg for argument in arguments[1:])
    return frozenset()
