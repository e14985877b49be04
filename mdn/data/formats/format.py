"""Formats of columns of text: which values fit, and how they are read.

A format is decided once a column, by all values that are known; a value that does not fit is
never read by another one.
"""

from abc import ABC, abstractmethod
from typing import Literal

import pyarrow as pa

from mdn.data.formats.arrow_functions import Values

KindOfFormat = Literal["number", "boolean", "time", "text"]


class Format(ABC):
    """One way to write values.

    Attributes:
        code: its name, plain data that another reading of the same columns may ask for.
        kind: of its values.
        type: of its values in Arrow.
        direct: whether Arrow's CSV reader converts it.
    """

    code: str
    kind: KindOfFormat
    type: pa.DataType
    direct: bool = False

    @abstractmethod
    def fits(self, values: Values) -> bool:
        """Tell whether all values, trimmed and none of them missing, are written so."""

    @abstractmethod
    def convert(self, values: Values) -> Values:
        """Turn text into values; what stands for a missing value becomes null."""

    @property
    def remark(self) -> str | None:
        """Return what to say of columns that are written so; None where it goes without saying."""
        return None
