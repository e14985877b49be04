"""Rows of a file that a program trains on; there are none to test on."""

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

from mdn.data.rows import Rows
from mdn.data.splits.settings import SplitBy
from mdn.data.table import ColumnKeys, SaidKinds
from mdn.distributions.open_settings import Auto
from mdn.training.base_recipe import BaseRecipe
from mdn.training.file_data import FileData

Wanted = tuple[ColumnKeys | None, ColumnKeys | None, str | int | None, ColumnKeys, SaidKinds | None]
"""Targets, inputs, weight, columns that are no inputs, and kinds."""


class FileRows(FileData):
    """Rows of a file, some of them held back to validate on; these also stand for the test rows.

    Args:
        path: of a file, or of a folder or a pattern of Parquet files.
        columns: that are wanted.
        split_by: what the rows are split by.
        val_fraction: of the rows; None for one that suits their number.
        dequantize: whether noise of a grid's step spreads rounded targets of the training rows.
        batch_size: the most rows in a training batch of one process.
        seed: from which the split and every order follows.
    """

    _separate = ("train", "val")

    def __init__(
        self,
        path: str | Path,
        columns: Wanted,
        split_by: SplitBy,
        val_fraction: float | None,
        dequantize: bool,
        batch_size: int | Auto,
        seed: int,
    ) -> None:
        super().__init__(path, columns[0], dequantize=dequantize, batch_size=batch_size, seed=seed)
        self.columns, self.split_by = columns, split_by
        self.fractions = {"val": val_fraction}

    @cached_property
    def tables(self) -> Mapping[str, Rows]:
        """The rows as "train", "val" and "test", read on first use, coded by the first."""
        tables = super().tables
        return {"test": tables["val"], **tables}


def in_file(recipe: BaseRecipe, path: str | Path, columns: Wanted, split_by: SplitBy) -> FileRows:
    """Return the rows of a file, a part of them held out."""
    targets, inputs, weight, exclude, kinds = columns
    if inputs is None and not recipe.uses_inputs:
        inputs = []
    data = FileRows(
        path,
        (targets, inputs, weight, exclude, kinds),
        split_by,
        recipe.val_fraction,
        recipe.dequantize,
        recipe.batch_size,
        recipe.seed,
    )
    data.cross_fit = recipe.cross_fitting
    return data
