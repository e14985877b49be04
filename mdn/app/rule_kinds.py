"""Kinds of rules for the values of a configuration.

A rule reads one value: it returns the value to use, 10000 for 1e4 where a whole number is wanted,
or refuses it with the key, what was got and what is wanted.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from difflib import get_close_matches
from math import inf, isfinite
from sys import float_info
from typing import TypeGuard

from mdn.app.errors import UserError
from mdn.data.splits.settings import gap_size


def shown(value: object) -> str:
    """Return a value as a configuration spells it."""
    words = {"None": "null", "True": "true", "False": "false"}
    return words.get(repr(value), repr(value))


class Rule(ABC):
    """A rule for the value of one key."""

    @property
    def free_text(self) -> bool:
        """Whether any text is taken, which may name a file."""
        return False

    @abstractmethod
    def read(self, name: str, value: object) -> object:
        """Return the value to use.

        Raises:
            UserError: if the key does not take this value.
        """


@dataclass(frozen=True)
class Number(Rule):
    """A finite number within bounds, or one of some words.

    Attributes:
        least: the smallest number taken.
        above: what it must be larger than.
        most: the largest number taken.
        below: what it must be smaller than.
        whole: whether only whole numbers are taken.
        words: what is taken beside numbers; None stands for null.
        hint: what to do, at the end of the message.
    """

    least: float = -inf
    above: float = -inf
    most: float = inf
    below: float = inf
    whole: bool = False
    words: tuple[str | None, ...] = ()
    hint: str = ""

    def read(self, name: str, value: object) -> object:
        if (value is None or isinstance(value, str)) and value in self.words:
            return value
        if not _is_number(value):
            raise self._refusal(name, "a number", value)
        wanted = self._wanted(value)
        if wanted:
            raise self._refusal(name, wanted, value)
        return int(value) if self.whole else value

    def _refusal(self, name: str, wanted: str, value: object) -> UserError:
        return UserError(f"{name} must be {wanted}, got {shown(value)}{self._also}{self.hint}")

    def _wanted(self, value: float) -> str:
        """Return what is wanted; nothing where the number is that."""
        if self.whole and value != int(value):
            return "a whole number"
        inside = self.least <= value <= self.most and self.above < value < self.below
        return "" if inside else self._range(value)

    @property
    def _also(self) -> str:
        words = ["null" if word is None else word for word in self.words]
        return f"; it may also be {' or '.join(words)}" if words else ""

    def _range(self, value: float) -> str:
        kind = "a whole number" if self.whole else "a number"
        if self.above == 0 and value <= 0:
            return kind.replace("number", "positive number")
        if isfinite(self.least) and isfinite(self.most):
            return f"{kind} from {self.least:.12g} to {self.most:.12g}"
        bounds = {
            "of at least": self.least,
            "above": self.above,
            "of at most": self.most,
            "below": self.below,
        }
        said = [f"{word} {bound:.12g}" for word, bound in bounds.items() if isfinite(bound)]
        return f"{kind} {' and '.join(said)}"


def _is_number(value: object) -> TypeGuard[float]:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return abs(value) <= float_info.max  # a whole number may be larger than any float


def whole(least: int, *words: str | None, most: float = inf, hint: str = "") -> Number:
    """Return the rule for a whole number from `least` up, or one of these words."""
    return Number(least, most=most, whole=True, words=words, hint=hint)


@dataclass(frozen=True)
class Text(Rule):
    """Text that is not blank, such as the path of a file.

    Attributes:
        what: what it stands for.
        null: whether null is taken too.
    """

    what: str = "the path of a file"
    null: bool = False

    @property
    def free_text(self) -> bool:
        return True

    def read(self, name: str, value: object) -> object:
        if value is None and self.null:
            return value
        if not isinstance(value, str) or not value.strip() or "\0" in value:
            raise UserError(
                f"{name} must be {self.what}, got {shown(value)}; in quotes any text is one"
            )
        return value


@dataclass(frozen=True)
class Flag(Rule):
    """True or false, or one of some words.

    Attributes:
        words: what is taken beside them.
    """

    words: tuple[str, ...] = ()

    def read(self, name: str, value: object) -> object:
        if isinstance(value, bool) or (isinstance(value, str) and value in self.words):
            return value
        also = f"; it may also be {' or '.join(self.words)}" if self.words else ""
        raise UserError(f"{name} must be true or false, got {shown(value)}{also}")


@dataclass(frozen=True)
class Gap(Rule):
    """A distance between two times: a number, a text such as 7d, or null."""

    def read(self, name: str, value: object) -> object:
        if isinstance(value, bool) or not isinstance(value, str | int | float | None):
            raise UserError(f"{name} must be a number or a text such as 7d, got {shown(value)}")
        try:
            gap_size(value)
        except ValueError as error:
            raise UserError(str(error).replace("time_gap", name, 1)) from None
        return value


@dataclass(frozen=True)
class Choice(Rule):
    """One of some values.

    Attributes:
        options: the values; None stands for null.
        hint: what to do, at the end of the message.
    """

    options: tuple[str | None, ...]
    hint: str = ""

    def read(self, name: str, value: object) -> object:
        value = str(value) if type(value) is int else value  # 16 is a name of a precision
        if (value is None or isinstance(value, str)) and value in self.options:
            return value
        names = ["null" if option is None else option for option in self.options]
        close = get_close_matches(str(value), names, n=1)
        hint = self.hint or (f"; did you mean {close[0]}?" if close else "")
        raise UserError(f"{name} must be one of {', '.join(names)}, got {shown(value)}{hint}")


@dataclass(frozen=True)
class Several(Rule):
    """A list in which every element keeps to one rule.

    Attributes:
        each: the rule.
        least: how many there are at least.
        most: how many there are at most.
        single: whether one on its own needs no brackets.
    """

    each: Rule
    least: int = 1
    most: float = inf
    single: bool = False

    @property
    def free_text(self) -> bool:
        return self.each.free_text

    def read(self, name: str, value: object) -> object:
        if not isinstance(value, list):
            if not self.single:
                raise UserError(
                    f"{name} must be a list, got {shown(value)}; put it in brackets: [{value}]"
                )
            return self.each.read(name, value)
        if not self.least <= len(value) <= self.most:
            raise UserError(f"{name} must be a list of {self._count}, got {shown(value)}")
        return [self.each.read(name, element) for element in value]

    @property
    def _count(self) -> str:
        return f"{self.least}" if self.least == self.most else f"at least {self.least}"


@dataclass(frozen=True)
class Column(Rule):
    """A column of a file, by its name or by its position.

    Attributes:
        null: whether null is taken too.
    """

    null: bool = False

    def read(self, name: str, value: object) -> object:
        if value is None and self.null:
            return value
        if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
            raise UserError(
                f"{name} must be a column, by its name or its position, got {shown(value)}; put a "
                "name that looks like something else in quotes"
            )
        return value


@dataclass(frozen=True)
class Columns(Rule):
    """Columns of a file: one, a list of them, or null.

    Attributes:
        each: what one of them may be.
    """

    each: Rule = Column()

    def read(self, name: str, value: object) -> object:
        return None if value is None else Several(self.each, 0, single=True).read(name, value)


@dataclass(frozen=True)
class Transforms(Rule):
    """The scale that targets are learned on: one for all, or one for each of some by name."""

    def read(self, name: str, value: object) -> object:
        if value is None or (isinstance(value, str) and value.strip()):
            return value
        if not isinstance(value, dict) or not all(
            isinstance(v, str | dict) for v in value.values()
        ):
            raise UserError(
                f"{name} must be log or logit, or one for some targets by name, as in {{price: "
                f"log, share: {{kind: logit, low: 0, high: 100}}}}; got {shown(value)}"
            )
        return {str(key): each for key, each in value.items()}


@dataclass(frozen=True)
class Devices(Rule):
    """Processes of a trainer: how many, auto, or which devices."""

    def read(self, name: str, value: object) -> object:
        if isinstance(value, str) and value.replace(",", "").isdigit():  # 0,1 of Lightning
            return value
        if isinstance(value, list):
            return Several(whole(0)).read(name, value)
        if value == -1:
            return value
        return whole(1, "auto", most=1024).read(name, value)
