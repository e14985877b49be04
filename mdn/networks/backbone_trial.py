"""What a backbone must do, tried once with a few rows before anything is trained.

It maps [rows, P] to [rows, F] and answers for each row by itself, except in training, where a layer
may look at the whole batch. Stacked, it gets [M, N, P] and must give the same numbers, in training
too. Made anew, with the numbers of a checkpoint, it must answer as before.
"""

import copy
import math
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from mdn.networks.backbones import num_features
from mdn.networks.stacking import stack

_ROWS = 3
"""Rows that a backbone is tried with."""

_ROUNDING = 1e-3
"""How far rounding may take a stacked backbone from one alone, in sizes of the features."""


@torch.no_grad()
def check_backbones(backbones: Sequence[nn.Module], num_inputs: int) -> bool:
    """Refuse backbones that break their contract, by trying a few rows.

    Args:
        backbones: of one class and one shape; their state is left as it is.
        num_inputs: P.

    Returns:
        Whether they can be stacked; a single one that cannot be may still run alone.

    Raises:
        ValueError: if they do not map [rows, P] to [rows, num_features], each row by itself, or
            if several answer otherwise when rows of all members come at once.
    """
    with random_state_kept():
        first_and_last = _copied([backbones[0], *backbones[1:][-1:]])
        x = trial_rows(first_and_last, num_inputs)
        _check_each_row(first_and_last[0].eval(), x[0])
        fault = _fault_of_stack(first_and_last, x)
    if fault and len(backbones) > 1:
        name = type(backbones[0]).__name__
        raise ValueError(
            f"{name} answers rows alone, [{_ROWS}, {num_inputs}], but of several members at once, "
            f"{list(x.shape)}, it {fault}; let it work on the last axis only, as x[..., i], "
            "unsqueeze(-2) and dim=-1 do, or have its members run one after the other: "
            f"mdn.networks.stacking.stack_layer.register({name}, OneByOne)"
        )
    return fault is None


@torch.no_grad()
def check_rebuilt(make: Callable[[int], nn.Module], backbone: nn.Module, num_inputs: int) -> None:
    """Refuse a backbone that answers otherwise when it is made anew from a checkpoint.

    Args:
        make: what made the backbone; it is called again.
        backbone: its state is left as it is.
        num_inputs: P.

    Raises:
        ValueError: if numbers that its answers depend on are not in its state_dict.
    """
    with random_state_kept():
        _check_made_without_numbers(make, backbone, num_inputs)
        (before,) = _copied([backbone])
        (rows,) = trial_rows([before], num_inputs)
        _features(before.eval(), rows)
        _features(before.train(), rows)  # which may move what a checkpoint has to keep
        again = _made_again(make, backbone, before.state_dict(), num_inputs)
        fault = _fault(again.eval(), rows, _features(before.eval(), rows))
    if fault:
        raise ValueError(
            f"a {type(backbone).__name__} made anew with the state_dict of another {fault}, so a "
            "checkpoint could not bring it back: its answers depend on numbers outside of its "
            "state_dict; keep each tensor that is drawn at random or moved in training by "
            'self.register_buffer("name", tensor), without persistent=False'
        )


def _check_made_without_numbers(
    make: Callable[[int], nn.Module], backbone: nn.Module, num_inputs: int
) -> None:
    # As `mdn.load` makes it, before it has looked at the weights.
    try:
        with torch.device("meta"):
            make(num_inputs)
    except Exception as error:
        raise ValueError(
            f"{type(backbone).__name__} reads numbers of tensors while it is made, and a "
            "checkpoint is read with tensors that have none yet; compute them with math or NumPy, "
            f"or in forward; on the meta device it raises {_in_words(error)}"
        ) from error


def _made_again(
    make: Callable[[int], nn.Module],
    backbone: nn.Module,
    numbers: Mapping[str, Tensor],
    num_inputs: int,
) -> nn.Module:
    again = make(num_inputs)
    if again is backbone:
        (again,) = _copied([again])
    try:
        again.load_state_dict(numbers)
    except Exception as error:
        raise ValueError(
            f"a {type(backbone).__name__} made anew does not take the state_dict of another, so a "
            f"checkpoint could not bring it back; it raises {_in_words(error)}"
        ) from error
    return again


def _check_each_row(backbone: nn.Module, rows: Float[Tensor, "N P"]) -> None:
    some = _features(backbone, rows[:-1])
    if not _close(some, _features(backbone, rows)[:-1]):
        raise ValueError(
            f"{type(backbone).__name__} in evaluation answers otherwise for rows when another row "
            "is beside them, or whenever it is asked; let it answer for each row by itself: take "
            "statistics over rows and draw numbers only in training, as batch norm with running "
            "statistics and dropout do"
        )


def _fault_of_stack(backbones: Sequence[nn.Module], x: Float[Tensor, "M N P"]) -> str | None:
    each = torch.stack([_features(b.eval(), rows) for b, rows in zip(backbones, x, strict=True)])
    fault = _fault(stack(backbones).eval(), x, each)
    if fault is None:
        fault = _fault_in_training(backbones[:1], x[:1])
    if fault is None and len(backbones) > 1 and _draws_nothing(backbones[0], x[0]):
        # What is drawn at random comes in another order where members are stacked.
        fault = _fault_in_training(backbones, x)
    return fault


def _fault_in_training(backbones: Sequence[nn.Module], x: Float[Tensor, "M N P"]) -> str | None:
    fault = _fault_in_precision(_copied(backbones), x)
    if fault and _fault_in_precision([b.double() for b in _copied(backbones)], x.double()):
        # In double precision too: statistics over a few rows may enlarge rounding without end.
        return f"{fault} in training"
    return None


def _fault_in_precision(backbones: Sequence[nn.Module], x: Float[Tensor, "M N P"]) -> str | None:
    together = stack(backbones).train()
    with torch.random.fork_rng(devices=[]):  # both draw the same numbers
        pairs = zip(backbones, x, strict=True)
        each = torch.stack([_features(backbone.train(), rows) for backbone, rows in pairs])
    return _fault(together, x, each)


def _draws_nothing(backbone: nn.Module, rows: Float[Tensor, "N P"]) -> bool:
    first, second = (_features(each.train(), rows) for each in _copied([backbone, backbone]))
    return torch.equal(first, second)


def _fault(
    together: nn.Module, x: Float[Tensor, "*batch P"], expected: Float[Tensor, "*batch F"]
) -> str | None:
    try:
        found = together(x)
    except Exception as error:
        return f"raises {_in_words(error)}"
    if found.shape != expected.shape:
        return f"gives {list(found.shape)} instead of {list(expected.shape)}"
    return None if _close(found, expected) else "gives other numbers"


def _close(found: Tensor, expected: Tensor) -> bool:
    size = expected.abs().max().item() if expected.numel() else 0.0
    return torch.allclose(found, expected, rtol=_ROUNDING, atol=_ROUNDING * size, equal_nan=True)


def _features(backbone: nn.Module, rows: Float[Tensor, "N P"]) -> Float[Tensor, "N F"]:
    """Return what one backbone says of rows, if that is features."""
    wanted = [len(rows), num_features(backbone)]
    contract = f"{type(backbone).__name__} must map {list(rows.shape)} to {wanted}, [rows, "
    contract += "num_inputs] to [rows, num_features]"
    try:
        features = backbone(rows)
    except Exception as error:
        raise ValueError(f"{contract}; it raises {_in_words(error)}") from error
    if not isinstance(features, Tensor) or list(features.shape) != wanted:
        found = list(features.shape) if isinstance(features, Tensor) else type(features).__name__
        raise ValueError(f"{contract}; it gives {found}")
    return features


def can_answer(backbone: nn.Module, num_inputs: int, num_members: int) -> bool:
    """Tell whether a stacked backbone, in evaluation, has numbers for a few rows."""
    x = trial_rows([backbone] * num_members, num_inputs)
    try:
        return backbone(x).device == x.device
    except Exception:
        return False


def trial_rows(backbones: Sequence[nn.Module], num_inputs: int) -> Float[Tensor, "M N P"]:
    """Return a few rows for each of some backbones, always the same."""
    shape = (len(backbones), _ROWS, num_inputs)
    like = next((p for p in backbones[0].parameters() if p.is_floating_point()), torch.empty(0))
    return torch.linspace(-1, 1, math.prod(shape)).view(shape).to(like)


@contextmanager
def random_state_kept() -> Iterator[None]:
    """Leave the random states of torch on the CPU, NumPy and Python as they were."""
    ours, numpys = random.getstate(), np.random.get_state()  # noqa: NPY002
    try:
        with torch.random.fork_rng(devices=[]):
            yield
    finally:
        random.setstate(ours)
        np.random.set_state(numpys)  # noqa: NPY002


def _copied(backbones: Sequence[nn.Module]) -> list[nn.Module]:
    try:
        return [copy.deepcopy(backbone) for backbone in backbones]
    except RuntimeError as error:
        raise ValueError(
            f"{type(backbones[0]).__name__} cannot be copied: it keeps a tensor computed from its "
            "parameters, as torch.nn.utils.weight_norm does; compute it in forward, or take "
            "torch.nn.utils.parametrizations.weight_norm"
        ) from error


def _in_words(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())
