"""The mean of a network's weights over its last steps: what is validated, kept and answered with.

At a high learning rate the weights circle around a better place, and every member overfits in a
direction of its own. Their mean is nearer to that place long before the rate has fallen (Polyak &
Juditsky 1992), so that training can stop sooner. It is exponential: a step counts less the longer
ago it was (Tarvainen & Valpola 2017).
"""

from collections.abc import Mapping, Sequence
from typing import cast

import torch
from jaxtyping import Shaped
from torch import Tensor, nn
from torch.optim.swa_utils import get_ema_multi_avg_fn

from mdn.networks.head import Part


class WeightAverage:
    """An exponential moving average of the numbers of a network, that can change places with them.

    Args:
        network: as it begins.
        steps: how many of them the average looks back on.

    Attributes:
        count: steps so far; the first ones are averaged evenly.
        in_place: whether the network holds the average now, and this object the weights in
            training.
    """

    def __init__(self, network: nn.Module, steps: float) -> None:
        self._own = _numbers(network)
        self._others = {name: value.detach().clone() for name, value in self._own.items()}
        self._share = 1 / max(steps, 1.0)
        self.count = 0
        self.in_place = False

    @torch.no_grad()
    def update(self) -> None:
        """Take in the weights behind a step."""
        self.count += 1
        take_in = get_ema_multi_avg_fn(1 - max(1 / self.count, self._share))
        take_in(list(self._others.values()), list(self._own.values()), self.count)

    @torch.no_grad()
    def swap(self) -> None:
        """Put the average into the network, or the weights in training back."""
        for own, other in zip(self._own.values(), self._others.values(), strict=True):
            kept = own.clone()
            own.copy_(other)
            other.copy_(kept)
        self.in_place = not self.in_place

    @torch.no_grad()
    def begin_anew(self, parts: Sequence[Part]) -> None:
        """Forget the past of some weights, which have jumped to another place."""
        names = {id(value): name for name, value in self._own.items()}
        for parameter, index in parts:
            self._others[names[id(parameter)]][index] = parameter[index]

    @property
    def averaged(self) -> Mapping[str, Shaped[Tensor, "..."]]:
        """The average, by the names of the network's state."""
        return _detached(self._own if self.in_place else self._others)

    @property
    def in_training(self) -> Mapping[str, Shaped[Tensor, "..."]]:
        """The weights that the optimizer moves, likewise."""
        return _detached(self._others if self.in_place else self._own)

    @torch.no_grad()
    def go_on(self, in_training: Mapping[str, object], count: int) -> None:
        """Stand where an earlier run stopped, whose average the network holds now.

        Raises:
            ValueError: if the weights are not those of this network, or not finite.
        """
        if set(in_training) != set(self._own) or not all(
            _is_like(own, in_training[name]) for name, own in self._own.items()
        ):
            raise ValueError(
                "the checkpoint averages other weights than this network has; train again, or "
                "give another checkpoint"
            )
        for name, own in self._own.items():
            self._others[name].copy_(own)
            own.copy_(cast(Tensor, in_training[name]))
        self.count = count


def _is_like(own: Tensor, value: object) -> bool:
    """Tell whether a value of a checkpoint can stand for some weights: no broadcasting."""
    return (
        isinstance(value, Tensor)
        and (value.shape, value.dtype) == (own.shape, own.dtype)
        and bool(value.isfinite().all())
    )


def _detached(values: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: value.detach() for name, value in values.items()}


def _numbers(network: nn.Module) -> dict[str, Tensor]:
    """Return what is averaged: parameters, and buffers such as the moments of a batch norm."""
    state = dict(network.named_parameters()) | dict(network.named_buffers())
    return {name: value for name, value in state.items() if value.is_floating_point()}
