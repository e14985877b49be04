"""The encoder: rows of inputs, as `mdn.networks.kinds` has them, become features of a network.

Values are standardized, and 0 where missing; times have sines and cosines of their cycles as well;
a mark is 1 where a value is missing; a category has one feature for each level and one for all
other levels, of which one at most is 1. A level that training never saw, where it saw no other
one, is 0 in all.
"""

from collections.abc import Iterable, Sequence
from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

from mdn.networks.column_features import Features, features_of
from mdn.networks.kinds import Kind, count_features, numbers
from mdn.networks.standardize import Standardizer


class Encoder(nn.Module):
    """From rows of inputs [*batch, P] in float64 to features [*batch, F] of a network.

    Columns of numbers without gaps are standardized and nothing else: F = P.

    Args:
        kinds: of the P columns, fitted.

    Attributes:
        gaps: columns of which a training row lacks the value, and NaN for each.
        gap_shares: the share of rows that lack it, of the rows that it was fitted to.
        unseen: columns with levels, and for each their number: what another level is.
    """

    def __init__(self, kinds: Sequence[Kind]) -> None:
        super().__init__()
        self.kinds = tuple(kinds)
        self.num_features = count_features(kinds)
        self.values = Standardizer(len(self.kinds), bounded=True)
        self.gaps = {i: torch.nan for i, kind in enumerate(kinds) if kind.missing}
        self.gap_shares = [0.0] * len(self.gaps)
        self.unseen = {i: kind.unseen for i, kind in enumerate(kinds) if kind.num_levels}
        plain = self.kinds == numbers(len(self.kinds))
        self.features = nn.ModuleList([] if plain else features_of(self.kinds))

    def fit(self, x: Float[Tensor, "N P"], weight: Float[Tensor, " N"] | None = None) -> "Encoder":
        """Take the units of the columns, and what their features need, from training rows."""
        if not self.features:
            self.values.fit(x, weight)
            return self
        self.gap_shares = [x[:, i].isnan().double().mean().item() for i in self.gaps]
        x = x.clone()
        without_values = [i for i, kind in enumerate(self.kinds) if not kind.has_value]
        x[:, without_values] = 0.0  # codes are no numbers to standardize
        x[:, x.isnan().all(0)] = 0.0
        self.values.fit(x, weight)
        for i in (i for i, kind in enumerate(self.kinds) if kind.scaling == "robust"):
            self.values.use_middle(i, x[:, i])
        z = self.values(x, torch.float64)
        for each in cast("Iterable[Features]", self.features):
            each.fit(z)
        return self

    def forward(
        self, x: Float[Tensor, "*batch P"], dtype: torch.dtype | None = None
    ) -> Float[Tensor, "*batch F"]:
        """Return the features, computed in float64, in `dtype` or torch's default."""
        z = self.values(x, dtype).nan_to_num()
        if not self.features:
            return z
        return torch.cat([each(x, z).to(z.dtype) for each in self.features], -1)

    def example(self) -> Float[Tensor, " P"]:
        """Return a row of inputs that is nothing special."""
        return self.values.shift
