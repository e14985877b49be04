"""Refuse a directory that holds something already which a command would overwrite."""

from collections.abc import Callable, Sequence
from pathlib import Path

import yaml

from mdn.app.claims import Claim
from mdn.app.errors import UserError
from mdn.app.written_files import (
    CHECKPOINTS,
    JOBS,
    RESULTS,
    SETTINGS,
    WRITTEN,
    evaluation_logs,
    there,
)

_OF_EVALUATION = {"ckpt", "report", "run_dir"}
"""Keys by which the settings of an evaluation are told from others."""

_FEW = 3


def check_training(claim: Claim, ckpt_path: object, names: Sequence[str]) -> bool:
    """Refuse a directory that holds a run, unless this one goes on with it.

    Args:
        claim: of the directory.
        ckpt_path: the checkpoint to go on from, if there is one.
        names: of files that must not be there.

    Returns:
        Whether what is there stays there.
    """
    checkpoints = there(claim.directory, CHECKPOINTS)
    if checkpoints and _lies_in(ckpt_path, claim.directory):
        return True
    if checkpoints:
        last = claim.shown / "checkpoints" / "last.ckpt"
        go_on = f"go on with it by ckpt_path={last} {claim.key}={claim.shown}, "
        raise UserError(
            f"{claim.shown} holds a training run already ({_few(claim, checkpoints)}); set another "
            f"{claim.key}, {go_on if last.exists() else ''}or remove it"
        )
    _check_names(claim, names)
    return False


def check_evaluation(claim: Claim, ckpt_path: object, names: Sequence[str]) -> bool:
    """Refuse a directory that holds anything but an earlier evaluation, which is then replaced."""
    checkpoints = there(claim.directory, CHECKPOINTS)
    if checkpoints:
        raise UserError(
            f"{claim.shown} holds a training run ({_few(claim, checkpoints)}), whose metrics.json "
            f"would be overwritten; set another {claim.key}"
        )
    if _is_evaluation(claim.directory):
        logs = evaluation_logs(claim.directory)
        claim.replaced = there(claim.directory, WRITTEN["evaluate"]) + logs
        return True
    _check_names(claim, names)
    return False


def check_sweep(claim: Claim) -> None:
    """Refuse a directory that holds a sweep."""
    found = there(claim.directory, (*WRITTEN["sweep"], *JOBS))
    if found:
        raise UserError(
            f"{claim.shown} holds a sweep already ({_few(claim, found)}); set another {claim.key}, "
            "or remove it"
        )


def _check_names(claim: Claim, names: Sequence[str]) -> None:
    results = there(claim.directory, RESULTS)
    if results:
        raise UserError(
            f"{claim.shown} holds results already ({_few(claim, results)}); set another "
            f"{claim.key}, or remove them"
        )
    found = there(claim.directory, names)
    if found:
        raise UserError(
            f"{claim.shown} holds files that would be overwritten ({_few(claim, found)}); set "
            f"another {claim.key}, or move them elsewhere"
        )


CHECKS: dict[str, Callable[[Claim, object, Sequence[str]], bool]] = {
    "train": check_training,
    "evaluate": check_evaluation,
}
"""Checks of a directory, by command."""


def check_free(claim: Claim, command: str, ckpt_path: object, *, with_settings: bool) -> bool:
    """Refuse a directory that holds something which a command would overwrite.

    Args:
        claim: of the directory.
        command: one of `CHECKS`.
        ckpt_path: the checkpoint to go on from, if there is one.
        with_settings: whether Hydra is going to write there.

    Returns:
        Whether the settings that are in `.hydra/` belong to what is there, and must stay.

    Raises:
        UserError: with what is there, and what to do.
    """
    settings = SETTINGS if with_settings else ()
    return CHECKS[command](claim, ckpt_path, (*settings, *WRITTEN[command]))


def _lies_in(ckpt_path: object, directory: Path) -> bool:
    return ckpt_path is not None and directory.resolve() in Path(str(ckpt_path)).resolve().parents


def _is_evaluation(directory: Path) -> bool:
    try:
        settings = yaml.safe_load((directory / SETTINGS[0]).read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError):
        return False
    return isinstance(settings, dict) and settings.keys() >= _OF_EVALUATION


def _few(claim: Claim, paths: Sequence[Path]) -> str:
    names = [path.relative_to(claim.directory).as_posix() for path in paths]
    return ", ".join(names[:_FEW]) + (", ..." if len(names) > _FEW else "")
