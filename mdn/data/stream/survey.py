"""What one pass over a stream tells of the rows of a part."""

from collections import Counter
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Bool, Float64, Int64
from torch import Tensor

from mdn.data.kinds.coding import fitted_category, fitted_kinds, with_missing
from mdn.data.profile import ColumnProfile, Profile
from mdn.data.stream.checksum import Checksum
from mdn.data.stream.moments import Moments
from mdn.data.stream.row_sample import RowSample
from mdn.data.stream.source import Chunk
from mdn.data.table import Table, joined
from mdn.networks.kinds import Category, Kind

_FEW = 0.01
"""The share of the values up to which they may be called far out."""


class Survey:
    """Sums, counts and a sample of rows, of which none is kept but those of the sample.

    Args:
        groups: how many row groups there are.
        kinds: of the inputs.
        sample: of the rows.
    """

    def __init__(self, groups: int, kinds: tuple[Kind, ...], sample: RowSample) -> None:
        self.rows_of_groups = torch.zeros(groups, dtype=torch.long)
        self._scalars = [i for i, kind in enumerate(kinds) if not isinstance(kind, Category)]
        self._levels: dict[int, Counter[int]] = {
            i: Counter() for i, kind in enumerate(kinds) if isinstance(kind, Category)
        }
        self._missing = torch.zeros(len(kinds), dtype=torch.long)
        self._sample = sample
        self._checksum = Checksum()
        self._moments: Moments | None = None
        self._copies: Bool[Tensor, "P D"] | None = None
        self._weight = torch.zeros(2, dtype=torch.float64)
        self._with_gap: Table | None = None

    @property
    def num_rows(self) -> int:
        """How many rows there were."""
        return int(self.rows_of_groups.sum())

    def update(self, group: int, chunk: Chunk) -> None:
        """See some rows of a row group."""
        if len(chunk.numbers) == 0:
            return
        table = chunk.table
        self.rows_of_groups[group] += len(table)
        self._count_values(table)
        self._sample.update(chunk)
        self._checksum.update(table)
        self._add_moments(torch.cat([table.x[:, self._scalars], table.y], 1), table.weight)
        self._look_for_copies(table)
        self._look_for_gap(table)
        if table.weight is not None:
            self._weight += torch.stack([table.weight.sum(), table.weight.square().sum()])

    def kinds(self) -> tuple[Kind, ...]:
        """Return the kinds of the inputs, fitted on the rows."""
        sample, missing = self.sample(), (self._missing > 0).tolist()
        fitted = fitted_kinds(sample)
        return tuple(
            fitted_category(before, self._levels[i], lacks)
            if isinstance(before, Category)
            else with_missing(kind, lacks)
            for i, (before, kind, lacks) in enumerate(
                zip(sample.kinds, fitted, missing, strict=True)
            )
        )

    def sample(self) -> Table:
        """Return the sample of the rows; where any row lacks a target, one of the sample does."""
        sample = self._sample.table()
        if self._with_gap is None or sample.misses_targets:
            return sample
        return joined([sample[:-1], self._with_gap])

    def profile(self, sample: Table) -> Profile:
        """Return what the pass tells, and the sample, where it is not all rows.

        Args:
            sample: of the rows, coded.
        """
        if len(sample) == self.num_rows:
            return sample.profile
        assert self._moments is not None
        seen, split = sample.profile, len(self._scalars)
        return replace(
            seen,
            rows=self.num_rows,
            counted_rows=self.num_rows,
            effective_rows=self._effective_rows(),
            inputs=_exact("input", seen.inputs, self._moments, slice(0, split)),
            targets=_exact("target", seen.targets, self._moments, slice(split, None)),
            copies=self._named_copies(seen),
            fingerprint=[float(self.num_rows), self._checksum.value()],
        )

    def _count_values(self, table: Table) -> None:
        self._missing += table.x.isnan().sum(0)
        for i, counts in self._levels.items():
            codes, first, rows = np.unique(
                table.x[:, i].numpy(), return_index=True, return_counts=True
            )
            for at in first.argsort().tolist():  # equally frequent levels stand as they come
                if not np.isnan(codes[at]):
                    counts[int(codes[at])] += int(rows[at])

    def _add_moments(
        self, values: Float64[Tensor, "N C"], weight: Float64[Tensor, " N"] | None
    ) -> None:
        if self._moments is None:
            self._moments = Moments(values, weight)
        else:
            self._moments.update(values, weight)

    def _look_for_gap(self, table: Table) -> None:
        if self._with_gap is None and table.misses_targets:
            self._with_gap = table[table.y.isnan().any(-1).nonzero().squeeze(-1)[:1]]

    def _look_for_copies(self, table: Table) -> None:
        if self._copies is None:
            self._copies = torch.ones(len(self._scalars), table.y.shape[1], dtype=torch.bool)
        for i, j in self._copies.nonzero().tolist():
            self._copies[i, j] = torch.equal(table.x[:, self._scalars[i]], table.y[:, j])

    def _named_copies(self, seen: Profile) -> tuple[tuple[str, str], ...]:
        assert self._copies is not None
        pairs = self._copies.nonzero().tolist()
        return tuple((seen.inputs.names[i], seen.targets.names[j]) for i, j in pairs)

    def _effective_rows(self) -> float:
        total, squares = self._weight.tolist()
        return total**2 / squares if squares else float(self.num_rows)


def _exact(kind: str, seen: ColumnProfile, moments: Moments, columns: slice) -> ColumnProfile:
    """Return the profile of some columns, in which all counts but those of far values."""
    near, far = moments.near, moments.far[columns]
    low, high = moments.low[columns], moments.high[columns]
    vanishing = far <= (_FEW * near.weight[columns]).clamp(min=1)
    # Where the first piece of the stream gave no fair idea of the column, the sample does.
    center = torch.where(vanishing, near.mean[columns], seen.center)
    spread = torch.where(vanishing, near.spread[columns], seen.spread)
    return replace(
        seen,
        center=center,
        spread=spread,
        low=torch.where(vanishing, near.low[columns], low),
        high=torch.where(vanishing, near.high[columns], high),
        size=torch.maximum(low.abs(), high.abs()),
        far=_far_remarks(kind, seen, far * vanishing, near.weight[columns]),
    )


def _far_remarks(
    kind: str, seen: ColumnProfile, far: Int64[Tensor, " C"], rest: Float64[Tensor, " C"]
) -> dict[str, str]:
    counts = zip(seen.names, far.tolist(), rest.tolist(), strict=True)
    return seen.far | {
        name: f"{count} of the values of {kind} {name!r} are at least 1000 standard deviations "
        f"away from the others"
        for name, count, _ in counts
        if count
    }
