"""The encoder: rows of inputs, as `mdn.networks.kinds` has them, become features.

The features of P columns stand in this order: the values of numbers, truth values and times,
standardized, and 0 where missing; sine and cosine of the cycles of times; a mark for each column
that may be missing; then, for each category, one feature a level and one for all other levels, of
which one is 1 at most. A level that training never saw, where it saw no other one, is 0 in all.
"""

from collections.abc import Sequence
from math import pi

import torch
from jaxtyping import Float
from torch import Tensor, nn

from mdn.networks.kinds import Category, Kind, Time, count_features, numbers
from mdn.networks.standardize import Standardizer


class Encoder(nn.Module):
    """From rows of inputs [*batch, P] in float64 to features [*batch, F] of a network.

    Columns of numbers without gaps are standardized and nothing else: F = P.

    Args:
        kinds: of the P columns, fitted.
    """

    _scalars: Tensor
    _categories: Tensor
    _cyclic: Tensor
    _periods: Tensor
    _marked: Tensor
    _hot: Tensor
    _codes: Tensor

    def __init__(self, kinds: Sequence[Kind]) -> None:
        super().__init__()
        self.kinds = tuple(kinds)
        self.num_features = count_features(kinds)
        self.values = Standardizer(len(self.kinds), bounded=True)
        self.plain = self.kinds == numbers(len(self.kinds))
        categories = [(i, k) for i, k in enumerate(kinds) if isinstance(k, Category)]
        cycles = [(i, c) for i, k in enumerate(kinds) if isinstance(k, Time) for c in k.cycles]
        hot = [(i, c) for i, k in categories for c in range(len(k.levels) + k.other)]
        scalars = [i for i, k in enumerate(kinds) if not isinstance(k, Category)]
        self._keep("_scalars", scalars)
        self._keep("_categories", [i for i, _ in categories])
        self._keep("_cyclic", [i for i, _ in cycles])
        self._keep("_periods", [c for _, c in cycles], torch.float64)
        self._keep("_marked", [i for i, kind in enumerate(kinds) if kind.missing])
        self._keep("_hot", [i for i, _ in hot])
        self._keep("_codes", [c for _, c in hot], torch.float64)

    def _keep(self, name: str, values: Sequence[float], dtype: torch.dtype = torch.int64) -> None:
        # They follow from the kinds, so they are not in the state, nor on meta where it is read.
        kept = torch.tensor(values, dtype=dtype, device="cpu")
        self.register_buffer(name, kept, persistent=False)

    def fit(self, x: Float[Tensor, "N P"], weight: Float[Tensor, " N"] | None = None) -> "Encoder":
        """Take the units of the columns from rows."""
        x = x.clone()
        x[:, self._categories] = 0.0  # so their codes are no numbers to standardize
        x[:, x.isnan().all(0)] = 0.0
        self.values.fit(x, weight)
        return self

    def forward(
        self, x: Float[Tensor, "*batch P"], dtype: torch.dtype | None = None
    ) -> Float[Tensor, "*batch F"]:
        """Return the features, computed in float64, in `dtype` or torch's default."""
        values = self.values(x, dtype)
        if self.plain:  # but for new rows, whose gaps had no examples
            return values.nan_to_num()
        values = values[..., self._scalars].nan_to_num()
        turns = x[..., self._cyclic] / self._periods
        # ONNX has 2 pi in single precision, which would tell after many turns.
        angle = (2 * pi) * (turns - turns.floor())
        marks = x[..., self._marked].isnan()
        hot = x[..., self._hot].eq(self._codes)
        parts = (values, angle.sin().nan_to_num(), angle.cos().nan_to_num(), marks, hot)
        return torch.cat([part.to(values.dtype) for part in parts], -1)

    def example(self) -> Float[Tensor, " P"]:
        """Return a row of inputs that is nothing special."""
        return self.values.shift
