"""The features of columns, one class for each way to make them.

Each takes rows x [*batch, P] as `mdn.networks.kinds` has them, and the standardized z [*batch, P],
0 where missing. All of its features stand side by side in one flat list, whatever columns they are
from, so that a table of any number of columns takes a few operations.
"""

from collections.abc import Callable, Sequence
from math import pi
from statistics import NormalDist

import torch
from jaxtyping import Float, Float64
from torch import Tensor, nn

from mdn.networks.kinds import Kind

_KNOTS = 64
"""Pieces of the map that makes a column normal."""

_FARTHEST = 3.0
"""How far out that map goes; beyond it all values are alike."""

_BEND = 3.0
"""The size that robust values bend towards."""

_LEAST_VARIANCE = 1e-3
"""Added to the variance of principal components: what varies less is taken for rounding."""

_MOST_TURNED = 6.0
"""How far out principal components go, of which training rows may know little."""

_FASTEST = 0.5
"""The standard deviation of the frequencies of waves, in cycles for each unit of z."""


class Features(nn.Module):
    """Features of columns; a subclass says how one is made.

    Args:
        columns: the column of each feature.
    """

    columns: Tensor

    def __init__(self, columns: Sequence[int]) -> None:
        super().__init__()
        self.keep("columns", columns, torch.int64)

    def keep(self, name: str, values: Sequence[float], dtype: torch.dtype = torch.float64) -> None:
        """Hold numbers that follow from the kinds: not in the state, nor on meta as it is read."""
        kept = torch.tensor(values, dtype=dtype, device="cpu")
        self.register_buffer(name, kept, persistent=False)

    def fit(self, z: Float64[Tensor, "N P"]) -> None:
        """Take from standardized training rows, NaN where missing, what the features need."""


class Values(Features):
    """The standardized values."""

    def forward(self, x: Float[Tensor, "*batch P"], z: Float[Tensor, "*batch P"]) -> Tensor:
        return z[..., self.columns]


class Bent(Features):
    """Values that never go beyond a few units, and are as they were near 0."""

    def forward(self, x: Float[Tensor, "*batch P"], z: Float[Tensor, "*batch P"]) -> Tensor:
        z = z[..., self.columns]
        return z / (1 + (z / _BEND).square()).sqrt()


class Pieces(Features):
    """How much of each piece between two quantiles lies below the value, from 0 to 1."""

    begin: Tensor
    slope: Tensor

    def __init__(
        self,
        columns: Sequence[int],
        counts: Sequence[int],
        shares: Callable[[int], Float64[Tensor, " _"]],
    ) -> None:
        super().__init__(_each_times(columns, counts))
        self.counts = list(zip(columns, counts, strict=True))
        self.shares = shares
        for name in ("begin", "slope"):
            self.register_buffer(name, torch.zeros(len(self.columns), dtype=torch.float64))

    def fit(self, z: Float64[Tensor, "N P"]) -> None:
        edges = [_quantiles(_present(z[:, i]), self.shares(count)) for i, count in self.counts]
        width = torch.cat([each.diff() for each in edges])
        self.begin.copy_(torch.cat([each[:-1] for each in edges]))
        self.slope.copy_(torch.where(width > 0, 1 / width, 0.0))

    def forward(self, x: Float[Tensor, "*batch P"], z: Float[Tensor, "*batch P"]) -> Tensor:
        return ((z[..., self.columns] - self.begin.to(z)) * self.slope.to(z)).clamp(0, 1)


class Normal(Features):
    """The normal quantile of the share of training rows below the value."""

    low: Tensor
    rise: Tensor

    def __init__(self, columns: Sequence[int]) -> None:
        super().__init__(columns)
        self.pieces = Pieces(columns, [_KNOTS] * len(columns), _normal_shares)
        self.register_buffer("low", torch.zeros(len(columns), dtype=torch.float64))
        self.register_buffer("rise", torch.zeros(len(columns), _KNOTS, dtype=torch.float64))

    def fit(self, z: Float64[Tensor, "N P"]) -> None:
        self.pieces.fit(z)
        heights = torch.stack([_heights(z[:, i]) for i in self.columns.tolist()])
        self.low.copy_(heights[:, 0])
        self.rise.copy_(heights.diff())

    def forward(self, x: Float[Tensor, "*batch P"], z: Float[Tensor, "*batch P"]) -> Tensor:
        done = self.pieces(x, z).unflatten(-1, tuple(self.rise.shape))
        return self.low.to(z) + (done * self.rise.to(z)).sum(-1)


class Principal(Features):
    """The principal components of columns, as many as columns, each about the size of 1.

    Small differences between inputs that are much alike are large here, and easily learned from.
    """

    turn: Tensor

    def __init__(self, columns: Sequence[int]) -> None:
        super().__init__(columns)
        self.register_buffer("turn", torch.eye(len(columns), dtype=torch.float64))

    def fit(self, z: Float64[Tensor, "N P"]) -> None:
        some = z[:, self.columns].nan_to_num()
        variance, axes = torch.linalg.eigh(some.mT @ some / len(some))
        # The sign of an axis is anyone's guess; here its largest entry is above 0.
        axes = axes * axes.gather(0, axes.abs().argmax(0, keepdim=True)).sign()
        self.turn.copy_(axes * (variance.clamp(min=0) + _LEAST_VARIANCE).rsqrt())

    def forward(self, x: Float[Tensor, "*batch P"], z: Float[Tensor, "*batch P"]) -> Tensor:
        turned = z[..., self.columns] @ self.turn.to(z)
        return turned.clamp(-_MOST_TURNED, _MOST_TURNED)


class Waves(Features):
    """Sine and cosine of the standardized value, at frequencies as a normal law has them."""

    frequency: Tensor

    def __init__(self, columns: Sequence[int], counts: Sequence[int]) -> None:
        super().__init__(
            [i for i, count in zip(columns, counts, strict=True) for _ in range(count)]
        )
        self.keep("frequency", [f for count in counts for f in _frequencies(count)])

    def forward(self, x: Float[Tensor, "*batch P"], z: Float[Tensor, "*batch P"]) -> Tensor:
        return _sine_and_cosine(z[..., self.columns] * self.frequency.to(z))


class Cycles(Features):
    """Sine and cosine of where in a period a moment lies."""

    period: Tensor

    def __init__(self, columns: Sequence[int], periods: Sequence[float]) -> None:
        super().__init__(columns)
        self.keep("period", periods)

    def forward(self, x: Float[Tensor, "*batch P"], z: Float[Tensor, "*batch P"]) -> Tensor:
        return _sine_and_cosine(x[..., self.columns] / self.period).nan_to_num()


class Marks(Features):
    """Above 0 where the value is missing: 1, or less where many columns have gaps.

    Marks of many columns are mostly noise, which a network learns by heart the less the smaller
    they are; those of a row are together never longer than 1.
    """

    def forward(self, x: Float[Tensor, "*batch P"], z: Float[Tensor, "*batch P"]) -> Tensor:
        return len(self.columns) ** -0.5 * x[..., self.columns].isnan()


class Levels(Features):
    """1 where the row has the level."""

    code: Tensor

    def __init__(self, columns: Sequence[int], counts: Sequence[int]) -> None:
        super().__init__(
            [i for i, count in zip(columns, counts, strict=True) for _ in range(count)]
        )
        self.keep("code", [code for count in counts for code in range(count)], torch.float32)

    def forward(self, x: Float[Tensor, "*batch P"], z: Float[Tensor, "*batch P"]) -> Tensor:
        return x.float()[..., self.columns].eq(self.code)


def features_of(kinds: Sequence[Kind]) -> list[Features]:
    """Return what makes the features of columns, in the order in which these stand."""
    made = [
        Values(_where(kinds, lambda kind: kind.has_value and kind.scaling == "standard")),
        Bent(_where(kinds, lambda kind: kind.scaling == "robust")),
        Normal(_where(kinds, lambda kind: kind.scaling == "quantile")),
        Principal(_where(kinds, lambda kind: kind.principal)),
        Pieces(range(len(kinds)), [kind.pieces for kind in kinds], _even_shares),
        Waves(range(len(kinds)), [kind.waves for kind in kinds]),
        Cycles(
            [i for i, kind in enumerate(kinds) for _ in kind.cycles],
            [cycle for kind in kinds for cycle in kind.cycles],
        ),
        Marks(_where(kinds, lambda kind: kind.missing)),
        Levels(range(len(kinds)), [kind.num_levels for kind in kinds]),
    ]
    return [each for each in made if len(each.columns)]


def _where(kinds: Sequence[Kind], holds: Callable[[Kind], bool]) -> list[int]:
    return [i for i, kind in enumerate(kinds) if holds(kind)]


def _each_times(columns: Sequence[int], counts: Sequence[int]) -> list[int]:
    return [i for i, count in zip(columns, counts, strict=True) for _ in range(count)]


def _sine_and_cosine(turns: Float[Tensor, "*batch F"]) -> Float[Tensor, "*batch _"]:
    angle = (2 * pi) * (turns - turns.floor())  # ONNX has 2 pi in single precision
    return torch.cat([angle.sin(), angle.cos()], -1)


def _frequencies(count: int) -> list[float]:
    """The quantiles of the absolute value of a normal law, evenly spaced."""
    shares = [(1 + (i + 0.5) / count) / 2 for i in range(count)]
    return [NormalDist(sigma=_FASTEST).inv_cdf(share) for share in shares]


def _present(column: Float64[Tensor, " N"]) -> Float64[Tensor, " n"]:
    """The values that are there, in order; a 0 where there are none."""
    there = column[~column.isnan()].sort().values
    return there if len(there) else column.new_zeros(1)


def _quantiles(there: Float64[Tensor, " n"], shares: Float64[Tensor, " B"]) -> Tensor:
    return there[(shares * (len(there) - 1)).round().long()]


def _even_shares(pieces: int) -> Float64[Tensor, " B"]:
    return torch.linspace(0, 1, pieces + 1, dtype=torch.float64)


def _normal_shares(pieces: int) -> Float64[Tensor, " B"]:
    """The shares of rows below knots that are even once the column is normal."""
    return torch.special.ndtr(torch.linspace(-_FARTHEST, _FARTHEST, pieces + 1).double())


def _heights(column: Float64[Tensor, " N"]) -> Float64[Tensor, " B"]:
    """The normal quantiles of the knots; values that are alike share the middle of their ranks."""
    there = _present(column)
    knots = _quantiles(there, _normal_shares(_KNOTS))
    below, upto = (torch.searchsorted(there, knots, right=right) for right in (False, True))
    heights = torch.special.ndtri((below + upto).double() / (2 * len(there)))
    return heights.clamp(-_FARTHEST, _FARTHEST)
