"""Keep the command line of a run in its checkpoints, so that another run goes on with it."""

import re
from collections.abc import Sequence
from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.types import Override

from mdn.app.overrides import (
    given_overrides,
    names_checkpoint,
    names_place,
    parsed,
    quoted,
    text_of,
)
from mdn.app.paths import CONF
from mdn.app.trusted_overrides import PATHS, groups_of, interpolates, untaken

_OURS = ("hydra", "main", "schema")
"""Where configurations come from when no flag adds a directory."""


def kept_overrides() -> list[str] | None:
    """Return the flags and overrides of this job, without those about its own place.

    Paths of rows are absolute, so that they are found again from another directory. A program that
    trains without a command line has none, which None says.
    """
    if not HydraConfig.initialized():
        return None
    return [*flags(), *map(_found_again, _settings(given_overrides()))]


def going_on(ckpt: Path | None, overrides: Sequence[str]) -> list[str]:
    """Return the command line that goes on with this job; nothing where there is no checkpoint.

    Args:
        ckpt: the last checkpoint of the job, if it has one; it keeps most overrides.
        overrides: of the job.
    """
    if ckpt is None:  # whatever its user has typed, behind the checkpoint of an earlier run
        at = next((i for i, each in enumerate(overrides) if names_checkpoint(each)), None)
        return [] if at is None else [*flags(), *overrides[at:]]
    settings = _settings(overrides)
    again = untaken(settings, groups_of(settings))
    needed = [each for each in flags() if again or _is_needed(each)]
    return [*needed, f"ckpt_path={ckpt}", *again]


def _settings(overrides: Sequence[str]) -> list[Override]:
    return [each for each in parsed(overrides) if not names_place(each)]


def flags() -> list[str]:
    """Return the flags of this command that bring other configurations than this project's own."""
    hydra = HydraConfig.get()
    added = [each.path for each in hydra.runtime.config_sources if each.provider not in _OURS]
    (main,) = (each.path for each in hydra.runtime.config_sources if each.provider == "main")
    name = hydra.job.config_name
    return [
        *(f"--config-dir={path}" for path in added),
        *([] if Path(main).resolve() == CONF.resolve() else [f"--config-path={main}"]),
        *([] if name == "train" else [f"--config-name={name}"]),
    ]


def is_flag(text: str) -> bool:
    """Tell whether what a checkpoint keeps is a flag."""
    return text.startswith("--")


def _is_needed(flag: str) -> bool:
    """Tell whether a flag changes settings by itself; a directory only adds choices."""
    return not flag.startswith("--config-dir=")


def _found_again(override: Override) -> str:
    value = override.value()
    if override.key_or_group not in PATHS or not isinstance(value, str) or interpolates(value):
        return text_of(override)
    path = str(Path(_escaped(str(Path.cwd())), value))
    return f"{override.get_key_element()}={quoted(path)}"


def _escaped(text: str) -> str:
    """Return text that OmegaConf reads as it is."""
    return re.sub(r"(\\*)\$\{", lambda found: f"{found[1] * 2}\\${{", text)
