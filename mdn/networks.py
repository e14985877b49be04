"""A backbone in front of a mixture head: the network that returns a distribution."""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from itertools import pairwise

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from mdn.families import Family
from mdn.mixture import GaussianMixture
from mdn.scale import Scale

ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "elu": nn.ELU,
    "gelu": nn.GELU,
    "leaky_relu": nn.LeakyReLU,
    "relu": nn.ReLU,
    "silu": nn.SiLU,
    "tanh": nn.Tanh,
}
NORMS: dict[str | None, Callable[[int], nn.Module]] = {
    None: lambda width: nn.Identity(),
    "batch": nn.BatchNorm1d,
    "layer": nn.LayerNorm,
}

Part = tuple[Tensor, tuple[int | Int[Tensor, " _"], ...]]
"""A parameter, and the index of some of its rows."""


class Block(nn.Module):
    """One hidden layer: linear, norm, activation, dropout, and the way round it."""

    def __init__(
        self,
        inputs: int,
        width: int,
        activation: str,
        dropout: float,
        norm: str | None,
        residual: bool,
    ) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(inputs, width),
            NORMS[norm](width),
            ACTIVATIONS[activation](),
            nn.Dropout(dropout),
        )
        self.residual = residual and inputs == width

    def forward(self, x: Float[Tensor, "*batch P"]) -> Float[Tensor, "*batch H"]:
        return x + self.layers(x) if self.residual else self.layers(x)


class MLP(nn.Sequential):
    """A multi-layer perceptron from inputs to features.

    Args:
        num_inputs: P; with none there is nothing to transform, and no features.
        width: units of each hidden layer.
        depth: number of hidden layers.
        activation: a name in `ACTIVATIONS`.
        dropout: probability of dropping a unit, 0 for none.
        norm: "layer", "batch" or None.
        residual: add each layer's input to its output where their widths agree.

    Raises:
        ValueError: on an unknown name or a number out of range.
    """

    def __init__(
        self,
        num_inputs: int,
        width: int,
        depth: int,
        activation: str,
        dropout: float,
        norm: str | None,
        residual: bool,
    ) -> None:
        check_at_least("width", width, 1)
        check_at_least("depth", depth, 0)
        _check_known("activation", activation, ACTIVATIONS)
        _check_known("norm", norm, NORMS)
        if not 0 <= dropout < 1:
            raise ValueError(f"dropout must be at least 0 and below 1, got {dropout!r}")
        widths = [num_inputs] + [width] * (depth if num_inputs else 0)
        super().__init__(
            *(
                Block(before, after, activation, dropout, norm, residual)
                for before, after in pairwise(widths)
            )
        )
        self.num_features = widths[-1]


class NoBackbone(nn.Module):
    """Looks at no input: the head behind it is one Gaussian mixture for every row."""

    num_features = 0

    def __init__(self, num_inputs: int) -> None:
        super().__init__()

    def forward(self, x: Float[Tensor, "*batch P"]) -> Float[Tensor, "0"]:
        return x.new_empty(0)


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


class MixtureNetwork(nn.Module, ABC):
    """x -> p(y given x): what a module trains.

    Attributes:
        backbone: from inputs to features.
        head: from features to a mixture.
        members: (M,) where M networks are stacked, the first axis of every parameter; else ().
    """

    backbone: nn.Module
    head: MixtureHead
    members: tuple[int, ...]

    @abstractmethod
    def features(self, x: Float[Tensor, "*batch P"]) -> Float[Tensor, "..."]:
        """What the head looks at: [*members, *batch, F], or [0] where that is nothing.

        Args:
            x: rows for all members, or for each its own: [M, N, P].
        """

    @abstractmethod
    def forward(self, x: Float[Tensor, "*batch P"]) -> GaussianMixture:
        """p(y given x): one mixture a row, or one for all rows."""

    @abstractmethod
    def pool(self, log_prob: Float[Tensor, "..."]) -> Float[Tensor, "*batch"]:
        """The log density of all from that of each member, [*members, *batch]."""

    @abstractmethod
    def clip(self, parameters: list[nn.Parameter], max_norm: float) -> None:
        """Shorten the gradient of each member, over all of its parameters, to a norm."""

    def separate(self, x: Float[Tensor, "*batch P"]) -> GaussianMixture:
        """p(y given x) as each member has it, with batch axes [*members, *batch].

        Args:
            x: rows for all members, or for each its own: [M, N, P].
        """
        return self.head(self.features(x))


class MixtureDensityNetwork(MixtureNetwork):
    """A backbone in front of a mixture head.

    Args:
        backbone: any module from [*batch, P] to [*batch, num_features] with that attribute.
        head: a head for as many features.
    """

    members = ()

    def __init__(self, backbone: nn.Module, head: MixtureHead) -> None:
        super().__init__()
        self.backbone = backbone
        self.head = head

    def features(self, x: Float[Tensor, "*batch P"]) -> Float[Tensor, "..."]:
        return self.backbone(x)

    def forward(self, x: Float[Tensor, "*batch P"]) -> GaussianMixture:
        return self.separate(x)

    def pool(self, log_prob: Float[Tensor, "..."]) -> Float[Tensor, "*batch"]:
        return log_prob

    def clip(self, parameters: list[nn.Parameter], max_norm: float) -> None:
        nn.utils.clip_grad_norm_(parameters, max_norm, foreach=True)


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


def check_at_least(name: str, value: int, least: int) -> None:
    """Refuse what is not a whole number from `least` up."""
    if not isinstance(value, int) or value < least:
        raise ValueError(f"{name} must be a whole number of at least {least}, got {value!r}")


def _check_known(name: str, value: str | None, known: dict) -> None:
    if value not in known:
        raise ValueError(f"{name} must be one of {list(known)}, got {value!r}")
