"""Rows of a file, or of one for each part, for the trainer."""

import math
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path

from mdn.data.files import read_table
from mdn.data.roles import Roles
from mdn.data.rows import Rows
from mdn.data.splits.divide import Division, divided
from mdn.data.splits.folds import CrossFit
from mdn.data.splits.leaks import check_groups_apart
from mdn.data.splits.settings import SplitBy
from mdn.data.stream.open_stream import ColumnChoice, streamed_tables
from mdn.data.stream.whether import must_stream
from mdn.data.table import ColumnKeys, Table
from mdn.data.training_rows import check_training_rows
from mdn.distributions.checks import check_part
from mdn.distributions.open_settings import Auto
from mdn.training.datamodule import TableModule, val_share


class FileData(TableModule):
    """Rows of a file, or of one for each table.

    Args:
        path: a file of columns, or a folder or a pattern of Parquet files, with the training rows.
        targets: columns of numbers by name, by position, where -1 is the last, by a pattern such
            as "temp_*", or by a regular expression after "re:".
        inputs: as targets; None for all the rest, an empty list for a density of the targets.
        weight: the column that says how often each row counts, or None.
        exclude: as targets; columns that are no inputs.
        kinds: what columns hold that would be taken for something else, as in
            {"zip": "category"}: number, boolean, category or time.
        val_path: a file with the validation rows; None takes some of `path`.
        test_path: a file with the test rows; None takes some of `path`.
        val_fraction: of the rows of `path`, where there is no `val_path`; None for a part of each
            network's own, or, where all hold out the same, for a tenth, and more of few rows.
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
        _ = self._cross_fit.unless("rows are streamed, which `stream` decides").holds
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
        return Division(taken, self.seed, self.stratify, str(self.path), self._cross_fit)

    @property
    def _cross_fit(self) -> CrossFit:
        path, fraction = self.other_paths.get("val"), self.fractions.get("val")
        named = "" if path is None else "`val_path` names the rows to validate on"
        given = "" if fraction is None else "`val_fraction` is the part that all hold out"
        return self.cross_fit.unless(named).unless(given)

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


def _check_parts(val_fraction: float | None, test_fraction: float) -> None:
    for name, fraction in (("val_fraction", val_fraction), ("test_fraction", test_fraction)):
        check_part(name, fraction)
    if val_share(val_fraction, 1) + test_fraction >= 1:
        raise ValueError(
            f"val_fraction and test_fraction must leave rows to train on, got {val_fraction} and "
            f"{test_fraction}; make one smaller"
        )
