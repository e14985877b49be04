"""The last layer: from features to the numbers of a Gaussian mixture."""

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from mdn.distributions.checks import check_at_least
from mdn.distributions.families import Family
from mdn.distributions.mixture import GaussianMixture
from mdn.distributions.scale import Scale

Part = tuple[Tensor, tuple[int | Int[Tensor, " _"], ...]]
"""A parameter, and the index of some of its rows."""


class MixtureHead(nn.Module):
    """Features to a Gaussian mixture; with no features, a Gaussian mixture model.

    The weights have a linear map of their own, so that they can have a learning rate of their
    own. All numbers come out with rows last, the layout in which the likelihood is several times
    faster than with components or targets last; what is handed on are views.

    Args:
        num_features: F; may be 0.
        num_targets: D.
        num_components: K.
        family: the covariance family.

    Raises:
        ValueError: on fewer than one component or target.
    """

    def __init__(
        self, num_features: int, num_targets: int, num_components: int, family: Family
    ) -> None:
        check_at_least("num_components", num_components, 1)
        check_at_least("num_targets", num_targets, 1)
        super().__init__()
        self.num_components = num_components
        self.num_targets = num_targets
        self.family = family
        self.raw_shape = family.raw_shape(num_components, num_targets)
        self.sizes = [num_targets * num_components, self.raw_shape[0] * self.raw_shape[1]]
        self.weights = RowsLastLinear(num_features, num_components)
        self.components = RowsLastLinear(num_features, sum(self.sizes))

    def forward(self, features: Float[Tensor, "*batch F"]) -> GaussianMixture:
        # No likelihood survives the half precision a backbone may run in.
        precision = self.weights.weight.dtype
        logits = self.weights(features).to(precision)
        mu, raw = self.components(features).to(precision).split(self.sizes)
        return GaussianMixture(
            torch.log_softmax(logits, 0).movedim(0, -1),
            mu.unflatten(0, (self.num_targets, self.num_components)).movedim((1, 0), (-2, -1)),
            self.family.scale(
                raw.unflatten(0, self.raw_shape).movedim((0, 1), (-2, -1)), self.num_targets
            ),
        )

    @torch.no_grad()
    def start(self, mixture: GaussianMixture, shrink: float, member: tuple[int, ...] = ()) -> None:
        """Begin at one mixture of this family, whatever the input.

        Args:
            mixture: without batch axes; it becomes the biases.
            shrink: what the input-dependent weights are multiplied by.
            member: which one, where several heads are stacked.
        """
        self.weights.weight[member] *= shrink
        self.components.weight[member] *= shrink
        self.weights.bias[member] = mixture.log_pi.to(self.weights.bias)
        raw = self.family.raw(mixture.scale)
        start = torch.cat([mixture.mu.mT.flatten(), raw.flatten()])
        self.components.bias[member] = start.to(self.components.bias)

    def owned_by(self, component: int, member: tuple[int, ...] = ()) -> list[Part]:
        """The part of each parameter that belongs to one component alone, of one member."""
        columns = self.raw_shape[1]
        slots = torch.arange(sum(self.sizes), device=self.components.bias.device)
        mu, raw = slots.split(self.sizes)
        own = [mu.unflatten(0, (self.num_targets, self.num_components))[:, component]]
        if columns == self.num_components:
            own.append(raw.unflatten(0, self.raw_shape)[:, component])
        rows, row = torch.cat(own), slots.new_tensor([component])
        weights, components = self.weights, self.components
        return [
            (weights.weight, (*member, row)),
            (weights.bias, (*member, row)),
            (components.weight, (*member, rows)),
            (components.bias, (*member, rows)),
        ]

    @torch.no_grad()
    def restart(
        self,
        component: int,
        logit: float,
        mu: Float[Tensor, " D"],
        scale: Scale,
        member: tuple[int, ...] = (),
    ) -> None:
        """Begin one component anew, whatever the input; the others keep all that is theirs.

        Args:
            component: its number.
            logit: its unnormalised log weight.
            mu: its mean.
            scale: of this family, with K = 1. What components share is not touched.
            member: which one, where several heads are stacked.
        """
        owned = self.owned_by(component, member)
        (weight, row), (bias, _), (matrix, rows), (vector, _) = owned
        weight[row], bias[row], matrix[rows] = 0, logit, 0
        start = torch.cat([mu, self.family.raw(scale).flatten()])
        vector[rows] = start[: vector[rows].numel()].to(vector)


class RowsLastLinear(nn.Linear):
    """A linear layer with rows last that may have no inputs, and then begins at random."""

    def reset_parameters(self) -> None:
        if self.in_features:
            super().reset_parameters()
        else:
            nn.init.normal_(self.bias)

    def forward(self, input: Float[Tensor, "*batch F"]) -> Float[Tensor, " O *batch"]:
        batch = input.shape[:-1]
        rows = input.reshape(math.prod(batch), self.in_features)
        out = torch.addmm(self.bias[:, None], self.weight, rows.T)
        return out.reshape(self.out_features, *batch)
