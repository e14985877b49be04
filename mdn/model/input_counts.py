"""Counts of missing values and of unknown levels among rows that are predicted."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice

from jaxtyping import Bool, Float
from torch import Tensor

from mdn.model.card import ModelCard
from mdn.model.novelty import Novelty
from mdn.networks.kinds import Category

_COLUMNS = 10
"""Columns that are named in a sentence."""

_LEVELS = 5
"""Levels that are named in a sentence."""


@dataclass
class InputCounts:
    """Missing values and unknown levels of some rows; those of further rows can be added.

    Attributes:
        rows: how many rows there are.
        missing: rows that lack a value, by column.
        never_missing: as `missing`, of columns that no training row lacked.
        unknown: rows with a level that the model does not know, by column.
        levels: the first of these levels, by column, where they are at hand.
    """

    rows: int = 0
    missing: dict[str, int] = field(default_factory=dict)
    never_missing: dict[str, int] = field(default_factory=dict)
    unknown: dict[str, int] = field(default_factory=dict)
    levels: dict[str, list[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, card: ModelCard, x: Float[Tensor, "N P"]) -> "InputCounts":
        """Count among coded rows."""
        new = Novelty.of(card, x)
        masks = (x.isnan(), new.missing, new.level)
        missing, never_missing, unknown = (_by_name(card.inputs, mask) for mask in masks)
        return cls(len(x), missing, never_missing, unknown)

    def add(self, other: "InputCounts") -> None:
        """Count further rows."""
        self.rows += other.rows
        for name in ("missing", "never_missing", "unknown"):
            counts, further = getattr(self, name), getattr(other, name)
            counts.update({key: counts.get(key, 0) + more for key, more in further.items()})
        for name, levels in other.levels.items():
            self.levels[name] = _first([*self.levels.get(name, []), *levels])

    def sentences(self) -> list[str]:
        """Say what was missing and unknown; nothing of rows that lack and hold nothing such."""
        said = [self._of_missing()] if self.missing else []
        shown = list(islice(self.unknown, _COLUMNS))
        said += [self._of_unknown(name) for name in shown]
        more = len(self.unknown) - len(shown)
        return [*said, f"and so in {more} more columns"] if more else said

    def _of_missing(self) -> str:
        said = f"values missing in {self.rows} rows: {_listed(self.missing)}"
        if not self.never_missing:
            return said
        return f"{said}; no training row lacked {_names(self.never_missing)}"

    def _of_unknown(self, name: str) -> str:
        levels = self.levels.get(name, [])
        named = ", ".join(map(repr, levels[:_LEVELS])) + (", ..." if len(levels) > _LEVELS else "")
        return (
            f"{self.unknown[name]} of {self.rows} rows hold levels of {name!r} that the model does "
            f"not know{': ' * bool(levels)}{named}"
        )


def warn_of_new(card: ModelCard, x: Float[Tensor, "N P"]) -> None:
    """Warn of missing values and levels in columns where training had no example of such."""
    if not (x.isnan().any() or any(isinstance(kind, Category) for kind in card.fitted_kinds)):
        return  # nothing to count, which a prediction of few rows would feel
    counts = InputCounts.of(card, x)
    pairs = zip(card.inputs, card.fitted_kinds, strict=True)
    learned = {name for name, kind in pairs if isinstance(kind, Category) and kind.other}
    unknown = {name: rows for name, rows in counts.unknown.items() if name not in learned}
    new = replace(counts, missing=counts.never_missing, unknown=unknown)
    for sentence in new.sentences():
        warnings.warn(sentence, stacklevel=5)  # below us: the model and torch.no_grad


def _by_name(names: Sequence[str], mask: Bool[Tensor, "N P"]) -> dict[str, int]:
    counts = zip(names, mask.sum(0).tolist(), strict=True)
    return {name: count for name, count in counts if count}


def _first(levels: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(levels))[: _LEVELS + 1]


def _names(counts: Mapping[str, int]) -> str:
    return _cut([repr(name) for name in counts])


def _listed(counts: Mapping[str, int]) -> str:
    return _cut([f"{count} of {name!r}" for name, count in counts.items()])


def _cut(parts: Sequence[str]) -> str:
    more = len(parts) - _COLUMNS
    return ", ".join(parts[:_COLUMNS]) + (f" and {more} more" if more > 0 else "")
