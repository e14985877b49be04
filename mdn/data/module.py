"""Data for the trainer: three tables, and the batches they make."""

from abc import abstractmethod
from functools import cached_property

from lightning.pytorch import LightningDataModule

from mdn.data.batches import Batches, check_batch_size
from mdn.data.seeds import generator
from mdn.data.synthetic.problem import Problem
from mdn.data.table import Table

EVALUATION_BATCH = 8192
"""Rows in a batch that needs no gradient; the result does not depend on it."""


class TableModule(LightningDataModule):
    """Three tables in memory: train, val and test.

    Args:
        batch_size: the most rows in a training batch of one process.
        seed: from which every order and every split follows.

    Raises:
        ValueError: on a batch size below one or a negative seed.
    """

    problem: Problem | None = None
    """Where the rows come from, if that is known."""

    def __init__(self, batch_size: int, seed: int) -> None:
        super().__init__()
        check_batch_size(batch_size)
        check_at_least("seed", seed, 0)
        self.batch_size = batch_size
        self.seed = seed

    @cached_property
    def tables(self) -> dict[str, Table]:
        """The rows, made or read on first use, under "train", "val" and "test"."""
        return self._tables()

    @abstractmethod
    def _tables(self) -> dict[str, Table]:
        """The three tables."""

    def setup(self, stage: str) -> None:
        _ = self.tables

    @property
    def train_table(self) -> Table:
        """The rows that everything is fitted to."""
        return self.tables["train"]

    @property
    def input_names(self) -> list[str]:
        """Names of the columns of x."""
        return self.train_table.input_names

    @property
    def target_names(self) -> list[str]:
        """Names of the columns of y."""
        return self.train_table.target_names

    @property
    def num_inputs(self) -> int:
        """P."""
        return len(self.input_names)

    @property
    def num_targets(self) -> int:
        """D."""
        return len(self.target_names)

    def train_dataloader(self) -> Batches:
        return self._batches("train", self.batch_size, self.seed)

    def val_dataloader(self) -> Batches:
        return self._batches("val", EVALUATION_BATCH, None)

    def test_dataloader(self) -> Batches:
        return self._batches("test", EVALUATION_BATCH, None)

    def _batches(self, name: str, batch_size: int, seed: int | None) -> Batches:
        tensors = self.tables[name].tensors
        trainer = self.trainer
        if trainer is None:
            return Batches(tensors, batch_size, seed)
        return Batches(
            [tensor.to(trainer.strategy.root_device) for tensor in tensors],
            batch_size,
            seed,
            lambda: trainer.current_epoch,
            trainer.global_rank,
            trainer.world_size,
        )


class SyntheticData(TableModule):
    """Rows of a problem with a known answer; the three tables are independent draws.

    Args:
        problem: what to draw from.
        train_rows: of the training table; the other tables do not depend on it.
        val_rows: of the validation table.
        test_rows: of the test table.
        batch_size: the most rows in a training batch of one process.
        seed: from which every draw and every order follows.

    Raises:
        ValueError: on a number out of range.
    """

    def __init__(
        self,
        problem: Problem,
        train_rows: int,
        val_rows: int,
        test_rows: int,
        batch_size: int,
        seed: int,
    ) -> None:
        super().__init__(batch_size, seed)
        check_at_least("train_rows", train_rows, 2)
        check_at_least("val_rows", val_rows, 1)
        check_at_least("test_rows", test_rows, 1)
        self.problem = problem
        self.rows = {"train": train_rows, "val": val_rows, "test": test_rows}

    def _tables(self) -> dict[str, Table]:
        return {name: self._draw(i, rows) for i, (name, rows) in enumerate(self.rows.items())}

    def _draw(self, stream: int, rows: int) -> Table:
        assert self.problem is not None
        x, y = self.problem.sample(rows, generator(self.seed, stream))
        names = self.problem.input_names, self.problem.target_names
        return Table(x, y, None, *map(list, names))


def check_at_least(name: str, value: int, least: int) -> None:
    """Refuse what is not a whole number of at least `least`."""
    if not isinstance(value, int) or value < least:
        raise ValueError(f"{name} must be a whole number of at least {least}, got {value!r}")
