"""Several modules of one shape as one, whose layers work on all of them at once.

Every parameter and buffer of the result has the members as its first axis, under the name that it
has in each of them, and so have the values that go through it: [M, *batch, F]. A layer with
numbers of its own is replaced by one that multiplies batches of matrices; what has none is kept,
and so is every module that only calls others.
"""

import copy
import math
from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.functional import batch_norm, layer_norm

from mdn.networks.head import RowsLastLinear


def stacked(members: Sequence[nn.Module]) -> nn.Module:
    """One module for several that are alike, beginning at their numbers.

    A layer that is not in `STACKED` is run for one member after the other.

    Args:
        members: modules of one class and one shape; each takes [*batch, F].
    """
    return _stacked(members, {})


def _stacked(members: Sequence[nn.Module], known: dict[nn.Module, nn.Module]) -> nn.Module:
    first = members[0]
    if first not in known:  # else it is used twice, and stays one
        known[first] = _stack(members, known)
    return known[first]


def _stack(members: Sequence[nn.Module], known: dict[nn.Module, nn.Module]) -> nn.Module:
    first = members[0]
    if type(first) in STACKED:
        return STACKED[type(first)](members)
    if own_tensors(first):
        return OneByOne(members)
    whole = copy.copy(first)
    whole._modules = {
        name: child and _stacked([getattr(member, name) for member in members], known)
        for name, child in first._modules.items()
    }
    return whole


def own_tensors(module: nn.Module) -> Sequence[str]:
    """Names of the parameters and buffers of a module that are not those of a child."""
    return [
        name
        for name, tensor in (*module._parameters.items(), *module._buffers.items())
        if tensor is not None
    ]


def stack_tensors(whole: nn.Module, members: Sequence[nn.Module]) -> None:
    """Give a module the parameters and buffers of several, side by side."""
    for name, first in members[0]._parameters.items():
        together = None
        if first is not None:
            together = nn.Parameter(_side_by_side(name, members), first.requires_grad)
        whole.register_parameter(name, together)
    for name, first in members[0]._buffers.items():
        whole.register_buffer(name, None if first is None else _side_by_side(name, members))


def _side_by_side(name: str, members: Sequence[nn.Module]) -> Tensor:
    return torch.stack([getattr(member, name).detach() for member in members])


class StackedLinear(nn.Module):
    """`nn.Linear`: weight [M, O, I], bias [M, O] or None."""

    weight: Tensor
    bias: Tensor | None

    def __init__(self, members: Sequence[nn.Linear]) -> None:
        super().__init__()
        stack_tensors(self, members)

    def forward(self, x: Float[Tensor, "M *batch I"]) -> Float[Tensor, "M *batch O"]:
        rows = x if x.ndim == 3 else _as_rows(x)
        if self.bias is None:
            out = torch.bmm(rows, self.weight.mT)
        else:
            out = torch.baddbmm(self.bias[:, None], rows, self.weight.mT)
        return out if x.ndim == 3 else out.view(*x.shape[:-1], out.shape[-1])


class StackedRowsLastLinear(nn.Module):
    """`RowsLastLinear`: rows come out last, and members next to them.

    Features without a members' axis are no features at all: then there is one row for all.
    """

    weight: Tensor
    bias: Tensor

    def __init__(self, members: Sequence[RowsLastLinear]) -> None:
        super().__init__()
        stack_tensors(self, members)

    def forward(self, x: Float[Tensor, "*batch I"]) -> Float[Tensor, "O M *rows"]:
        x = x.expand(len(self.weight), 1, 0) if x.ndim == 1 else x
        rows = x if x.ndim == 3 else _as_rows(x)
        out = torch.baddbmm(self.bias[:, :, None], self.weight, rows.mT)
        out = out if x.ndim == 3 else out.view(*out.shape[:-1], *x.shape[1:-1])
        return out.movedim(1, 0)


class StackedLayerNorm(nn.Module):
    """`nn.LayerNorm`: weight and bias [M, *normalized_shape] or None."""

    weight: Tensor | None
    bias: Tensor | None

    def __init__(self, members: Sequence[nn.LayerNorm]) -> None:
        super().__init__()
        stack_tensors(self, members)
        self.normalized_shape = members[0].normalized_shape
        self.eps = members[0].eps

    def forward(self, x: Float[Tensor, "M *batch F"]) -> Float[Tensor, "M *batch F"]:
        out = layer_norm(x, self.normalized_shape, eps=self.eps)
        for_all = (len(x), *(1,) * (x.ndim - 1 - len(self.normalized_shape)))
        if self.weight is not None:
            out = out * self.weight.view(*for_all, *self.normalized_shape)
        return out if self.bias is None else out + self.bias.view(*for_all, *self.normalized_shape)


class StackedBatchNorm(nn.Module):
    """`nn.BatchNorm1d` over rows [M, N, F], those of each member by themselves."""

    weight: Tensor
    bias: Tensor
    running_mean: Tensor
    running_var: Tensor
    num_batches_tracked: Tensor

    def __init__(self, members: Sequence[nn.BatchNorm1d]) -> None:
        super().__init__()
        stack_tensors(self, members)
        self.momentum = members[0].momentum or 0.0
        self.eps = members[0].eps

    def forward(self, x: Float[Tensor, "M N F"]) -> Float[Tensor, "M N F"]:
        if self.training:
            self.num_batches_tracked += 1
        flat = x.movedim(0, 1).flatten(1)
        out = batch_norm(
            flat,
            self.running_mean.view(-1),
            self.running_var.view(-1),
            self.weight.view(-1),
            self.bias.view(-1),
            self.training,
            self.momentum,
            self.eps,
        )
        return out.unflatten(1, self.weight.shape).movedim(1, 0)


class OneByOne(nn.Module):
    """Any module, run for one member after the other."""

    def __init__(self, members: Sequence[nn.Module]) -> None:
        super().__init__()
        self.num_members = len(members)
        self.each = copy.deepcopy(members[0])
        for path, part in list(self.each.named_modules()):
            stack_tensors(part, [member.get_submodule(path) for member in members])

    def forward(self, x: Float[Tensor, "M *batch I"]) -> Float[Tensor, "M *batch O"]:
        tensors = {**dict(self.each.named_parameters()), **dict(self.each.named_buffers())}
        return torch.stack(
            [
                functional_call(self.each, {name: t[m] for name, t in tensors.items()}, (x[m],))
                for m in range(self.num_members)
            ]
        )


def _batch_norm(members: Sequence[nn.BatchNorm1d]) -> nn.Module:
    first = members[0]
    usual = first.affine and first.track_running_stats and first.momentum is not None
    return StackedBatchNorm(members) if usual else OneByOne(members)


STACKED: dict[type[nn.Module], Callable[[Sequence], nn.Module]] = {
    nn.Linear: StackedLinear,
    RowsLastLinear: StackedRowsLastLinear,
    nn.LayerNorm: StackedLayerNorm,
    nn.BatchNorm1d: _batch_norm,
}
"""What stands for several layers of a class."""


def _as_rows(x: Float[Tensor, "M *batch I"]) -> Float[Tensor, "M N I"]:
    return x.reshape(len(x), math.prod(x.shape[1:-1]), x.shape[-1])
