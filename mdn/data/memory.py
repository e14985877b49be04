"""Rows that a program already has in memory."""

from mdn.data.files import check_learnable
from mdn.data.module import TableModule
from mdn.data.seeds import generator
from mdn.data.table import Table


class MemoryData(TableModule):
    """Rows in memory, some of them held back to validate on.

    Args:
        table: the rows.
        val_fraction: of the rows, at least one; they also stand for the test rows.
        dequantize: whether noise of a grid's step spreads rounded targets of the training rows.
        batch_size: the most rows in a training batch of one process.
        seed: from which the split and every order follows.

    Raises:
        ValueError: on first use, if there is nothing to learn or to dequantize.
    """

    def __init__(
        self, table: Table, val_fraction: float, dequantize: bool, batch_size: int | str, seed: int
    ) -> None:
        super().__init__(batch_size, seed, dequantize)
        if not 0 < val_fraction < 1:
            raise ValueError(f"val_fraction must lie between 0 and 1, got {val_fraction!r}")
        self.table = table
        self.fraction = max(val_fraction, 1 / len(table))

    def _tables(self) -> dict[str, Table]:
        val, train = self.table.split([self.fraction], generator("split", self.seed))
        check_learnable(train, "the rows to fit")
        return {"train": train, "val": val, "test": val}
