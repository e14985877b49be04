"""Data for the trainer: the rows of three parts, and the batches they make."""

import math
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import ClassVar

from lightning.pytorch import LightningDataModule
from lightning.pytorch.utilities import rank_zero_warn

from mdn.data.batches import Blocks, Loader, Share
from mdn.data.extremes import extreme_remarks, within, without_extremes
from mdn.data.files import read_table
from mdn.data.fingerprint import Fingerprint
from mdn.data.kinds.coding import coded_tables
from mdn.data.profile import Profile
from mdn.data.roles import Roles
from mdn.data.rounding import dequantized
from mdn.data.rows import Rows
from mdn.data.seeds import generator
from mdn.data.splits.comparison import PartSummary, part_summaries, split_remarks
from mdn.data.splits.divide import Division, divided
from mdn.data.splits.leaks import check_groups_apart
from mdn.data.splits.settings import SplitBy
from mdn.data.stream.open_stream import ColumnChoice, streamed_tables
from mdn.data.stream.whether import must_stream
from mdn.data.synthetic.problem import Problem
from mdn.data.table import ColumnKeys, Table
from mdn.data.training_rows import check_training_rows
from mdn.distributions.checks import check_at_least, check_part, check_seed
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

    Args:
        batch_size: the most rows in a training batch of one process; "auto" until a recipe
            has decided it.
        seed: from which every order and every split follows.
        dequantize: whether noise of a grid's step spreads rounded targets of the training rows.

    Raises:
        ValueError: on a batch size below one or a negative seed; on first use, where there is
            nothing to dequantize.
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

    @cached_property
    def tables(self) -> Mapping[str, Rows]:
        """The rows as "train", "val" and "test", made or read on first use, coded by the first.

        Validation rows are in memory, as they are needed after each epoch.
        """
        return coded_tables(self._tables())

    @abstractmethod
    def _tables(self) -> dict[str, Table]:
        """Read or draw the three tables."""

    def setup(self, stage: str) -> None:
        _ = self.val_table
        if stage == "fit" and self.trainer is not None:  # once, and not where a model is judged
            remarks = extreme_remarks(self.tables["train"], self.tables["val"].sample)
            for remark in [*remarks, *self.split_remarks()]:
                rank_zero_warn(remark)

    @property
    def parts(self) -> dict[str, PartSummary]:
        """What there is to say of the rows of each part, before training."""
        return part_summaries(self._samples)

    @property
    def _samples(self) -> dict[str, Table]:
        return {name: rows.sample for name, rows in self.tables.items()}

    def split_remarks(self) -> list[str]:
        """Say where parts differ by more than chance, or times are not kept apart."""
        by = self.tables["train"].sample.split_by
        tables = {name: self._samples[name] for name in self._separate}
        at_random = not (by.columns or self._from_files)
        return list(split_remarks(tables, at_random, by_time=by.time is not None))

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
        tables = {**self.tables, "train": self.train_table}
        return {name: table.profile.fingerprint for name, table in tables.items()}

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
        batches = self._batches(self.train_table, batch_size, self.seed)
        return batches.in_blocks(STEPS_PER_CALL if self._may_group else 1)

    @property
    def _may_group(self) -> bool:
        """Tell whether one call may take several steps.

        Gradients of several processes meet once a call, and `max_steps` counts calls.
        """
        return self.trainer is None or (self.trainer.world_size == 1 and self.trainer.max_steps < 0)

    def val_dataloader(self) -> Loader:
        return self._batches(self.val_table, EVALUATION_BATCH, None)

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


class FileData(TableModule):
    """Rows of a file, or of one for each table.

    Args:
        path: a .csv, .parquet or .npz file with the training rows.
        targets: columns of numbers by name, by position, where -1 is the last, by a pattern such
            as "temp_*", or by a regular expression after "re:".
        inputs: as targets; None for all the rest, an empty list for a density of the targets.
        weight: the column that says how often each row counts, or None.
        exclude: as targets; columns that are no inputs.
        kinds: what columns hold that would be taken for something else, as in
            {"zip": "category"}: number, boolean, category or time.
        val_path: a file with the validation rows; None takes some of `path`.
        test_path: a file with the test rows; None takes some of `path`.
        val_fraction: of the rows of `path`, where there is no `val_path`; None for a tenth, and
            more of few rows.
        test_fraction: of the rows of `path`, where there is no `test_path`.
        split_by: the column that names the part of each row: train, val or test.
        group_by: columns whose values together tell a group, all of whose rows go into one part.
        time_by: the column of the time: the last rows are for the test, those before for
            validation.
        time_gap: what lies between the times of two parts at least: a number in the unit of the
            column, or "7d", "12h" or "30min" for dates.
        stratify: whether parts that are split at random have small and large targets alike; "auto"
            where there are few rows.
        dequantize: whether noise of a grid's step spreads rounded targets of the training rows.
        stream: whether rows stay in their file and are read again in each epoch; "auto" does so
            where they would take more than a quarter of the memory.
        batch_size: the most rows in a training batch of one process.
        seed: from which the split and every order follows.

    Raises:
        ValueError: on a number out of range here; on first use, what `read_table` and
            `check_training_rows` refuse, a part without rows, a group in two parts, and nothing to
            dequantize.
    """

    def __init__(
        self,
        path: str | Path,
        targets: ColumnKeys | None = None,
        inputs: ColumnKeys | None = None,
        weight: str | int | None = None,
        exclude: ColumnKeys = (),
        kinds: dict[str, str] | None = None,
        val_path: str | Path | None = None,
        test_path: str | Path | None = None,
        val_fraction: float | None = None,
        test_fraction: float = 0.1,
        split_by: str | int | None = None,
        group_by: ColumnKeys | None = None,
        time_by: str | int | None = None,
        time_gap: float | str | None = None,
        stratify: bool | Auto = "auto",
        dequantize: bool = False,
        stream: bool | Auto = "auto",
        batch_size: int | Auto = "auto",
        seed: int = 0,
    ) -> None:
        super().__init__(batch_size, seed, dequantize)
        _check_parts(val_fraction, test_fraction)
        self.split_by = SplitBy.of(split_by, group_by, time_by, time_gap)
        self.stratify: bool | Auto = stratify
        if targets is None:
            raise ValueError("no target is named; say which columns to learn: `targets=[...]`")
        self.path = path
        self.columns = (targets, inputs, weight, exclude, kinds)
        self.other_paths = {"test": test_path, "val": val_path}
        if split_by is not None and self._paths:
            raise ValueError(
                f"split_by={split_by} names the part of each row, and so does "
                f"`{next(iter(self._paths))}_path`; leave out one of them"
            )
        self.fractions = {"test": test_fraction, "val": val_fraction}
        self.stream: bool | Auto = stream

    @cached_property
    def tables(self) -> Mapping[str, Rows]:
        """The rows as "train", "val" and "test", read on first use, coded by the first."""
        if not must_stream(self.stream, [self.path, *self._paths.values()]):
            return super().tables
        columns = ColumnChoice(*self.columns, self.split_by)
        tables = streamed_tables(self.path, columns, self._paths, self._division(math.inf))
        check_training_rows(tables["train"], self.path)
        return {**tables, "val": tables["val"].sample}

    def _tables(self) -> dict[str, Table]:
        whole, chosen = read_table(self.path, *self.columns, by=self.split_by)
        tables = divided(whole, self._division(len(whole)))
        del whole  # so there are never more than two copies of the rows
        check_training_rows(tables["train"], self.path)
        tables |= self._read_others(chosen, tables["train"])
        check_groups_apart(tables, str(self.path))
        return tables

    def _division(self, rows: float) -> Division:
        fractions = {name: val_share(each, rows) for name, each in self.fractions.items()}
        taken = {name: each for name, each in fractions.items() if name not in self._paths}
        return Division(taken, self.seed, self.stratify, str(self.path))

    @property
    def _from_files(self) -> bool:
        return bool(self._paths)

    @property
    def _paths(self) -> dict[str, str | Path]:
        return {name: path for name, path in self.other_paths.items() if path is not None}

    def _read_others(self, chosen: Roles, train: Table) -> dict[str, Table]:
        columns = (chosen.targets, chosen.inputs, chosen.weight, ())
        known = dict(zip(chosen.inputs, train.kinds, strict=True)), train.reading.formats
        by = replace(train.split_by, part=None, time=None, gap=None)
        paths = self._paths.items()
        return {name: read_table(path, *columns, *known, by)[0] for name, path in paths}


def val_share(fraction: float | None, rows: float) -> float:
    """Return the share of rows that is held back to validate on."""
    return suitable_val_fraction(rows) if fraction is None else fraction


def _check_parts(val_fraction: float | None, test_fraction: float) -> None:
    for name, fraction in (("val_fraction", val_fraction), ("test_fraction", test_fraction)):
        check_part(name, fraction)
    if val_share(val_fraction, 1) + test_fraction >= 1:
        raise ValueError(
            f"val_fraction and test_fraction must leave rows to train on, got {val_fraction} and "
            f"{test_fraction}; make one smaller"
        )
