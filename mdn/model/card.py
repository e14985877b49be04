"""What a checkpoint says of its model beside the weights, as plain data.

A card is read from a stranger's file: every field is held against its type, and what has a range
against that. Keys that this version does not know are left alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from functools import cached_property
from typing import Any, get_type_hints

from mdn.model.plain import fits, in_words
from mdn.model.registry import build, describe
from mdn.networks.kinds import Kind, numbers

LEAST_RECALIBRATION, MOST_RECALIBRATION = 0.1, 10.0
"""Between which a recalibration is sought."""

MOST_SMOOTHING = 10.0
"""The most noise that is added to a standardized target."""

MOST_GUARD = 0.5
"""The most probability that is kept for rows unlike those of training."""

LEAST_GUARD_WIDTH, MOST_GUARD_WIDTH = 0.1, 100.0
"""How much narrower or wider than the training targets a guard may be."""

_LONGEST_NAME = 1000
"""Letters of the name of a column."""


@dataclass(frozen=True)
class ModelCard:
    """The columns of a model, how it was built and trained, and on which rows.

    Attributes:
        inputs: names of the P inputs.
        targets: names of the D targets.
        model: the recipe, with the name of each part under "kind".
        data: where the rows came from, by which `evaluate` finds the test rows again; empty where
            they were in memory.
        rows: the fingerprint of each table; empty where none was taken.
        grid: the steps of the targets that were rounded; None where nobody looked.
        fine_grid: the steps of the targets that lie on a grid too fine to mislead a density.
        atoms: of each target with values that have a share of their own, the ends of their cells.
        recalibration: the factor of the spread about each row's mean; 1 for none.
        smoothing: the standard deviation of the Gaussian noise that is added to each predicted
            target, in units of the standardized target; 0 for none.
        guard: the probability of rows unlike those of training, as `mdn.model.guard` has it.
        guard_width: how much wider the guard is than the training targets.
        rare_components: how often a rare, narrow component took the place of another one in each
            member, as `mdn.fitting.rare_component` finds them.
        spread_refitted: whether each network's spread was learned again on rows that it held out.
        transforms: of each target that is learned on another scale, with its name under "kind".
        kinds: of the P inputs, fitted, as plain data; empty where all are numbers without gaps.
        formats: how columns were written that the model read as text, by which new rows are read:
            days before months, say, or decimal commas.
        ranges: the least and the largest value of each input among the training rows, or nothing
            where there is none; empty where nobody looked.

    Raises:
        ValueError: if two columns have one name, or a number is out of range.
    """

    inputs: list[str]
    targets: list[str]
    model: dict[str, object] = field(default_factory=dict)
    data: dict[str, object] = field(default_factory=dict)
    rows: dict[str, list[float]] = field(default_factory=dict)
    grid: dict[str, float] | None = None
    fine_grid: dict[str, float] = field(default_factory=dict)
    atoms: dict[str, list[list[float]]] = field(default_factory=dict)
    recalibration: float = 1.0
    smoothing: float = 0.0
    guard: float = 0.0
    guard_width: float = 1.0
    rare_components: int = 0
    spread_refitted: bool = False
    transforms: dict[str, dict[str, object]] = field(default_factory=dict)
    kinds: list[dict[str, object]] = field(default_factory=list)
    formats: dict[str, str] = field(default_factory=dict)
    ranges: list[list[float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        _check_names([*self.inputs, *self.targets])
        for name, each in (("kinds", self.kinds), ("ranges", self.ranges)):
            if each and len(each) != len(self.inputs):
                raise ValueError(f"it has {len(each)} {name} for {len(self.inputs)} inputs")
        _check_pairs("ranges", [pair for pair in self.ranges if pair], ", or empty")
        _check_pairs("atoms", [pair for pairs in self.atoms.values() for pair in pairs])
        # A recalibration is found up to rounding.
        if not LEAST_RECALIBRATION / 2 < self.recalibration < 2 * MOST_RECALIBRATION:
            raise ValueError(
                f"its recalibration must lie within {LEAST_RECALIBRATION:g} and "
                f"{MOST_RECALIBRATION:g}, got {self.recalibration!r}"
            )
        _check_range("smoothing", self.smoothing, 0, MOST_SMOOTHING)
        _check_range("guard", self.guard, 0, MOST_GUARD)
        _check_range("guard_width", self.guard_width, LEAST_GUARD_WIDTH, MOST_GUARD_WIDTH)

    @classmethod
    def of_columns(cls, kinds: Sequence[Kind], num_targets: int) -> "ModelCard":
        """Return a card of columns without names: x0, x1, ... and y0, y1, ..."""
        inputs, targets = (
            [f"{letter}{i}" for i in range(count)]
            for letter, count in (("x", len(kinds)), ("y", num_targets))
        )
        return cls(inputs, targets, kinds=[describe(kind) for kind in kinds])

    @cached_property
    def fitted_kinds(self) -> tuple[Kind, ...]:
        """The kinds of the P inputs.

        Raises:
            ValueError: on a kind that there is not, or with other settings.
        """
        if not self.kinds:
            return numbers(len(self.inputs))
        return tuple(build("column", kind) for kind in self.kinds)

    @classmethod
    def read(cls, plain: Mapping[str, object]) -> "ModelCard":
        """Return the card that plain data describes.

        Raises:
            ValueError: with the key, what it holds and what it must hold.
        """
        hints = get_type_hints(cls)
        # Every value is held against its type below.
        known: dict[str, Any] = {
            each.name: plain[each.name] for each in fields(cls) if each.name in plain
        }
        for name in ("inputs", "targets", "model", "data"):
            known.setdefault(name, None)
        for name, value in known.items():
            if not fits(value, hints[name]):
                raise ValueError(f"its {name} must be {in_words(hints[name])}, got {value!r:.100}")
        return cls(**known)

    def plain(self) -> dict[str, object]:
        """Return what `read` reads."""
        return asdict(self)


def _check_pairs(name: str, pairs: Sequence[Sequence[float]], otherwise: str = "") -> None:
    if not all(len(pair) == 2 and pair[0] <= pair[1] for pair in pairs):
        raise ValueError(f"its {name} must be pairs of numbers, the smaller first{otherwise}")


def _check_range(name: str, value: float, least: float, most: float) -> None:
    if not least <= value <= most:
        raise ValueError(f"its {name} must lie within {least:g} and {most:g}, got {value!r}")


def _check_names(names: Sequence[str]) -> None:
    if len(set(names)) < len(names):
        raise ValueError("two of its columns have one name")
    if any(len(name) > _LONGEST_NAME for name in names):
        raise ValueError(f"one of its columns has a name of more than {_LONGEST_NAME} letters")
