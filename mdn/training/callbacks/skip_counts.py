"""How many steps of a run were skipped, and when they are too many."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

_MOST = 0.5
"""The share of the steps of an epoch that a run may skip."""

_FEW, _FEW_OF_ALL = 3, 0.01
"""So many skipped steps are not worth a word at the end, nor is such a share of all steps."""


@dataclass
class SkipCounts:
    """Counts of steps, and of those that were skipped.

    Attributes:
        steps: of the run.
        skipped: of the run, by any member.
        epoch_steps: of this epoch.
        epoch_skipped: of this epoch.
        in_a_row: how many of the last steps each member has skipped.
    """

    steps: int = 0
    skipped: int = 0
    epoch_steps: int = 0
    epoch_skipped: int = 0
    in_a_row: list[int] = field(default_factory=list)

    @property
    def plain(self) -> dict[str, object]:
        """All counts by name, for a checkpoint."""
        return asdict(self)

    @property
    def of_members(self) -> str:
        """Which part of the members has skipped the last step; empty where all have."""
        of, some = len(self.in_a_row), sum(map(bool, self.in_a_row))
        return "" if some == of else f", for {some} of {of} members"

    @property
    def remark(self) -> str:
        """What there is to say at the end of a run; empty where there is nothing."""
        if self.skipped <= max(_FEW, _FEW_OF_ALL * self.steps):
            return ""
        return (
            f"{self.skipped} of {self.steps} training steps were skipped, as their gradient was "
            "not finite or absurdly large: the model has learned less of the rows concerned"
        )

    def begin_epoch(self) -> None:
        """Count the steps of the epoch anew."""
        self.epoch_steps = self.epoch_skipped = 0

    def add(self, skipped: Sequence[bool]) -> bool:
        """Count a step; tell whether a member has skipped it."""
        earlier = self.in_a_row or [0] * len(skipped)
        self.in_a_row = [n + 1 if skips else 0 for n, skips in zip(earlier, skipped, strict=True)]
        self.skipped += any(skipped)
        self.epoch_skipped += any(skipped)
        return any(skipped)

    def too_many(self, most_in_a_row: int) -> str:
        """Say which limit is passed, or nothing."""
        last = max(self.in_a_row)
        if last > most_in_a_row:
            return f"That makes {last} steps in a row" if last > 1 else "The first one ends the run"
        if self.epoch_skipped > max(most_in_a_row, _MOST * self.epoch_steps):
            return f"That makes {self.epoch_skipped} of {self.epoch_steps} steps of this epoch"
        return ""
