"""A backbone in front of a mixture head: the network that returns a distribution."""

import math
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
        _check_at_least("width", width, 1)
        _check_at_least("depth", depth, 0)
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
        _check_at_least("num_components", num_components, 1)
        _check_at_least("num_targets", num_targets, 1)
        super().__init__()
        self.num_components = num_components
        self.num_targets = num_targets
        self.family = family
        self.raw_shape = family.raw_shape(num_components, num_targets)
        self.sizes = [num_targets * num_components, self.raw_shape[0] * self.raw_shape[1]]
        self.weights = _Linear(num_features, num_components)
        self.components = _Linear(num_features, sum(self.sizes))

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
    def start(self, mixture: GaussianMixture, shrink: float) -> None:
        """Begin at one mixture of this family, whatever the input.

        Args:
            mixture: without batch axes; it becomes the biases.
            shrink: what the input-dependent weights are multiplied by.
        """
        self.weights.weight *= shrink
        self.components.weight *= shrink
        self.weights.bias.copy_(mixture.log_pi)
        raw = self.family.raw(mixture.scale)
        self.components.bias.copy_(torch.cat([mixture.mu.mT.flatten(), raw.flatten()]))

    def owned_by(self, component: int) -> list[tuple[Tensor, Int[Tensor, " rows"]]]:
        """The rows of each parameter that belong to one component alone."""
        columns = self.raw_shape[1]
        slots = torch.arange(sum(self.sizes), device=self.components.bias.device)
        mu, raw = slots.split(self.sizes)
        own = [mu.unflatten(0, (self.num_targets, self.num_components))[:, component]]
        if columns == self.num_components:
            own.append(raw.unflatten(0, self.raw_shape)[:, component])
        rows, row = torch.cat(own), slots.new_tensor([component])
        weights, components = self.weights, self.components
        return [
            (weights.weight, row),
            (weights.bias, row),
            (components.weight, rows),
            (components.bias, rows),
        ]

    @torch.no_grad()
    def restart(self, component: int, logit: float, mu: Float[Tensor, " D"], scale: Scale) -> None:
        """Begin one component anew, whatever the input; the others keep all that is theirs.

        Args:
            component: its number.
            logit: its unnormalised log weight.
            mu: its mean.
            scale: of this family, with K = 1. What components share is not touched.
        """
        (weight, row), (bias, _), (matrix, rows), (vector, _) = self.owned_by(component)
        weight[row], bias[row], matrix[rows] = 0, logit, 0
        start = torch.cat([mu, self.family.raw(scale).flatten()])
        vector[rows] = start[: len(rows)].to(vector)


class MixtureDensityNetwork(nn.Module):
    """x -> p(y given x): a backbone in front of a mixture head.

    Args:
        backbone: any module from [*batch, P] to [*batch, num_features] with that attribute.
        head: a head for as many features.
    """

    def __init__(self, backbone: nn.Module, head: MixtureHead) -> None:
        super().__init__()
        self.backbone = backbone
        self.head = head

    def forward(self, x: Float[Tensor, "*batch P"]) -> GaussianMixture:
        return self.head(self.backbone(x))


class _Linear(nn.Linear):
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


def _check_at_least(name: str, value: int, least: int) -> None:
    if not isinstance(value, int) or value < least:
        raise ValueError(f"{name} must be a whole number of at least {least}, got {value!r}")


def _check_known(name: str, value: str | None, known: dict) -> None:
    if value not in known:
        raise ValueError(f"{name} must be one of {list(known)}, got {value!r}")
