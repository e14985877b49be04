"""Values that come with the names of their targets: frames, mappings and labelled rows.

Where a mixture has names, entries are picked by name, in any order, and others are ignored. Values
whose names are none of the mixture's are refused, never read in order. Where a mixture has no
names, the columns of a frame are its targets in their order.
"""

import functools
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, NoReturn

import numpy as np
import torch
from torch import Tensor

from mdn.distributions.numbers import Numbers, as_tensor
from mdn.distributions.target_names import Names, hint

if TYPE_CHECKING:
    import narwhals as nw

    Values = Numbers | Mapping[str, Numbers]
else:
    Values = object
"""Numbers in any form, or a mapping from names of targets to them."""


def numbers_of_targets(values: Values, argument: str, names: Names) -> Tensor:
    """Read numbers as a tensor whose last axis is the targets, by name where they have names.

    Args:
        values: as `mdn.distributions.numbers` reads them, or a mapping from names to such.
        argument: what the values are called, for messages.
        names: of the targets that the values are of.

    Raises:
        TypeError: on what is not real numbers.
        ValueError: on values with names that lack one of the targets.
    """
    if isinstance(values, Mapping):
        return _of_mapping(values, argument, names)
    if not names or isinstance(values, Tensor | np.ndarray | Sequence | int | float):
        return as_tensor(values, argument)
    return _of_named(values, argument, names)


def stacked(values: Iterable[Numbers], argument: str) -> Tensor:
    """Stack the values of each target along a new last axis; their rows broadcast."""
    tensors = [as_tensor(value, argument) for value in values]
    if not tensors:
        return torch.zeros(0)
    _check_rows(argument, tensors)
    device = max(tensors, key=Tensor.dim).device
    kind = functools.reduce(torch.promote_types, [tensor.dtype for tensor in tensors])
    rows = torch.broadcast_tensors(*(tensor.to(device, kind) for tensor in tensors))
    return torch.stack(rows, -1)


def _check_rows(argument: str, tensors: Sequence[Tensor]) -> None:
    shapes = [tensor.shape for tensor in tensors]
    if any(len(shape) > 1 and shape[-1] == 1 for shape in shapes):
        raise ValueError(
            f"{argument} given by name has no axis for the targets, got shapes "
            f"{[list(shape) for shape in shapes]}; give values[:, 0]"
        )
    try:
        torch.broadcast_shapes(*shapes)
    except RuntimeError as error:
        raise ValueError(
            f"{argument} given by name has as many rows for one target as for another, got shapes "
            f"{[list(shape) for shape in shapes]}"
        ) from error


def column_names(values: Numbers) -> Names:
    """Return the names of the columns of a frame; None where values have none."""
    if isinstance(values, Tensor | np.ndarray | Sequence | int | float):
        return None
    import narwhals as nw

    known = nw.from_native(values, allow_series=True, pass_through=True)
    names = tuple(known.columns) if isinstance(known, nw.DataFrame) else ()
    return names if names and all(isinstance(name, str) for name in names) else None


def _of_mapping(values: Mapping[str, Numbers], argument: str, names: Names) -> Tensor:
    if not names:
        raise ValueError(
            f"{argument} is given by the names {list(values)}, and the mixture has none: make it "
            "with target_names=(...), or give numbers in the order of its targets"
        )
    _check_there(argument, list(values), names)
    return stacked((values[name] for name in names), argument)


def _of_named(values: Numbers, argument: str, names: tuple[str, ...]) -> Tensor:
    import narwhals as nw

    known = nw.from_native(values, allow_series=True, pass_through=True)
    if isinstance(known, nw.DataFrame):
        _check_there(argument, known.columns, names)
        return as_tensor(known.select(list(names)), argument)
    if isinstance(known, nw.Series):
        return _of_series(known, argument, names)
    return as_tensor(values, argument)


def _of_series(series: "nw.Series", argument: str, names: tuple[str, ...]) -> Tensor:
    labels = _labels(series)
    if any(name in labels for name in names) or (len(names) > 1 and labels):
        _check_there(argument, labels, names)
        if len(set(labels)) < len(labels):
            raise ValueError(f"{argument} has entries of the same name, got {labels}")
        row = dict(zip(labels, series.to_list(), strict=True))
        return stacked((row[name] for name in names), argument)
    if len(names) == 1 and series.name:
        _check_there(argument, [series.name], names)
    return as_tensor(series, argument)


def _labels(series: "nw.Series") -> list[str]:
    """Return the labels of the entries, as pandas has them, where all are text."""
    import narwhals as nw

    index = nw.maybe_get_index(series)
    labels = [] if index is None else list(index)
    return labels if all(isinstance(label, str) for label in labels) else []


def _check_there(argument: str, found: Sequence[object], names: Sequence[str]) -> None:
    missing = [name for name in names if name not in found]
    if len(missing) == len(names):
        _refuse_all(argument, found, names)
    if missing:
        raise ValueError(
            f"{argument} lacks the target {missing[0]!r}, got {list(found)}"
            + hint(missing[0], found)
        )


def _refuse_all(argument: str, found: Sequence[object], names: Sequence[str]) -> NoReturn:
    raise ValueError(
        f"{argument} has none of the targets {list(names)}, got {list(found)}; rename them, or "
        "give an array to have them read in order"
    )
