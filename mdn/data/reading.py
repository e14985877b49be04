"""What was guessed of a table while it was read."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Reading:
    """What a reader of a table has decided, and nobody has said.

    Attributes:
        left_out: columns that are no inputs, and why.
        notes: on how the file is written, in sentences.
        formats: how columns of text were read, as another reading may be told.
        levels: how many levels each category has in the file, before rare ones are joined.
    """

    left_out: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    formats: Mapping[str, str] = field(default_factory=dict)
    levels: Mapping[str, int] = field(default_factory=dict)
