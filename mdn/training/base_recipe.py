"""What every recipe has, and how one is made from plain settings."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cache
from typing import TypeVar, get_type_hints

import numpy as np

from mdn.data.profile import Profile
from mdn.data.rounding import grid_floor
from mdn.data.splits.folds import COMMON, CrossFit
from mdn.distributions.checks import check_at_least, check_part, check_seed
from mdn.distributions.families import Family, Full
from mdn.distributions.open_settings import Auto, ByHeldOut, HeldOut, decided
from mdn.fitting.sizes import suitable_components, suitable_epochs, training_batch_size
from mdn.model import registry
from mdn.model.plain import fits, in_words, no_setting
from mdn.networks.kinds import Kind
from mdn.training import parts as parts  # registered, and may be named
from mdn.training.prediction_settings import (
    check_guard,
    check_recalibration,
    check_smoothing,
    check_transform,
)

AnyRecipe = TypeVar("AnyRecipe", bound="BaseRecipe")

MOST_TRIED_SMOOTHING, MOST_TRIED_GUARD = 0.3, 0.03
"""The most that is tried on rows held out."""

_ASSUMED_ROWS = 1000
"""Rows that open settings suit where nobody has seen any yet."""

_MOST_SCALE = 100
"""Standardized targets have a standard deviation of 1: a floor far above it leaves nothing."""


@dataclass(frozen=True, kw_only=True)
class BaseRecipe:
    """What every recipe has.

    Attributes:
        num_components: K of each network; "auto" follows from the number of rows.
        family: the covariance family.
        batch_size: the most rows in a training batch of one process.
        max_epochs: epochs at most.
        val_fraction: of the rows, which are held out for all networks where no other rows are given
            for that; None for a tenth, and more of few rows.
        dequantize: spread rounded targets of the training rows by one step of noise.
        seed: from which every split, order and start follows.
        recalibration: what the spread of the predicted mixtures is multiplied by in the end.
        smoothing: the standard deviation of the Gaussian noise that is added to each predicted
            target, in units of the standardized one; "held_out" is what rows that were not learned
            from ask for.
        guard: the probability of rows unlike those of training, as `mdn.model.guard` has it;
            "held_out" likewise, but at least 1 / (rows + 1) where not all inputs are numbers
            without gaps; "auto" is that or 0.
        target_transform: the scale that targets are learned on: "log" or "logit" for all of them,
            or by name, {"price": "log", "share": {"kind": "logit", "low": 0, "high": 100}}.

    Raises:
        ValueError: on a number out of range.
    """

    num_components: int | Auto = "auto"
    family: Family = field(default_factory=Full)
    val_fraction: float | None = None
    dequantize: bool = False
    seed: int = 0
    batch_size: int | Auto = "auto"
    max_epochs: int | Auto = "auto"
    recalibration: float | HeldOut = 1.0
    smoothing: float | ByHeldOut = "held_out"
    guard: float | Auto | ByHeldOut = "held_out"
    target_transform: str | dict[str, object] | None = None

    def __post_init__(self) -> None:
        for each in fields(self):
            _check_type(type(self), each.name, getattr(self, each.name))
        floor = self.family.min_scale
        if floor != "grid" and floor > _MOST_SCALE:
            raise ValueError(
                f"min_scale must be a number above 0 and of at most {_MOST_SCALE}, got "
                f"{floor!r}; it is in units of the standardized target"
            )
        check_part("val_fraction", self.val_fraction)
        check_seed("seed", self.seed)
        for name in ("num_components", "batch_size", "max_epochs"):
            if getattr(self, name) != "auto":
                check_at_least(name, getattr(self, name), 1)
        check_recalibration(self.recalibration)
        check_smoothing(self.smoothing)
        check_guard(self.guard)
        check_transform(self.target_transform, floor)

    @classmethod
    def from_settings(cls: type[AnyRecipe], settings: Mapping[str, object]) -> AnyRecipe:
        """Make a recipe from the settings that are not to have their defaults.

        What `describe` returns makes the same recipe again.

        Args:
            settings: values by name. A part is an object, its name ("diagonal"), or a mapping of
                its settings, with its name as "kind" where it is another one; one setting of a
                part may also be named with a dot: {"backbone.width": 128}.

        Raises:
            ValueError: on an unknown setting, a value of the wrong type or one out of range.
        """
        kind = settings.get(registry.KIND, registry.name_of(cls))
        if kind != registry.name_of(cls):
            raise ValueError(f"the recipe is {kind!r:.100}, and {cls.__name__} makes another kind")
        named = {name: value for name, value in settings.items() if name != registry.KIND}
        return cls().updated(named)

    def updated(self: AnyRecipe, settings: Mapping[str, object]) -> AnyRecipe:
        """Return the recipe with other values for some settings, as `from_settings` takes them."""
        changes = {name: self._read(name, each) for name, each in _nested(settings).items()}
        return replace(self, **changes)

    def _read(self, name: str, value: object) -> object:
        known = {each.name for each in fields(self)}
        if name not in known:
            inner = [each for each in self._inner_settings() if each.endswith(f".{name}")]
            if inner:
                raise ValueError(f"the recipe has no setting {name!r}; did you mean {inner[0]}?")
            raise ValueError(no_setting("the recipe", name, sorted(known)))
        if name in registry.ROLES and isinstance(value, str | Mapping):
            return registry.updated(name, getattr(self, name), value)
        _check_type(type(self), name, value)
        if isinstance(value, np.generic):  # as a search over np.arange gives them
            return value.item()
        return tuple(value) if isinstance(value, list) else value

    def _inner_settings(self) -> list[str]:
        """Return the settings of the parts, as `from_settings` names them."""
        parts = {each.name: getattr(self, each.name) for each in fields(self)}
        return [
            f"{role}.{name}"
            for role, part in parts.items()
            if role in registry.ROLES
            for name in registry.settings(part)
        ]

    @property
    def uses_inputs(self) -> bool:
        """Whether the mixture depends on x; where it does not, `fit` needs no inputs."""
        return True

    @property
    def cross_fitting(self) -> CrossFit:
        """Whether each member of an ensemble is to hold out a part of its own."""
        return COMMON

    @property
    def refits_spread(self) -> bool | ByHeldOut:
        """Whether each member's spread is learned again on the rows that it holds out."""
        return False

    def cross_fitted(self: AnyRecipe, is_so: bool) -> AnyRecipe:
        """Return the recipe with what the rows have decided on that."""
        return self

    def encoded(self, kinds: Sequence[Kind]) -> tuple[Kind, ...]:
        """Return the kinds of inputs with the features that a network gets from them."""
        return tuple(kinds)

    @property
    def held_out(self) -> dict[str, HeldOut]:
        """What rows that were not learned from decide, by name, of a resolved recipe."""
        found = {"epochs": HeldOut(1, decided("max_epochs", self.max_epochs))}
        if isinstance(self.recalibration, HeldOut):
            found["recalibration"] = self.recalibration
        ranges = {"smoothing": MOST_TRIED_SMOOTHING, "guard": MOST_TRIED_GUARD}
        open_ones = {name for name in ranges if getattr(self, name) == "held_out"}
        return found | {name: HeldOut(0, ranges[name]) for name in sorted(open_ones)}

    def describe(self) -> dict[str, object]:
        """Return plain data that tells every setting, as a checkpoint keeps it."""
        return registry.describe(self)

    def resolve(self: AnyRecipe, profile: Profile | None = None, processes: int = 1) -> AnyRecipe:
        """Return the recipe with a number in every place of `auto` and `grid`.

        Args:
            profile: of the training rows; None as long as nobody has seen them, for numbers that
                suit a thousand.
            processes: that take a batch each in a step.

        Raises:
            ValueError: if the grid of the targets is to decide a number, and there is none.
        """
        return replace(self, **self._decided(profile, processes))

    def _decided(self, profile: Profile | None, processes: int) -> dict[str, object]:
        """Return the settings that may be open, without open ones, by name."""
        rows = _ASSUMED_ROWS if profile is None else profile.rows
        batch_size = _number(self.batch_size, training_batch_size, rows)
        components = _number(self.num_components, suitable_components, counted_rows(profile))
        return {
            "family": _with_floor(self.family, profile),
            "num_components": components,
            "smoothing": self.smoothing if self.uses_inputs else _off(self.smoothing),
            "guard": self._guard(profile) if self.uses_inputs else _off(self.guard),
            "batch_size": batch_size,
            "max_epochs": _number(self.max_epochs, suitable_epochs, rows, batch_size, processes),
        }

    def _guard(self, profile: Profile | None) -> float | ByHeldOut:
        if self.guard == "auto":
            return 0.0 if profile is None else usual_guard(profile)
        return self.guard


def usual_guard(profile: Profile) -> float:
    """Return 1 / (rows + 1), by Laplace's rule; 0 where all inputs are numbers without gaps."""
    return 0.0 if profile.plain else 1 / (counted_rows(profile) + 1)


def _off(adjustment: float | Auto | ByHeldOut) -> float:
    """Return a number that the user has set, or 0."""
    return 0.0 if isinstance(adjustment, str) else adjustment


@cache
def _hints(recipe: type) -> dict[str, object]:
    return get_type_hints(recipe)


def _check_type(recipe: type, name: str, value: object) -> None:
    hint = _hints(recipe)[name]
    if name in registry.ROLES and not isinstance(value, float | int):
        _check_part(name, value)
    elif not fits(registry.plain(value), hint):
        raise ValueError(f"{name} must be {in_words(hint)}, got {value!r:.100}")


def _check_part(role: str, value: object) -> None:
    """Refuse what is no part of a role, as a name where a part is wanted, or another part."""
    if value is None or isinstance(value, str | Mapping):
        raise ValueError(
            f"{role} must be a part that is made already, got {value!r:.100}; from_settings makes "
            "parts from names and settings"
        )
    roles = registry.roles_of(value)
    if roles and role not in roles:
        raise ValueError(f"{role} must not be {value!r:.100}, which is for {', '.join(roles)}")


def _number(value: int | Auto, suitable: Callable[..., int], *sizes: int) -> int:
    return suitable(*sizes) if isinstance(value, str) else value


def counted_rows(profile: Profile | None) -> int:
    """Return how many training rows weigh something."""
    return _ASSUMED_ROWS if profile is None else profile.counted_rows


def _with_floor(family: Family, profile: Profile | None) -> Family:
    if family.min_scale != "grid":
        return family
    if profile is None:
        raise ValueError(
            "`min_scale=grid`, and there are no rows yet whose grid could decide it; set a number"
        )
    return replace(family, min_scale=grid_floor(profile))


def _nested(settings: Mapping[str, object]) -> dict[str, object]:
    """Gather settings that are named with dots: `backbone.width` belongs to the backbone.

    Raises:
        ValueError: on a setting that is named with a dot, and in the part as well.
    """
    nested: dict[str, object] = {}
    for name, value in sorted(settings.items()):  # a part comes before its settings
        part, dot, inner = name.partition(".")
        if not dot:
            nested[name] = value
            continue
        outer = nested.get(part, {})
        if isinstance(outer, Mapping) and inner in outer:
            raise ValueError(
                f"{name} is given twice, {outer[inner]!r:.100} and {value!r:.100}; leave out one "
                "of them"
            )
        nested[part] = {**_inner(part, outer), inner: value}
    return nested


def _inner(name: str, part: object) -> Mapping[str, object]:
    settings = {registry.KIND: part} if isinstance(part, str) else registry.plain(part)
    if not isinstance(settings, Mapping):
        raise ValueError(f"{name} is {part!r:.100}, which has no settings of its own")
    return settings
