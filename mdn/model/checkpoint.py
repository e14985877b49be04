"""Checkpoints: plain data and tensors, under a digest.

A checkpoint is a dictionary that `torch.save` writes and `seal` closes. Lightning keeps in it what
it takes to go on with a run; this project adds

    "mdn"            the card: the columns, how the model was built and trained, as plain data
    "mdn_format"     the number of this layout
    "mdn_overrides"  what a run was given beside the defaults, as a list of texts; only there where
                     a command has trained the model, which may be told to go on

All are open: a later version may add keys to the card, and an earlier one leaves alone the keys
that it does not know. The number changes only where a key changes its meaning.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Final, NotRequired, TypedDict

import torch
from torch import Tensor

from mdn.data.write import make_folder, replaced
from mdn.model.archive import check_archive
from mdn.model.plain import check_plain
from mdn.model.seal import check_seal, seal

CARD: Final = "mdn"
FORMAT: Final = "mdn_format"
OVERRIDES: Final = "mdn_overrides"
WEIGHTS: Final = "state_dict"
MODEL: Final = "model."
"""What the names of a model's weights begin with, among those of the module that trained it."""

INPUT_UNITS = f"{MODEL}inputs.values.factor"

JOINT: Final = "joint_state_dict"
"""Where a best checkpoint keeps the weights of the joint best epoch when it holds others."""


class Checkpoint(TypedDict):
    """What this project reads of a checkpoint, checked; Lightning's own keys lie beside it."""

    mdn: dict[str, object]
    mdn_format: int
    state_dict: dict[str, Tensor]
    joint_state_dict: NotRequired[dict[str, Tensor]]
    mdn_overrides: NotRequired[object]


_TYPES = (torch.float32, torch.float64, torch.int64, torch.bool)
"""Types of the numbers of a model."""

_MOST_LETTERS = 50_000
"""Letters of the overrides of a run; Hydra reads a list of so many in seconds."""

NUMBER = 3
"""The layout that this version writes and reads."""


def write_checkpoint(checkpoint: Mapping[str, object], path: str | Path) -> None:
    """Write a checkpoint under its digest, whole or not at all."""
    path = Path(path)
    make_folder(path.parent)
    with replaced(path) as beside:
        with beside.open("wb") as file:
            torch.save({**checkpoint, FORMAT: NUMBER}, file)
        seal(beside)


def read_checkpoint(path: str | Path) -> Checkpoint:
    """Read a checkpoint as plain data and tensors; nothing in it is executed.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if the file is damaged, is not a checkpoint of this project, or holds anything
            but plain data in its card or anything but finite numbers in its weights.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(
            f"there is no checkpoint {path}; a run keeps its own in checkpoints/"
        )
    check_seal(path)
    try:
        check_archive(path)
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        said = error if isinstance(error, ValueError) else type(error).__name__
        raise ValueError(
            f"{path} is no checkpoint of plain data: it holds {said}. It is something else, or "
            "would have run code, which is never done; take another copy, or train again"
        ) from None
    _check(checkpoint, path)
    return checkpoint


def overrides_of(checkpoint: Checkpoint, path: str | Path) -> list[str] | None:
    """Return what the run of a checkpoint was given; None where the checkpoint does not tell.

    Raises:
        ValueError: if it is not a list of texts, or is longer than a command line can be.
    """
    overrides = checkpoint.get(OVERRIDES)
    if overrides is None:
        return None
    if not isinstance(overrides, list) or not all(type(each) is str for each in overrides):
        raise ValueError(f"{path} must keep the overrides of its run as a list of texts")
    if len(overrides) + sum(map(len, overrides)) > _MOST_LETTERS:
        raise ValueError(
            f"{path} keeps more than {_MOST_LETTERS} letters of overrides of its run; train again"
        )
    return overrides


def _check(checkpoint: object, path: str | Path) -> None:
    if type(checkpoint) is not dict or type(checkpoint.get(CARD)) is not dict:
        raise ValueError(f"{path} is not a checkpoint of this project: it holds no card")
    number = checkpoint.get(FORMAT)
    if type(number) is not int or number != NUMBER:
        told = number if type(number) is int else f"of type {type(number).__name__}"
        raise ValueError(
            f"{path} has layout {told}, and this version reads {NUMBER}; read it with the version "
            "that wrote it, or train again"
        )
    check_plain(checkpoint[CARD], f"the card in {path}")
    _check_weights(checkpoint.get(WEIGHTS), path)


def not_finite(weights: Mapping[str, Tensor]) -> str | None:
    """Name one of the weights that are not finite, or None; ignored inputs have infinite units."""
    return next((name for name, value in weights.items() if not _is_sound(name, value)), None)


def _check_weights(weights: object, path: str | Path) -> None:
    if not isinstance(weights, dict) or not all(map(_is_whole, weights, weights.values())):
        raise ValueError(f"{path} is not a checkpoint of this project: it holds no weights")
    if (name := not_finite(weights)) is not None:
        raise ValueError(
            f"{path} holds numbers in {name} that are not finite; take an earlier checkpoint, "
            "or train again"
        )


def _is_sound(name: str, value: Tensor) -> bool:
    if not value.is_floating_point():
        return True
    return not bool((value.isnan() if name == INPUT_UNITS else ~value.isfinite()).any())


def _is_whole(name: object, value: object) -> bool:
    """Tell whether a value has a name and is a tensor with as much memory as it has numbers."""
    if type(name) is not str or type(value) is not Tensor:
        return False
    if value.layout != torch.strided or value.device.type != "cpu" or value.dtype not in _TYPES:
        return False
    return value.numel() * value.itemsize <= value.untyped_storage().nbytes()
