"""Values that a mixture is asked about, such as y: how they are read, once for every question.

**Forms.** Whatever `numbers` reads: tensors, arrays, frames, columns, lists, plain numbers.
Where a mixture has `target_names`, the columns of a frame, the entries of a mapping and those of a
labelled row are picked by them; else the columns of a frame are the targets in their order.

**Shape.** The last axis is the targets, and the axes before it broadcast against the batch. With
one target its axis may be left out in the two cases that can only mean one thing: a plain number,
which holds for every mixture, and a vector of N numbers for N mixtures or for a mixture without a
batch. A vector is otherwise refused, for [N] against [N, 1] would silently become N x N answers. A
vector as long as there are targets is one row.

**Type.** The computation has the wider of the two types, and so has the answer: double precision
values widen a mixture in single precision, so no digit of either is lost. Values move to the
mixture's device.

**Not a number.** NaN in, NaN out, for that row alone.
"""

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import TypeVar

import torch
from torch import Tensor

from mdn.distributions.abstract import Mixture
from mdn.distributions.named_values import Values, numbers_of_targets
from mdn.distributions.target_names import chosen

AnyMixture = TypeVar("AnyMixture", bound=Mixture)
_Answer = TypeVar("_Answer")


def takes_values(question: Callable[..., _Answer]) -> Callable[..., _Answer]:
    """Let a question of (mixture, values, ...) take its values in any form; see this module."""
    name = list(inspect.signature(question).parameters)[1]

    @functools.wraps(question)
    def ask(mixture: Mixture, *given: Values, **options: Values) -> _Answer:
        if (given and _is_ready(mixture, given[0])) or not (given or name in options):
            return question(mixture, *given, **options)
        values, *rest = given or (options.pop(name),)
        return question(*as_values(mixture, values, name), *rest, **options)

    return ask


def as_values(
    mixture: AnyMixture, values: Values, name: str = "y", dims: Sequence[int] | None = None
) -> tuple[AnyMixture, Tensor]:
    """Read the values that a mixture is asked about, [*rows, D]; both in the wider of their types.

    Args:
        mixture: whose batch and targets the values must fit.
        values: in any form; see this module.
        name: of the argument, for messages.
        dims: the targets that the values are of, where not of all.

    Raises:
        TypeError: on what is not real numbers.
        ValueError: on values of a shape that does not fit the mixture.
    """
    names = mixture.target_names if dims is None else chosen(mixture.target_names, dims)
    tensor = _with_axis(mixture, numbers_of_targets(values, name, names), name, dims)
    _check_rows(tensor.shape[:-1], mixture.batch_shape, name)
    return _in_one_type(mixture, tensor)


def as_direction(
    mixture: AnyMixture, values: Values, name: str = "direction"
) -> tuple[AnyMixture, Tensor]:
    """Read one number for each target that holds for the whole batch, [D], as `as_values` does.

    Raises:
        TypeError: on what is not real numbers.
        ValueError: on another shape.
    """
    tensor = numbers_of_targets(values, name, mixture.target_names)
    targets = mixture.num_targets
    tensor = tensor[None] if tensor.ndim == 0 and targets == 1 else tensor
    if tensor.shape != (targets,):
        raise ValueError(
            f"{name} takes one number for each of {targets} targets, got shape "
            f"{tuple(tensor.shape)}"
        )
    return _in_one_type(mixture, tensor)


def _in_one_type(mixture: AnyMixture, values: Tensor) -> tuple[AnyMixture, Tensor]:
    kind = torch.promote_types(mixture.dtype, values.dtype)
    mixture = mixture if kind == mixture.dtype else mixture.to(dtype=kind)
    return mixture, values.to(device=mixture.device, dtype=kind)


def _is_ready(mixture: Mixture, values: object) -> bool:
    """Tell at the cost of a look whether values are ready: one row for each mixture."""
    if type(values) is not Tensor:
        return False
    log_pi, shape = mixture.log_pi, values.shape
    return (
        len(shape) == 2
        and len(of := log_pi.shape) > 1
        and of[-2] == shape[0]
        and mixture.num_targets == shape[1]
        and values.dtype is log_pi.dtype
        and values.device == log_pi.device
    )


def _with_axis(mixture: Mixture, values: Tensor, name: str, dims: Sequence[int] | None) -> Tensor:
    width = mixture.num_targets if dims is None else len(dims)
    if values.ndim and values.shape[-1] == width:
        return values
    if width == 1 and _is_one_target(values.shape, mixture.batch_shape, dims is None):
        return values[..., None]
    of = f"the {width} targets of the mixture" if dims is None else f"each of dims {list(dims)}"
    raise ValueError(
        f"{name} must hold one number for {of} in its last axis, got shape {tuple(values.shape)} "
        f"for mixtures of batch shape {tuple(mixture.batch_shape)}; a single target still has an "
        f"axis: {name}[..., None]"
    )


def _is_one_target(shape: torch.Size, batch: torch.Size, of_all: bool) -> bool:
    """Tell whether values without the axis of their target can mean only one thing."""
    return not shape or (len(shape) == 1 and (shape == batch or (of_all and not batch)))


def _check_rows(rows: torch.Size, batch: torch.Size, name: str) -> None:
    pairs = zip(reversed(rows), reversed(batch), strict=False)
    if any(a != b and 1 not in (a, b) for a, b in pairs):
        raise ValueError(
            f"{name} holds rows of shape {list(rows)}, which do not broadcast against mixtures of "
            f"batch shape {list(batch)}; give one row for each mixture, or ask mixture[i]"
        )
