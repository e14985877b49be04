"""The spread of each network, learned again on rows that the network has not seen.

A network that is trained to its end has its best means, and is too sure of them: at the rows that
it knows by heart the errors are small. Rows that it has not seen tell how large they are. Here the
part of the head that scales come from moves to what such rows ask for; means, weights and backbone
stay (a calibration as in Kuleshov et al. 2018, but by input and component). A ridge towards the
trained numbers counts once, as a prior does, whatever the number of rows.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float, Shaped
from torch import Tensor

from mdn.distributions.mixture import GaussianMixture
from mdn.networks.head import MixtureHead

RIDGE = 10.0
"""Nats for a change of 1 in a raw number, or by as much through one feature of the usual size."""

_STEPS, _RATE = 75, 0.1


@dataclass(frozen=True, eq=False)
class Spread:
    """What the scales of each member come from: rows of the head's linear map.

    Attributes:
        weight: by feature.
        bias: for features of 0.
    """

    weight: Float[Tensor, "M S F"]
    bias: Float[Tensor, "M S"]

    @classmethod
    def of(cls, head: MixtureHead) -> "Spread":
        """Return a copy of what a head has."""
        first, rows = head.sizes[0], head.components
        return cls(rows.weight.detach()[:, first:].clone(), rows.bias.detach()[:, first:].clone())

    @torch.no_grad()
    def put_into(self, head: MixtureHead) -> None:
        """Give it to a head."""
        head.components.weight[:, head.sizes[0] :] = self.weight
        head.components.bias[:, head.sizes[0] :] = self.bias

    def raw(self, features: Float[Tensor, "M N F"]) -> Float[Tensor, "S M N"]:
        """Return the raw numbers that a family makes scales of."""
        return torch.baddbmm(self.bias[:, :, None], self.weight, features.mT).movedim(1, 0)

    def distance(self, other: "Spread", unit: Float[Tensor, ""]) -> Float[Tensor, " M"]:
        """Return the squared distance of each member's numbers, in units of the raw numbers.

        Args:
            other: another one.
            unit: the mean square of a feature.
        """
        by_feature = (self.weight - other.weight).square().sum((1, 2))
        return by_feature * unit + (self.bias - other.bias).square().sum(1)


def refitted_spread(
    head: MixtureHead,
    features: Float[Tensor, "M N F"],
    log_prob: Callable[[GaussianMixture], Float[Tensor, "M N"]],
    weight: Shaped[Tensor, "M N"],
    ridge: float = RIDGE,
) -> Spread:
    """Return the spread of each member that rows ask for which it has not seen.

    Args:
        head: a trained one, which stays as it is.
        features: of rows of each member's own.
        log_prob: of their targets under mixtures [M, N].
        weight: how often each row counts; 0 where it only fills up.
        ridge: towards the trained numbers, in nats.
    """
    counted = _counted(weight.to(features))
    with torch.no_grad():
        trained, unit = head(features), features.square().mean()
    old = Spread.of(head)
    new = Spread(old.weight.clone().requires_grad_(), old.bias.clone().requires_grad_())
    optimizer = torch.optim.Adam([new.weight, new.bias], lr=_RATE, fused=True)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, _STEPS)
    with torch.enable_grad():
        for _ in range(_STEPS):
            optimizer.zero_grad()
            scale = head.scale(new.raw(features))
            nats = log_prob(GaussianMixture(trained.log_pi, trained.mu, scale)).to(counted)
            loss = ridge * new.distance(old, unit) - _total(nats, counted)
            (loss / counted.sum(-1).clamp(min=1)).sum().backward()
            optimizer.step()
            schedule.step()
    return Spread(new.weight.detach(), new.bias.detach())


def _counted(weight: Float[Tensor, "M N"]) -> Float[Tensor, "M N"]:
    """Weights that sum to the effective number of rows (Kish 1965), in whatever unit they come."""
    total = weight.sum(-1, keepdim=True)
    return weight * (total / weight.square().sum(-1, keepdim=True)).nan_to_num()


def _total(nats: Float[Tensor, "M N"], weight: Float[Tensor, "M N"]) -> Float[Tensor, " M"]:
    return (nats * weight).where(weight > 0, 0.0).sum(-1)
