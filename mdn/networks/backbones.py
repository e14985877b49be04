"""Backbones: from inputs to the features that a mixture head looks at.

A backbone is any module made from `num_inputs` that has `num_features` and maps [*batch, P] to
[*batch, F]. `mdn.networks.backbone_trial` checks that; `mdn.networks.stacking` says how several
become one.
"""

from collections.abc import Callable
from itertools import pairwise

from jaxtyping import Float
from torch import Tensor, nn

from mdn.distributions.checks import check_at_least, check_one_of
from mdn.distributions.open_settings import Auto, decided

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
MOST_LAYERS = 1000
"""The largest depth: a deeper network learns nothing and takes minutes to build."""


class Block(nn.Module):
    """One hidden layer: linear, norm, activation, dropout, and the skip connection."""

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
        num_inputs: P; without inputs there are no features.
        width: units of each hidden layer.
        depth: number of hidden layers; "auto" until a recipe has decided it.
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
        width: int = 64,
        depth: int | Auto = "auto",
        activation: str = "silu",
        dropout: float = 0.0,
        norm: str | None = None,
        residual: bool = True,
    ) -> None:
        check_at_least("width", width, 1)
        depth = decided("depth", depth)
        check_at_least("depth", depth, 0)
        if depth > MOST_LAYERS:
            raise ValueError(f"depth must be at most {MOST_LAYERS} hidden layers, got {depth}")
        check_one_of("activation", activation, ACTIVATIONS)
        check_one_of("norm", norm, NORMS)
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
    """A backbone without features: the head behind it is one Gaussian mixture for every row."""

    num_features = 0

    def __init__(self, num_inputs: int) -> None:
        super().__init__()

    def forward(self, x: Float[Tensor, "*batch P"]) -> Float[Tensor, "*batch 0"]:
        return x[..., :0]


def num_features(backbone: nn.Module) -> int:
    """Return the width F of what a backbone gives.

    Raises:
        ValueError: if the backbone does not say it.
    """
    width = getattr(backbone, "num_features", None)
    if not isinstance(width, int) or isinstance(width, bool) or width < 0:
        raise ValueError(
            f"a backbone needs num_features, the whole number of columns that it returns; "
            f"{type(backbone).__name__}.num_features is {width!r}"
        )
    return width
