"""The last layer: from features to the numbers of a Gaussian mixture."""

import copy
import math
from collections.abc import Sequence

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
    """Features [M, *batch, F] to Gaussian mixtures [M, *batch]; it begins with one member, M = 1.

    Without features it is a Gaussian mixture model, one row for all: [M, 1].

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

    @classmethod
    def join(cls, heads: Sequence["MixtureHead"]) -> "MixtureHead":
        """Return a copy of several heads of one shape as one, with the members of all."""
        whole = copy.copy(heads[0])
        whole._modules = {
            "weights": RowsLastLinear.join([head.weights for head in heads]),
            "components": RowsLastLinear.join([head.components for head in heads]),
        }
        return whole

    def forward(self, features: Float[Tensor, "M *batch F"]) -> GaussianMixture:
        # No likelihood survives the half precision a backbone may run in.
        precision = self.weights.weight.dtype
        logits = self.weights(features).to(precision)
        mu, raw = self.components(features).to(precision).split(self.sizes)
        return GaussianMixture(
            torch.log_softmax(logits, 0).movedim(0, -1),
            mu.unflatten(0, (self.num_targets, self.num_components)).movedim((1, 0), (-2, -1)),
            self.scale(raw),
        )

    def scale(self, raw: Float[Tensor, "S M *batch"]) -> Scale:
        """Return the scale of each mixture, from its raw numbers."""
        rows_last = raw.unflatten(0, self.raw_shape)
        return self.family.scale(rows_last.movedim((0, 1), (-2, -1)), self.num_targets)

    @torch.no_grad()
    def start(self, mixture: GaussianMixture, shrink: float, member: int = 0) -> None:
        """Begin at one mixture of this family, whatever the input.

        Args:
            mixture: without batch axes; it becomes the biases.
            shrink: what the input-dependent weights are multiplied by.
            member: whose head.
        """
        self.weights.weight[member] *= shrink
        self.components.weight[member] *= shrink
        self.weights.bias[member] = mixture.log_pi.to(self.weights.bias)
        raw = self.family.raw(mixture.scale)
        start = torch.cat([mixture.mu.mT.flatten(), raw.flatten()])
        self.components.bias[member] = start.to(self.components.bias)

    def owned_by(self, component: int, member: int = 0) -> list[Part]:
        """Return the part of each parameter that belongs to one component of one member alone."""
        columns = self.raw_shape[1]
        slots = torch.arange(sum(self.sizes), device=self.components.bias.device)
        mu, raw = slots.split(self.sizes)
        own = [mu.unflatten(0, (self.num_targets, self.num_components))[:, component]]
        if columns == self.num_components:
            own.append(raw.unflatten(0, self.raw_shape)[:, component])
        rows, row = torch.cat(own), slots.new_tensor([component])
        weights, components = self.weights, self.components
        return [
            (weights.weight, (member, row)),
            (weights.bias, (member, row)),
            (components.weight, (member, rows)),
            (components.bias, (member, rows)),
        ]

    @torch.no_grad()
    def reset(
        self,
        component: int,
        logit: float,
        mu: Float[Tensor, " D"],
        scale: Scale,
        member: int = 0,
    ) -> None:
        """Begin one component anew, whatever the input; the others keep what is theirs.

        Args:
            component: its number.
            logit: its unnormalized log weight.
            mu: its mean.
            scale: of this family, with K = 1. What components share is not touched.
            member: whose head.
        """
        owned = self.owned_by(component, member)
        (weight, row), (bias, _), (matrix, rows), (vector, _) = owned
        weight[row], bias[row], matrix[rows] = 0, logit, 0
        start = torch.cat([mu, self.family.raw(scale).flatten()])
        vector[rows] = start[: vector[rows].numel()].to(vector)


class RowsLastLinear(nn.Module):
    """A linear layer of each member, [M, *batch, F] to [O, M, *batch]: rows come out last.

    It begins with one member, as `nn.Linear` does. Without inputs it begins at random, and one row
    stands for all: [O, M, 1].

    Args:
        in_features: F; may be 0.
        out_features: O.
    """

    def __init__(self, in_features: int, out_features: int) -> None:
        super().__init__()
        self.in_features, self.out_features = in_features, out_features
        self.weight = nn.Parameter(torch.empty(1, out_features, in_features))
        self.bias = nn.Parameter(torch.empty(1, out_features))
        if in_features:
            nn.init.kaiming_uniform_(self.weight[0], a=math.sqrt(5))
            bound = 1 / math.sqrt(in_features)
            nn.init.uniform_(self.bias, -bound, bound)
        else:
            nn.init.normal_(self.bias)

    @classmethod
    def join(cls, layers: Sequence["RowsLastLinear"]) -> "RowsLastLinear":
        """Return a copy of several layers as one, with the members of all."""
        whole = copy.copy(layers[0])
        whole._parameters = {
            name: nn.Parameter(torch.cat([layer.get_parameter(name).detach() for layer in layers]))
            for name in whole._parameters
        }
        return whole

    def forward(self, x: Float[Tensor, "M *batch F"]) -> Float[Tensor, "O M *_"]:
        if x.ndim == 3 and self.in_features:
            return self._forward(x)
        batch = x.shape[1:-1] if self.in_features else (1,) * (x.ndim - 2)
        rows = x.reshape(len(x), math.prod(batch), self.in_features)
        return self._forward(rows).reshape(self.out_features, len(x), *batch)

    def _forward(self, rows: Float[Tensor, "M N F"]) -> Float[Tensor, "O M N"]:
        return torch.baddbmm(self.bias[:, :, None], self.weight, rows.mT).movedim(1, 0)
