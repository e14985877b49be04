"""Data for the trainer: the rows of three parts, and the batches they make."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import ClassVar

from lightning.pytorch import LightningDataModule
from lightning.pytorch.utilities import rank_zero_warn

from mdn.data.batches import Blocks, Loader, Share
from mdn.data.extremes import extreme_remarks, within, without_extremes
from mdn.data.fingerprint import Fingerprint, of_levels
from mdn.data.kinds.coding import coded_tables
from mdn.data.members import held_out_batches, learned_batches, rows_held_out
from mdn.data.profile import Profile
from mdn.data.rounding import dequantized
from mdn.data.rows import Rows
from mdn.data.seeds import generator
from mdn.data.splits.comparison import PartSummary, part_summaries, split_remarks
from mdn.data.splits.folds import COMMON, FOLD, CrossFit
from mdn.data.synthetic.problem import Problem
from mdn.data.table import Table
from mdn.distributions.checks import check_at_least, check_seed
from mdn.distributions.open_settings import Auto, decided
from mdn.fitting.sizes import suitable_val_fraction
from mdn.networks.kinds import Kind
from mdn.networks.units import LIMIT

STEPS_PER_CALL = 8
"""Steps of gradient descent in one call of the trainer."""

EVALUATION_BATCH = 8192
"""Rows in a batch that needs no gradient; the result does not depend on it."""


class TableModule(LightningDataModule):
    """The rows of three parts, train, val and test; they are in memory, or stay in their file.

    Where members of an ensemble hold out parts of their own, the training rows are in folds, and
    the validation rows are those of them that some member holds out: all, or with fewer than 8
    members some.

    Args:
        batch_size: the most rows in a training batch of one process; "auto" until a recipe
            has decided it.
        seed: from which every order and every split follows.
        dequantize: whether noise of a grid's step spreads rounded targets of the training rows.

    Raises:
        ValueError: on a batch size below one or a negative seed; on first use, where there is
            nothing to dequantize.

    Attributes:
        cross_fit: whether members of an ensemble hold out parts of their own; to be set before
            the tables are first used. By default they do not.
    """

    problem: Problem | None = None
    """Where the rows come from, if that is known."""

    def __init__(
        self, batch_size: int | Auto = "auto", seed: int = 0, dequantize: bool = False
    ) -> None:
        super().__init__()
        if batch_size != "auto":
            check_at_least("batch_size", batch_size, 1)
        check_seed("seed", seed)
        self.batch_size: int | Auto = batch_size
        self.seed = seed
        self.dequantize = dequantize
        self.cross_fit: CrossFit = COMMON

    @cached_property
    def tables(self) -> Mapping[str, Rows]:
        """The rows as "train", "val" and "test", made or read on first use, coded by the first.

        Validation rows are in memory, as they are needed after each epoch.
        """
        tables = coded_tables(self._tables())
        if "val" not in tables:
            tables["val"] = rows_held_out(tables["train"], self.cross_fit.members)
        return tables

    @abstractmethod
    def _tables(self) -> dict[str, Table]:
        """Read or draw the three tables; no "val" where the training rows are in folds."""

    @property
    def cross_fitted(self) -> bool:
        """Whether the training rows are in folds, which members of an ensemble hold out."""
        return FOLD in self.tables["train"].sample.marks

    def setup(self, stage: str) -> None:
        _ = self.val_table
        if stage == "fit" and self.trainer is not None:  # once, and not where a model is judged
            val = self.tables["val"].sample
            val = val[:0] if self.cross_fitted else val
            remarks = extreme_remarks(self.tables["train"], val)
            for remark in [*remarks, *self.split_remarks()]:
                rank_zero_warn(remark)

    @property
    def parts(self) -> dict[str, PartSummary]:
        """What there is to say of the rows of each part, before training."""
        return part_summaries(self._samples)

    @property
    def _samples(self) -> dict[str, Table]:
        return {name: rows.sample for name, rows in self._different.items()}

    @property
    def _different(self) -> Mapping[str, Rows]:
        """The tables without validation rows that are training rows."""
        tables = self.tables
        return {name: tables[name] for name in tables if name != "val" or not self.cross_fitted}

    def split_remarks(self) -> list[str]:
        """Say where parts differ by more than chance, or times are not kept apart."""
        by = self.tables["train"].sample.split_by
        tables = {name: each for name, each in self._samples.items() if name in self._separate}
        at_random = not (by.columns or self._from_files)
        scored = "test" in self._separate
        return list(split_remarks(tables, at_random, by_time=by.time is not None or not scored))

    _separate: ClassVar[Sequence[str]] = ("train", "val", "test")
    """The tables of which none is another."""

    @property
    def _from_files(self) -> bool:
        """Tell whether some parts come from files of their own."""
        return False

    @cached_property
    def observed(self) -> Rows:
        """The training rows as they are, without those whose targets are absurdly far out."""
        return without_extremes(self.tables["train"])

    @property
    def profile(self) -> Profile:
        """What there is to know of the training rows before training."""
        return self.observed.profile

    @cached_property
    def train_table(self) -> Rows:
        """The rows that everything is fitted to."""
        rows = self.observed
        return dequantized(rows, generator("dequantize", self.seed)) if self.dequantize else rows

    @cached_property
    def val_table(self) -> Table:
        """The rows that epochs, members and a recalibration are chosen by."""
        if self.cross_fitted:
            return rows_held_out(self.observed.sample, self.cross_fit.members)
        train, val = self.train_table, self.tables["val"].sample
        chosen_by = within(val, train.profile.targets)
        if len(val) and not len(chosen_by):
            raise ValueError(
                f"every validation row ({len(val)}) holds a target more than {LIMIT:g} standard "
                "deviations from the mean of the training rows; mend them or the training rows"
            )
        return chosen_by

    def fingerprint(self) -> Fingerprint:
        """Tell the rows that are learned, and those that the model is judged by, by numbers."""
        tables = {**self._different, "train": self.train_table}
        return {
            name: table.profile.fingerprint + of_levels(table.kinds)
            for name, table in tables.items()
        }

    @property
    def input_names(self) -> list[str]:
        """Names of the columns of x."""
        return self.train_table.input_names

    @property
    def target_names(self) -> list[str]:
        """Names of the columns of y."""
        return self.train_table.target_names

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """Kinds of the columns of x."""
        return self.train_table.kinds

    @property
    def num_targets(self) -> int:
        """How many targets there are, D."""
        return len(self.target_names)

    def train_dataloader(self) -> Blocks:
        batch_size = decided("batch_size", self.batch_size)
        batches = self._learned(batch_size)
        return batches.in_blocks(STEPS_PER_CALL if self._may_group else 1)

    def _learned(self, batch_size: int) -> Loader:
        if not self.cross_fitted:
            return self._batches(self.train_table, batch_size, self.seed)
        rows, members = self.train_table.sample, self.cross_fit.members
        return learned_batches(rows, members, batch_size, self.seed, self._share())

    @property
    def _may_group(self) -> bool:
        """Tell whether one call may take several steps.

        Gradients of several processes meet once a call, and `max_steps` counts calls.
        """
        return self.trainer is None or (self.trainer.world_size == 1 and self.trainer.max_steps < 0)

    def val_dataloader(self) -> Loader:
        if not self.cross_fitted:
            return self._batches(self.val_table, EVALUATION_BATCH, None)
        members = self.cross_fit.members
        return held_out_batches(self.val_table, members, EVALUATION_BATCH, self._share())

    def test_dataloader(self) -> Loader:
        return self._batches(self.tables["test"], EVALUATION_BATCH, None)

    def _batches(self, rows: Rows, batch_size: int, seed: int | None) -> Loader:
        return rows.batches(batch_size, seed, self._share())

    def _share(self) -> Share:
        trainer = self.trainer
        if trainer is None:
            return Share()
        return Share(
            lambda: trainer.current_epoch,
            trainer.global_rank,
            trainer.world_size,
            trainer.strategy.root_device,
        )


def val_share(fraction: float | None, rows: float) -> float:
    """Return the share of rows that is held back to validate on."""
    return suitable_val_fraction(rows) if fraction is None else fraction
