"""Steps of gradient descent that leave out members whose gradient is not finite, or a spike."""

import math
from collections.abc import Callable
from typing import Protocol, cast

import torch
from jaxtyping import Bool, Float, Shaped
from torch import Tensor
from torch.optim import Optimizer

from mdn.networks.network import MixtureNetwork
from mdn.training.spikes import Spikes

_OVERFLOW = 1e30
"""A loss beyond this is infinite too: the likelihood holds back what float32 cannot."""


class _Skips(Protocol):
    """An optimizer whose kernel does nothing where `found_inf` is 1; torch declares neither."""

    found_inf: Tensor


class SafeSteps:
    """Takes steps, but not those of a member whose gradient is not finite, or a spike.

    A skipped step leaves the member as it is: its parameters, what the optimizer remembers of
    them, and buffers such as the statistics of a batch norm. Members share nothing, so the others
    take the step. Reading a gradient would hold up a GPU: there the kernel of a fused optimizer
    skips the step for all members. Processes average their gradients first, so all skip alike.

    Args:
        network: that takes the steps.
        spikes: what tells spikes, which are skipped too; None where the norms are clipped.

    Attributes:
        skipped: the members that skipped each step, since this list was last emptied.
        norms: of the gradients of these steps.
    """

    def __init__(self, network: MixtureNetwork, spikes: Spikes | None = None) -> None:
        self.skipped: list[Bool[Tensor, " M"]] = []
        self.norms: list[Float[Tensor, " M"]] = []
        self.spikes = spikes
        self._buffers = list(network.backbone.buffers())

    def buffers(self) -> list[Tensor]:
        """Return copies of what the forward pass changes; usually there is nothing."""
        return [buffer.clone() for buffer in self._buffers]

    def emptied(self) -> tuple[Bool[Tensor, "steps M"], Float[Tensor, "steps M"]]:
        """Return which members skipped each step, and the norms; begin anew."""
        found = torch.stack(self.skipped).cpu(), torch.stack(self.norms)
        self.skipped, self.norms = [], []
        return found

    def step(
        self,
        step: Callable[[], object],
        optimizer: Optimizer,
        norms: Float[Tensor, " M"],
        buffers: list[Tensor],
    ) -> Bool[Tensor, ""]:
        """Take a step for the members that can; return whether any cannot.

        Args:
            step: of the optimizer, with what hangs on it.
            optimizer: the bare one.
            norms: of the gradient of each member.
            buffers: as they were before the forward pass.
        """
        skipped = ~(norms < math.inf)
        if self.spikes is not None:
            skipped |= self.spikes.find(norms)
        self.skipped.append(skipped)
        self.norms.append(norms)
        some = skipped.any()
        if skipped.is_cuda and getattr(optimizer, "_step_supports_amp_scaling", False):
            cast(_Skips, optimizer).found_inf = some.float()
            step()
        elif some:
            _step_of_others(step, optimizer, skipped)
        else:
            step()
            return some
        for buffer, earlier in zip(self._buffers, buffers, strict=True):
            buffer.copy_(torch.where(_beside(skipped, buffer), earlier, buffer))
        return some


def poisoned(losses: Float[Tensor, " M"]) -> Float[Tensor, " M"]:
    """Return losses of which one that is not finite has no finite gradient either."""
    # Whatever is found in the gradient is known to all processes.
    return losses / (losses.detach().abs() < _OVERFLOW)


def overflows(losses: Float[Tensor, "*rows"]) -> Bool[Tensor, "*rows"]:
    """Tell which losses are not finite, or so large that the likelihood holds them back."""
    return ~(losses.abs() < _OVERFLOW)


@torch.no_grad()
def _step_of_others(
    step: Callable[[], object], optimizer: Optimizer, skipped: Bool[Tensor, " M"]
) -> None:
    learnt = [p for group in optimizer.param_groups for p in group["params"]]
    if skipped.all():
        for parameter in learnt:
            parameter.grad = None  # so the optimizer passes it over
        step()
        return
    held = [each for p in learnt for each in (p, *_memory(optimizer, p))]
    earlier = [each[skipped] for each in held]
    for parameter in learnt:
        if parameter.grad is not None:
            parameter.grad[skipped] = 0.0
    step()
    for each, values in zip(held, earlier, strict=True):
        each[skipped] = values


def _memory(optimizer: Optimizer, parameter: Tensor) -> list[Tensor]:
    """What the optimizer remembers of each number in a parameter."""
    state = optimizer.state.get(parameter, {}).values()
    return [each for each in state if isinstance(each, Tensor) and each.shape == parameter.shape]


def _beside(
    members: Bool[Tensor, " M"], values: Shaped[Tensor, " M *_"]
) -> Bool[Tensor, " M *ones"]:
    return members.view(-1, *(1,) * (values.ndim - 1))
