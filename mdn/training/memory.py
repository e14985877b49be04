"""Rows that a program already has in memory."""

from mdn.data.splits.divide import Division, Stratify, divided
from mdn.data.table import Table
from mdn.data.training_rows import check_training_rows
from mdn.distributions.checks import check_part
from mdn.distributions.open_settings import Auto
from mdn.training.base_recipe import BaseRecipe
from mdn.training.datamodule import TableModule, val_share


class MemoryData(TableModule):
    """Rows in memory, some of them held back to validate on.

    Args:
        table: the rows, and what they are split by; those of weight zero are left out.
        val_fraction: of the rows, at least one; they also stand for the test rows. None for a
            tenth, and more of few rows.
        dequantize: whether noise of a grid's step spreads rounded targets of the training rows.
        batch_size: the most rows in a training batch of one process.
        seed: from which the split and every order follows.
        stratify: whether parts that are split at random have small and large targets alike; "auto"
            where there are few rows.

    Raises:
        ValueError: with fewer than 2 rows; on first use, if there is nothing to learn or to
            dequantize.
    """

    _separate = ("train", "val")

    def __init__(
        self,
        table: Table,
        val_fraction: float | None = None,
        dequantize: bool = False,
        batch_size: int | Auto = "auto",
        seed: int = 0,
        stratify: Stratify = "auto",
    ) -> None:
        super().__init__(batch_size, seed, dequantize)
        self.stratify: Stratify = stratify
        check_part("val_fraction", val_fraction)
        self.table = table.counted()
        if len(self.table) < 2:
            raise ValueError(
                f"rows of positive weight: {len(self.table)} of {len(table)}; at least 3 are "
                "needed, 2 to train on and 1 to validate on"
            )
        self.val_fraction = val_fraction
        self.fraction = max(val_share(val_fraction, len(self.table)), 1 / len(self.table))

    def _tables(self) -> dict[str, Table]:
        given = "" if self.val_fraction is None else "`val_fraction` is the part that all hold out"
        cross_fit, source = self.cross_fit.unless(given), "the rows to fit"
        division = Division({"val": self.fraction}, self.seed, self.stratify, source, cross_fit)
        parts = divided(self.table, division)
        check_training_rows(parts["train"], source)
        return {"test": parts.get("val", parts["train"])} | parts


def held_in_memory(recipe: BaseRecipe, table: Table) -> MemoryData:
    """Return the rows of a table, a part of them held out for all networks or for each."""
    settings = recipe.val_fraction, recipe.dequantize, recipe.batch_size, recipe.seed
    data = MemoryData(table, *settings)
    data.cross_fit = recipe.cross_fitting
    return data
