"""Overrides of a command line, as Hydra parses them: which of them replace which."""

import re
from collections.abc import Sequence

from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, Quote, QuotedString
from omegaconf import OmegaConf

_CKPT_PATH = re.compile(r"\+{0,2}ckpt_path=")
_PLAIN = re.compile(r"/[\w./-]*", re.ASCII)
"""A path that needs no quotes."""

_PLACES = ("ckpt_path", "run_dir")
"""Keys that say where one run begins and ends, and nothing about the next."""


def given_overrides() -> list[str]:
    """Return the overrides of this job as they were typed; OmegaConf would resolve `${...}`."""
    task = OmegaConf.to_container(HydraConfig.get().overrides.task, resolve=False)
    assert isinstance(task, list)
    return [*map(str, task)]


def parsed(texts: Sequence[str]) -> list[Override]:
    """Parse overrides; nothing in them is resolved.

    Raises:
        HydraException: on text that is no override.
    """
    return OverridesParser.create().parse_overrides(list(texts))


def text_of(override: Override) -> str:
    """Return an override as it was typed."""
    assert override.input_line is not None
    return override.input_line


def names_checkpoint(text: str) -> bool:
    """Tell whether an override names the checkpoint to go on from."""
    return _CKPT_PATH.match(text) is not None


def names_place(override: Override) -> bool:
    """Tell whether an override is about the place of one run, or about Hydra itself."""
    return override.key_or_group in _PLACES or override.is_hydra_override()


def is_removal(override: Override) -> bool:
    """Tell whether an override takes something away: `~key`, or `key=null`."""
    return override.is_delete() or (not override.is_sweep_override() and override.value() is None)


def is_added(override: Override) -> bool:
    """Tell whether an override sets a key that the groups may not have."""
    return override.is_add() or override.is_force_add()


def is_within(key: str, outer: str) -> bool:
    """Tell whether a dotted key is another one, or lies below it."""
    return key == outer or key.startswith(f"{outer}.")


def replaces(new: Override, old: Override) -> bool:
    """Tell whether an earlier override has no say beside a later one."""
    if is_removal(new):
        return is_within(_key(old), _key(new))
    if is_removal(old):
        return is_within(_key(new), _key(old))
    return _key(new) == _key(old)


def last_of_each(overrides: Sequence[Override]) -> list[Override]:
    """Return the last override of each key, which is the one that holds."""
    return [*{each.key_or_group: each for each in overrides}.values()]


def _key(override: Override) -> str:
    return override.get_key_element().lstrip("+~")


def forced(override: Override) -> str:
    """Return an override that sets its key whether or not the groups have it."""
    return text_of(override) if is_removal(override) else f"++{text_of(override).lstrip('+')}"


def followed(value: str) -> str:
    """Return a text as OmegaConf reads it, interpolations followed and escapes taken away.

    Raises:
        OmegaConfBaseException: on an interpolation that leads nowhere.
    """
    return str(OmegaConf.create({"value": value}).value)


def first_choice(override: Override) -> str:
    """Return an override, or the first of those that a sweep makes of it."""
    if not override.is_sweep_override():
        return text_of(override)
    return f"{override.get_key_element()}={next(override.sweep_string_iterator())}"


def quoted(text: str) -> str:
    """Return text as the value of an override."""
    plain = _PLAIN.fullmatch(text) is not None
    return text if plain else QuotedString(text, Quote.single).with_quotes()
