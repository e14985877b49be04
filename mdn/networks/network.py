"""A backbone in front of a mixture head: the network that returns a distribution."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from itertools import pairwise

from jaxtyping import Float
from torch import Tensor, nn

from mdn.distributions.checks import check_at_least, check_one_of
from mdn.distributions.mixture import GaussianMixture
from mdn.distributions.open_settings import Auto, decided
from mdn.networks.head import MixtureHead

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
"""Hidden layers at most: a deeper network learns nothing, and takes minutes to build."""


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
        depth: number of hidden layers; "auto" has the number of rows decide it, before it is built.
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
    """Looks at no input: the head behind it is one Gaussian mixture for every row."""

    num_features = 0

    def __init__(self, num_inputs: int) -> None:
        super().__init__()

    def forward(self, x: Float[Tensor, "*batch P"]) -> Float[Tensor, "0"]:
        return x.new_empty(0)


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
