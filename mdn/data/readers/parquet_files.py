"""Several Parquet files as one table: those of a folder, with its partitions, or of a pattern."""

from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path

import pyarrow as pa
from pyarrow import dataset, parquet

from mdn.data.readers.blocks import block_rows
from mdn.data.readers.parquet_reader import BUFFER, whole_parquet
from mdn.data.readers.reader import (
    Reader,
    Wanted,
    check_names,
    no_rows,
    row_number,
    without_index,
)

ENDINGS = (".parquet", ".pq")


class ParquetFiles(Reader):
    """Parquet files of the same columns, one after another in the order of their names.

    Folders named `key=value` give a column, as Hive has them.

    Args:
        name: the folder or the pattern.
        base: the folder below which partitions are.
        paths: the files.
    """

    def __init__(self, name: Path, base: Path, paths: list[Path]) -> None:
        self._name, self._files, self._read = name, len(paths), 0
        with whole_parquet(name):
            schemas = {path: parquet.read_schema(path) for path in paths}
            _check_alike(schemas)
            found = [*schemas.values(), _dataset(base, paths, None).schema]
            # A column may hold whole numbers in one file and fractions in another.
            common = pa.unify_schemas(found, promote_options="permissive")
            self.dataset = _dataset(base, paths, common)
        names = without_index(self.dataset.schema.names)
        check_names(name, names)
        self.head = no_rows(name, names)

    @property
    def notes(self) -> list[str]:
        return [f"{self._files} Parquet files are read as one table"] if self._files > 1 else []

    def fraction(self) -> float | None:
        return self._read / max(1, self._total)

    @cached_property
    def _total(self) -> int:
        return self.dataset.count_rows()

    def _whole(self, names: list[str], wanted: Wanted) -> pa.Table:
        with whole_parquet(self._name):
            return self.dataset.to_table(columns=names)

    def _blocks(self, names: list[str], others: list[str], wanted: Wanted) -> Iterator[pa.Table]:
        with whole_parquet(self._name):
            batches = self.dataset.to_batches(
                columns=[*names, *others],
                batch_size=block_rows(self.dataset.schema, [*names, *others]),
                batch_readahead=2,
                fragment_readahead=1,
            )
            for batch in batches:
                self._read += batch.num_rows
                yield pa.Table.from_batches([batch])

    def _place(self, row: int) -> str:
        return row_number(row)


def files_below(folder: Path) -> list[Path]:
    """List the Parquet files of a folder and the folders in it, by name."""
    found = (path for path in folder.rglob("*") if path.suffix.lower() in ENDINGS)
    return sorted(path for path in found if not path.name.startswith((".", "_")))


def _dataset(base: Path, paths: list[Path], schema: pa.Schema | None) -> dataset.FileSystemDataset:
    checked = dataset.ParquetFragmentScanOptions(
        use_buffered_stream=True,
        buffer_size=BUFFER,
        pre_buffer=False,
        page_checksum_verification=True,
    )
    return dataset.dataset(
        [str(path) for path in paths],
        schema=schema,
        format=dataset.ParquetFileFormat(default_fragment_scan_options=checked),
        partitioning="hive",
        partition_base_dir=str(base),
    )


def _check_alike(schemas: Mapping[Path, pa.Schema]) -> None:
    (first, wanted), *others = ((path, {*schema.names}) for path, schema in schemas.items())
    for path, names in others:
        if wanted ^ names:
            raise ValueError(
                f"{path} has other columns than {first}: they differ in "
                f"{sorted(wanted ^ names)[:10]}; give files of the same columns"
            )
