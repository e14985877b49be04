"""What is compared: the default recipe, with other settings if wanted, and its rivals."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from importlib.util import find_spec

from benchmarks.public.contenders.prediction import Machine, Prediction
from benchmarks.public.split import Split

OURS = "default"
"""The default recipe; "default+guard=0.01+backbone.width=32" has other settings."""


@dataclass(frozen=True)
class Rival:
    """A contender that is not ours.

    Attributes:
        module: the module with its function `predictions`.
        packages: what it needs.
    """

    module: str
    packages: tuple[str, ...] = ()

    @property
    def missing(self) -> list[str]:
        """Return the packages that are not installed."""
        return [name for name in self.packages if find_spec(name) is None]


_HERE = "benchmarks.public.contenders"

RIVALS = {
    "marginal": Rival(f"{_HERE}.marginal"),
    "deep_ensemble": Rival(f"{_HERE}.deep_ensemble"),
    "catboost": Rival(f"{_HERE}.boosted", ("catboost", "pandas")),
    "ngboost": Rival(f"{_HERE}.natural_boosting", ("ngboost",)),
}
"""The rivals by name; the packages are those of `pip install 'mdn[rivals]'`."""


def module_of(name: str) -> str:
    """Return the module of a contender."""
    return RIVALS[name].module if name in RIVALS else f"{_HERE}.ours"


def contender(name: str) -> Callable[[Split, Machine], Prediction]:
    """Return what predicts the test rows of a split after it has learned from the others.

    Raises:
        ValueError: on settings that no recipe has.
    """
    predictions = import_module(module_of(name)).predictions
    return predictions if name in RIVALS else partial(predictions, name.split("+")[1:])


def checked(names: Sequence[str]) -> Sequence[str]:
    """Return these contenders, all of which can run here; ours where none is named.

    Raises:
        ValueError: on an unknown name, a missing package, or a setting without a value.
    """
    for name in names:
        _check(name)
    return names or [OURS]


def _check(name: str) -> None:
    kind, *settings = name.split("+")
    if kind not in (OURS, *RIVALS) or (settings and kind != OURS):
        raise ValueError(
            f"contenders must be of {[OURS, *RIVALS]}, or {OURS}+setting=value, got {name!r}"
        )
    if wrong := [setting for setting in settings if "=" not in setting]:
        raise ValueError(f"a setting of {OURS} must be name=value, got {wrong[0]!r} in {name!r}")
    if kind in RIVALS and (missing := RIVALS[kind].missing):
        raise ValueError(
            f"contender {name} needs packages that are missing, {missing}; "
            "pip install 'mdn[rivals]'"
        )
