"""Arguments of questions that are not values: levels, targets, counts, shapes of samples."""

import operator
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, SupportsIndex, TypeGuard

import numpy as np
from torch import Tensor

from mdn.distributions.numbers import Numbers, as_tensor
from mdn.distributions.target_names import Names, positions

Levels = Numbers
"""Probabilities: one number, or a list, an array, a tensor or a column of them."""

Known = Mapping[str, Numbers] | Mapping[int, Numbers]
"""The values of some targets, by name or by number."""

if TYPE_CHECKING:
    Dims = int | str | Sequence[int | str] | np.ndarray | Tensor
    SampleShape = SupportsIndex | Sequence[SupportsIndex]
else:
    Dims = SampleShape = object
"""Numbers or names of targets: one, or a list, a range, an array or a tensor of them."""


def probabilities(levels: Levels) -> list[float]:
    """Read levels as Python numbers, which keep 1 - 1e-9 apart from 1.

    Raises:
        TypeError: on what is not numbers.
        ValueError: on a number that is not a probability, more than one axis, or a gradient.
    """
    tensor = as_tensor(levels, "levels")
    if tensor.ndim > 1:
        raise ValueError(f"levels must be one number or a list, got shape {list(tensor.shape)}")
    if tensor.requires_grad:
        raise ValueError("levels have no gradient here; ask icdf(p), which has one in p")
    found = np.atleast_1d(tensor.double().cpu().numpy()).tolist()
    check_probabilities(found)
    return found


def probability(level: Levels) -> float:
    """Read a single level as a Python number.

    Raises:
        TypeError: on what is not a number.
        ValueError: on more than one, or on one that is not a probability.
    """
    if as_tensor(level, "level").ndim:
        raise ValueError(f"level must be one number, got {level!r}")
    return probabilities(level)[0]


def inner_probability(level: Levels) -> float:
    """Read a single level of a region, which is neither 0 nor 1.

    Raises:
        TypeError: on what is not a number.
        ValueError: on anything but one number between 0 and 1.
    """
    found = probability(level)
    if found in (0, 1):
        raise ValueError(f"the level of a region is between 0 and 1, got {level}")
    return found


def is_one(levels: Levels) -> bool:
    """Tell whether levels are one plain number, for which an answer has no axis of its own."""
    return as_tensor(levels, "levels").ndim == 0


def check_probabilities(levels: list[float]) -> None:
    """Refuse what is not a probability."""
    wrong = [level for level in levels if not 0 <= level <= 1]
    if wrong:
        raise ValueError(f"levels are probabilities from 0 to 1, got {wrong}; 90 % is 0.9")


def targets(dims: Dims, num_targets: int, names: Names = None) -> list[int]:
    """Read which targets are meant, by number or by name.

    Raises:
        ValueError: on what is not different whole numbers from 0 to num_targets - 1, or different
            names of targets.
    """
    listed = _listed(dims)
    found = _positions(listed, names)
    if found is None or len(set(found)) < len(found) or not set(found) <= set(range(num_targets)):
        raise ValueError(
            f"dims must be different targets from 0 to {num_targets - 1}, got {listed}; "
            + (
                "they are counted, not named or masked"
                if names is None
                else f"by name: {list(names)}"
            )
        )
    return found


def _listed(dims: Dims) -> list[object]:
    if isinstance(dims, Sequence) and not isinstance(dims, str):
        # Each keeps its own type: an array of numbers and names would be all text.
        return [each.item() if _is_one_number(each) else each for each in dims]
    array = dims.numpy(force=True) if isinstance(dims, Tensor) else np.asarray(dims)
    return np.atleast_1d(array).tolist()


def _is_one_number(entry: object) -> TypeGuard[np.generic | np.ndarray | Tensor]:
    return isinstance(entry, np.generic | np.ndarray | Tensor) and not entry.shape


def _positions(listed: Sequence[object], names: Names) -> list[int] | None:
    found = [_position(each, names) for each in listed]
    known = [each for each in found if each is not None]
    return known if len(known) == len(found) else None


def _position(entry: object, names: Names) -> int | None:
    if isinstance(entry, str):
        return None if names is None else positions([entry], names)[0]
    return entry if isinstance(entry, int) and not isinstance(entry, bool) else None


def whole(name: str, value: object, least: int) -> int:
    """Read a count as a Python number.

    Raises:
        ValueError: on what is not a whole number of at least `least`.
    """
    try:
        found = operator.index(value) if isinstance(value, SupportsIndex) else None
    except TypeError:
        found = None
    if found is None or isinstance(value, bool) or found < least:
        raise ValueError(f"{name} must be a whole number of at least {least}, got {value!r}")
    return found


def sample_shape(shape: SampleShape) -> tuple[int, ...]:
    """Read the shape of samples: whole numbers of at least 0, or one of them for (n,).

    Raises:
        ValueError: on anything else.
    """
    lengths = shape if isinstance(shape, list | tuple) else [shape]
    return tuple(whole("each length of a sample's shape", length, 0) for length in lengths)
