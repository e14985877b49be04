"""Rows that a program already has in memory."""

from mdn.data.seeds import generator
from mdn.data.table import Table
from mdn.data.training_rows import check_training_rows
from mdn.distributions.checks import check_part
from mdn.distributions.open_settings import Auto
from mdn.training.datamodule import TableModule, val_share


class MemoryData(TableModule):
    """Rows in memory, some of them held back to validate on.

    Args:
        table: the rows; those of weight zero are left out.
        val_fraction: of the rows, at least one; they also stand for the test rows. None for a
            tenth, and more of few rows.
        dequantize: whether noise of a grid's step spreads rounded targets of the training rows.
        batch_size: the most rows in a training batch of one process.
        seed: from which the split and every order follows.

    Raises:
        ValueError: with fewer than 2 rows; on first use, if there is nothing to learn or to
            dequantize.
    """

    def __init__(
        self,
        table: Table,
        val_fraction: float | None = None,
        dequantize: bool = False,
        batch_size: int | Auto = "auto",
        seed: int = 0,
    ) -> None:
        super().__init__(batch_size, seed, dequantize)
        check_part("val_fraction", val_fraction)
        self.table = table.counted()
        if len(self.table) < 2:
            raise ValueError(
                f"rows of positive weight: {len(self.table)} of {len(table)}; at least 3 are "
                "needed, 2 to train on and 1 to validate on"
            )
        self.fraction = max(val_share(val_fraction, len(self.table)), 1 / len(self.table))

    def _tables(self) -> dict[str, Table]:
        val, train = self.table.split([self.fraction], generator("split", self.seed))
        check_training_rows(train, "the rows to fit")
        return {"train": train, "val": val, "test": val}
