"""All that is wrong with a table, said at once."""

from collections.abc import Iterator
from contextlib import contextmanager

_SHOWN = 20
"""Faults that are named."""


class Faults:
    """Mistakes that are collected until one error names them all."""

    def __init__(self) -> None:
        self._said: list[str] = []

    @contextmanager
    def collected(self) -> Iterator[None]:
        """Keep a ValueError for later."""
        try:
            yield
        except ValueError as error:
            self._said += [said for said in str(error).split("\n") if said not in self._said]

    def check(self) -> None:
        """Refuse what was collected.

        Raises:
            ValueError: if anything was.
        """
        if self._said:
            more = len(self._said) - _SHOWN
            also = [f"and {more} faults more"] if more > 0 else []
            raise ValueError("\n".join(self._said[:_SHOWN] + also)) from None
