"""Layers with a member axis: each stands for M ordinary layers of one class and one shape.

Parameters and buffers are [M, ...] under the names that they have in each layer; values are
[M, *batch, F]. `mdn.networks.stacking` puts these layers in the place of ordinary ones.
"""

import copy
import math
from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import batch_norm, layer_norm

Place = tuple[dict[str, Any], str]
"""Where a module holds a parameter or buffer: its dictionary of them, and a name."""


def own_tensors(module: nn.Module) -> Sequence[str]:
    """Name the parameters and buffers of a module that belong to no child."""
    return [
        name
        for name, tensor in (*module._parameters.items(), *module._buffers.items())
        if tensor is not None
    ]


def stack_tensors(
    whole: nn.Module,
    members: Sequence[nn.Module],
    known: dict[nn.Parameter, nn.Parameter] | None = None,
) -> None:
    """Give a module the parameters and buffers of several, side by side.

    Args:
        whole: the module.
        members: where they are from.
        known: what stands for parameters of the first member; new ones are added.
    """
    known = {} if known is None else known
    first = members[0]
    for name, parameter in first._parameters.items():
        if parameter is not None and parameter not in known:
            both = nn.Parameter(_side_by_side(name, members), parameter.requires_grad)
            known[parameter] = both
        whole.register_parameter(name, None if parameter is None else known[parameter])
    for name, buffer in first._buffers.items():
        whole.register_buffer(
            name,
            None if buffer is None else _side_by_side(name, members),
            persistent=name not in first._non_persistent_buffers_set,
        )


def _side_by_side(name: str, members: Sequence[nn.Module]) -> Tensor:
    return torch.stack([getattr(member, name).detach() for member in members])


class StackedLayer(nn.Module):
    """A base for stacked forms: it takes over the parameters and buffers of ordinary layers.

    ```python
    class StackedScale(StackedLayer):
        def __init__(self, *layers: Scale) -> None:
            super().__init__(*layers)  # self.factor is [M, F] where layer.factor is [F]

        def forward(self, x):  # [M, N, F]
            return x * self.factor[:, None]

    stack_layer.register(Scale, StackedScale)
    ```

    Args:
        layers: one for each member, of one class and one shape; they are copied.
    """

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        stack_tensors(self, layers)


class StackedLinear(StackedLayer):
    """`nn.Linear` of each member: weight [M, O, I], bias [M, O] or None."""

    weight: Tensor
    bias: Tensor | None

    def forward(self, x: Float[Tensor, "M *batch I"]) -> Float[Tensor, "M *batch O"]:
        rows = x if x.ndim == 3 else _as_rows(x)
        if self.bias is None:
            out = torch.bmm(rows, self.weight.mT)
        else:
            out = torch.baddbmm(self.bias[:, None], rows, self.weight.mT)
        return out if x.ndim == 3 else out.view(*x.shape[:-1], out.shape[-1])


class StackedLayerNorm(StackedLayer):
    """`nn.LayerNorm` of each member: weight and bias [M, *normalized_shape] or None."""

    weight: Tensor | None
    bias: Tensor | None

    def __init__(self, *layers: nn.LayerNorm) -> None:
        super().__init__(*layers)
        self.normalized_shape = layers[0].normalized_shape
        self.eps = layers[0].eps

    def forward(self, x: Float[Tensor, "M *batch F"]) -> Float[Tensor, "M *batch F"]:
        out = layer_norm(x, self.normalized_shape, eps=self.eps)
        for_all = (len(x), *(1,) * (x.ndim - 1 - len(self.normalized_shape)))
        if self.weight is not None:
            out = out * self.weight.view(*for_all, *self.normalized_shape)
        return out if self.bias is None else out + self.bias.view(*for_all, *self.normalized_shape)


class StackedBatchNorm(StackedLayer):
    """`nn.BatchNorm1d` of each member, over that member's rows; it needs all usual buffers."""

    weight: Tensor
    bias: Tensor
    running_mean: Tensor
    running_var: Tensor
    num_batches_tracked: Tensor

    def __init__(self, *layers: nn.BatchNorm1d) -> None:
        super().__init__(*layers)
        self.momentum = layers[0].momentum or 0.0
        self.eps = layers[0].eps

    def forward(self, x: Float[Tensor, "M *batch F"]) -> Float[Tensor, "M *batch F"]:
        if self.training:
            self.num_batches_tracked += 1
        flat = _as_rows(x).movedim(0, 1).flatten(1)
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
        return out.unflatten(1, self.weight.shape).movedim(1, 0).reshape(x.shape)


class OneByOne(nn.Module):
    """Any module, run for one member after the other.

    Args:
        modules: one for each member, of one class and one shape; they are copied.
    """

    def __init__(self, *modules: nn.Module) -> None:
        super().__init__()
        self.num_members = len(modules)
        self.each = copy.deepcopy(modules[0])
        known: dict[nn.Parameter, nn.Parameter] = {}
        for path, part in list(self.each.named_modules()):
            stack_tensors(part, [module.get_submodule(path) for module in modules], known)

    def forward(self, *inputs: Float[Tensor, " M *_"]) -> Float[Tensor, " M *_"]:
        # Faster than torch.func.functional_call, which checks every name for every member.
        places = _places(self.each)
        stacked = [held[name] for held, name in places]
        unbound = zip(*(tensor.unbind() for tensor in stacked), strict=True)
        members = unbound if places else [()] * self.num_members
        rows = zip(*(x.unbind() for x in inputs), strict=True)
        try:
            each = [self._run(places, *member) for member in zip(members, rows, strict=True)]
            return torch.stack(each)
        finally:
            _put(places, stacked)

    def _run(
        self, places: Sequence[Place], tensors: Sequence[Tensor], inputs: Sequence[Tensor]
    ) -> Tensor:
        _put(places, tensors)
        out = self.each(*inputs)
        for (held, name), tensor in zip(places, tensors, strict=True):
            if held[name] is not tensor:  # a buffer that was set anew
                tensor.copy_(held[name].detach())
        return out


def _places(module: nn.Module) -> list[Place]:
    return [
        (held, name)
        for part in module.modules()
        for held in (part._parameters, part._buffers)
        for name, tensor in held.items()
        if tensor is not None
    ]


def _put(places: Sequence[Place], tensors: Sequence[Tensor]) -> None:
    for (held, name), tensor in zip(places, tensors, strict=True):
        held[name] = tensor


def _as_rows(x: Float[Tensor, "M *batch I"]) -> Float[Tensor, "M N I"]:
    return x.reshape(len(x), math.prod(x.shape[1:-1]), x.shape[-1])
