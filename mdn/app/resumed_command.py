"""The command line of a run that goes on: its own settings, then what the user changes.

The checkpoint keeps the overrides of its run. They stand before the user's on the command line that
Hydra reads, so that the files of the run, a sweep and further processes know of no difference.
Behind `ckpt_path` stands what the user has typed.
"""

import shlex
from argparse import Namespace
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from hydra._internal.utils import get_args_parser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from omegaconf.errors import OmegaConfBaseException

from mdn.app.kept_overrides import is_flag
from mdn.app.merged_overrides import EarlierRun, Merged, merged
from mdn.app.overrides import first_choice, followed, names_checkpoint, parsed, text_of
from mdn.app.printable import printable
from mdn.app.resume_summary import summary
from mdn.app.trusted_overrides import Groups, composed, untaken
from mdn.model.checkpoint import overrides_of, read_checkpoint
from mdn.training.siblings import is_first

_MOST_LETTERS, _MOST_LISTED = 300, 20
"""Letters of an override, and overrides, in one message."""


def resumed(arguments: Sequence[str]) -> list[str]:
    """Return a command line with the settings of the run that it goes on with; say what they are.

    Raises:
        FileNotFoundError: if there is no such checkpoint.
        ValueError: if it is no checkpoint, or its run had settings that are not taken from it.
    """
    flags = get_args_parser().parse_args(arguments)
    try:
        given = parsed(flags.overrides)
    except HydraException:  # Hydra meets it again, and the command says so
        return [*arguments]
    paths = _paths(given)
    if not paths or flags.help or flags.hydra_help or flags.shell_completion:
        return [*arguments]
    overrides = _with_settings(paths, given, flags)
    at = next(i for i in range(len(arguments)) if arguments[i:][:1] == flags.overrides[:1])
    return [*arguments[:at], *overrides, *arguments[at + len(given) :]]


def _paths(given: Sequence[Override]) -> list[str]:
    """Return the checkpoints that are named; what is no path at all is left to its rule."""
    named = [each for each in given if each.key_or_group == "ckpt_path"][-1:]
    values = [
        value
        for each in named
        for value in (each.sweep_iterator() if each.is_sweep_override() else [each.value()])
    ]
    return [_resolved(value) for value in values if isinstance(value, str) and value]


def _resolved(path: str) -> str:
    try:
        return followed(path)
    except OmegaConfBaseException:
        raise ValueError(f"ckpt_path must be the path of a file, got {path}") from None


def _with_settings(paths: Sequence[str], given: Sequence[Override], flags: Namespace) -> list[str]:
    stored = _stored(paths)
    if stored is None:
        _say(flags, [f"settings    from the command line alone: {paths[0]} keeps none of its run"])
        return _behind_checkpoint([*map(text_of, given)])
    run = EarlierRun.of(_parsed(paths[0], [each for each in stored if not is_flag(each)]))
    both = merged(run, given, partial(compose, given=given, flags=flags))
    _refuse(paths[0], [*_missing(stored, flags), *untaken(both.stored, run.groups)], stored)
    _say(flags, [f"settings    from {', '.join(paths)}", *summary(run, given, both)])
    mode = ["hydra.mode=RUN"] if _brings_sweep(both) and not flags.multirun else []
    return [*map(text_of, both.stored), *_behind_checkpoint(both.given), *mode]


def _stored(paths: Sequence[str]) -> list[str] | None:
    """Return what checkpoints keep of their run; several have to be of equal settings."""
    stored = [overrides_of(read_checkpoint(path), path) for path in paths]
    if any(each != stored[0] for each in stored):
        raise ValueError(
            f"a sweep goes on from checkpoints of equal settings, and {', '.join(paths)} have "
            "different ones; give one command for each"
        )
    return stored[0]


def _parsed(path: str, texts: Sequence[str]) -> list[Override]:
    try:
        return parsed(texts)
    except (HydraException, RecursionError, ValueError):  # Python reads no number of 5000 digits
        raise ValueError(
            f"{path} keeps settings of its run that cannot be read; take another copy, or train "
            "again"
        ) from None


def compose(
    choices: Sequence[Override], given: Sequence[Override], flags: Namespace
) -> Groups | None:
    """Compose groups from all directories of the command line, of a swept choice the first."""
    if flags.config_path is not None:
        return None
    places = [text_of(each) for each in given if each.key_or_group == "hydra.searchpath"]
    folders = [] if flags.config_dir is None else [str(Path(flags.config_dir).absolute())]
    try:
        return composed(
            [*places, *map(first_choice, choices)], flags.config_name or "train", folders
        )
    except (HydraException, ValueError):  # Hydra meets it again, and the command says so
        return None


def _missing(stored: Sequence[str], flags: Namespace) -> list[str]:
    """Return the flags of a run that a command line lacks and that change settings."""
    lacks = {"--config-path": flags.config_path is None, "--config-name": flags.config_name is None}
    return [each for each in stored if lacks.get(each.partition("=")[0], False)]


def _refuse(path: str, untaken: Sequence[str], stored: Sequence[str]) -> None:
    if not untaken:
        return
    folders = [each for each in stored if is_flag(each) and each not in untaken]
    listed = [printable(each)[:_MOST_LETTERS] for each in [*folders, *untaken][:_MOST_LISTED]]
    raise ValueError(
        f"{path} does not bring all settings of its run: {shlex.join(listed)} could name code or "
        "files, and may only stand on the command line; repeat it there, or give other values"
    )


def _behind_checkpoint(texts: Sequence[str]) -> list[str]:
    """Return overrides with the checkpoint first."""
    return sorted(texts, key=lambda text: not names_checkpoint(text))


def _brings_sweep(both: Merged) -> bool:
    """Tell whether a job of a sweep that an experiment sets up would start all of it again."""
    return any(each.key_or_group == "experiment" for each in both.stored)


def _say(flags: Namespace, lines: Sequence[str]) -> None:
    if flags.cfg is None and flags.info is None and is_first():
        for line in lines:
            print(printable(line))
