"""Several modules of one class and one shape as one, which works on all of them at once.

Every parameter and buffer of the result has the members as its first axis, under the name that it
has in each of them, and so have the values that go through it: [M, *batch, F]. A module that only
calls others keeps its class and its `forward`; its layers are replaced one by one. A layer with
parameters or buffers of its own is replaced by its stacked form; without one it is run for one
member after the other, which is slow. A stacked form joins by one line,

    stack_layer.register(MyLayer, MyStackedLayer)

where `MyStackedLayer(*layers)` takes the layers of all members and maps [M, *batch, F]; see
`StackedLayer`.
"""

import copy
from collections.abc import Sequence
from functools import singledispatch

from torch import nn

from mdn.networks.stacked_layers import (
    OneByOne,
    StackedBatchNorm,
    StackedLayerNorm,
    StackedLinear,
    own_tensors,
)


@singledispatch
def stack_layer(first: nn.Module, *others: nn.Module) -> nn.Module:
    """Return one layer for the layers of all members; register here what stands for a class.

    `stack` asks for a form of exactly the class at hand, since a subclass may compute otherwise.
    """
    return OneByOne(first, *others)


stack_layer.register(nn.Linear, StackedLinear)
stack_layer.register(nn.LayerNorm, StackedLayerNorm)


@stack_layer.register
def _(first: nn.BatchNorm1d, *others: nn.BatchNorm1d) -> nn.Module:
    usual = first.affine and first.track_running_stats and first.momentum is not None
    return StackedBatchNorm(first, *others) if usual else OneByOne(first, *others)


def stack(members: Sequence[nn.Module]) -> nn.Module:
    """Return one module for several that are alike, beginning at their numbers.

    Args:
        members: modules of one class and one shape; each takes [*batch, F].
    """
    return OneByOne(*members) if _ties_parameters(members[0]) else _stack(members, {})


def run_one_by_one(module: nn.Module) -> list[str]:
    """Name the classes of the layers in a stacked module that are run member after member."""
    layers = (each for each in module.modules() if isinstance(each, OneByOne))
    return sorted({type(layer.each).__name__ for layer in layers})


def _stack(members: Sequence[nn.Module], known: dict[nn.Module, nn.Module]) -> nn.Module:
    first = members[0]
    if first not in known:  # else it is used twice, and stays one
        known[first] = _stack_new(members, known)
    return known[first]


def _stack_new(members: Sequence[nn.Module], known: dict[nn.Module, nn.Module]) -> nn.Module:
    first = members[0]
    if type(first) in stack_layer.registry and not _has_hooks(first):
        return stack_layer(*members)
    if own_tensors(first) or any(map(_is_a_container, first.children())):
        return OneByOne(*members)
    whole = copy.copy(first)
    whole._modules = {
        name: child and _stack([getattr(member, name) for member in members], known)
        for name, child in first._modules.items()
    }
    return whole


def _is_a_container(child: nn.Module) -> bool:
    # Its parameters are read by whoever holds it; it is never called.
    return isinstance(child, nn.ParameterList | nn.ParameterDict)


def _has_hooks(layer: nn.Module) -> bool:
    # weight_norm and spectral_norm are hooks on an ordinary layer.
    return bool(layer._forward_pre_hooks or layer._forward_hooks)


def _ties_parameters(module: nn.Module) -> bool:
    """Tell whether two different modules hold the same parameter."""
    held = [p for part in module.modules() for p in part._parameters.values() if p is not None]
    return len(set(held)) < len(held)
