"""The overrides of an earlier run and those of a command that goes on with it, as one command line.

Of two for the same key the later one holds. Where a group is chosen anew, the settings of the
earlier choice are left out with it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from hydra.core.override_parser.types import Override

from mdn.app.overrides import (
    forced,
    is_added,
    is_removal,
    is_within,
    last_of_each,
    replaces,
    text_of,
)
from mdn.app.trusted_overrides import Groups, groups_of, is_choice

Compose = Callable[[Sequence[Override]], Groups | None]
"""Composes groups by the choices among some overrides; None where they do not fit together."""


@dataclass(frozen=True)
class EarlierRun:
    """A run as its overrides tell it.

    Attributes:
        overrides: what it was given.
        groups: what its choices make, as far as they are this project's own.
    """

    overrides: Sequence[Override]
    groups: Groups

    @classmethod
    def of(cls, overrides: Sequence[Override]) -> "EarlierRun":
        """Return the run of some overrides."""
        return cls(overrides, groups_of(overrides))

    def has(self, key: str) -> bool:
        """Tell whether the run has a setting."""
        return self.groups.has(key) or any(each.key_or_group == key for each in self.overrides)

    def choice(self, group: str) -> object:
        """Return what the run has chosen from a group."""
        return self._given(group, self.groups.choices.get(group))

    def setting(self, key: str) -> object:
        """Return the value of a key, as it was given or as the groups have it."""
        return self._given(key, self.groups.get(key))

    def _given(self, key: str, default: object) -> object:
        given = [each for each in self.overrides if each.key_or_group == key]
        return given[-1].value() if given else default


@dataclass(frozen=True)
class Merged:
    """The overrides of a command that goes on with a run.

    Attributes:
        stored: those of the run that hold.
        left_out: those of the run that have no place beside the choices of the command line.
        given: those of the command line.
    """

    stored: Sequence[Override]
    left_out: Sequence[Override]
    given: Sequence[str]


def merged(run: EarlierRun, given: Sequence[Override], compose: Compose) -> Merged:
    """Put the overrides of a command line behind those of a run.

    Args:
        run: the earlier one.
        given: the overrides of the command line.
        compose: how groups are composed for this command line.
    """
    kept = [old for old in run.overrides if not any(replaces(new, old) for new in given)]
    holding = last_of_each(given)
    anew = [each.key_or_group for each in holding if is_choice(each) and chooses_anew(each, run)]
    beside = compose([each for each in (*kept, *given) if is_choice(each)]) if anew else None
    stored = [old for old in kept if _has_place(old, anew, beside)]
    texts = [text for new in given for text in _texts(new, run, beside or run.groups)]
    return Merged(stored, [old for old in kept if old not in stored], texts)


def chooses_anew(override: Override, run: EarlierRun) -> bool:
    """Tell whether a choice is another one than the run's."""
    return override.is_sweep_override() or override.value() != run.choice(override.key_or_group)


def _has_place(old: Override, anew: Sequence[str], beside: Groups | None) -> bool:
    if any(is_within(old.key_or_group, group) for group in anew):
        return False
    if beside is None or is_added(old) or is_choice(old):
        return True
    return beside.has(old.key_or_group)


def _texts(new: Override, run: EarlierRun, groups: Groups) -> list[str]:
    """Return an override as it is typed beside those of the run; nothing where these do it."""
    gone = [old for old in run.overrides if replaces(new, old)]
    if gone and all(map(is_added, gone)) and is_removal(new) and not groups.has(new.key_or_group):
        return []
    added = any(is_added(old) and old.key_or_group == new.key_or_group for old in gone)
    return [forced(new) if added and not is_added(new) else text_of(new)]
