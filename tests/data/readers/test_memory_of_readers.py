"""Files that would fill the memory are read in little of it, or refused at once."""

import gzip
import io
import struct
import subprocess
import sys
import zipfile

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from mdn.data.files import open_rows, read_table
from mdn.data.readers import blocks, long_lines
from mdn.data.readers.blocks import block_rows

ROWS = "".join(f"{i},{2 * i}\n" for i in range(200_000))
"""More than are looked at when a file is opened."""

LONG = "7" * 4_000_000

LINES = {
    "one line": LONG,
    "names": f"{LONG},y\n1,2\n",
    "names in commas": "a," * 2_000_000,
    "first row": f"x,y\n{LONG},2\n",
    "later row": f"x,y\n{ROWS}{LONG},2\n",
    "later row, parted by blanks": f"x y\n{ROWS.replace(',', ' ')}{LONG} 2\n",
}


@pytest.fixture
def short_limit(monkeypatch):
    """A limit that a small file exceeds; blocks of a megabyte are seen as a whole."""
    for module in (long_lines, sys.modules["mdn.data.readers.csv_source"]):
        monkeypatch.setattr(module, "LONGEST_LINE", 1 << 20)


@pytest.mark.parametrize("case", LINES)
@pytest.mark.parametrize("packed", [False, True])
def test_a_line_without_end_is_refused(case, packed, tmp_path, short_limit):
    path = tmp_path / ("a.csv.gz" if packed else "a.csv")
    text = LINES[case].encode()
    path.write_bytes(gzip.compress(text, 1) if packed else text)
    with pytest.raises(ValueError, match=r"has a line of more than .* no row of a table"):
        list(open_rows(path).pieces(["x", "y"], []))


def test_a_quote_that_is_never_closed_is_found_in_one_pass(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text('x,"y' + "1,2\n" * 500_000)
    with pytest.raises(ValueError, match=r"never closed|has no end"):
        open_rows(path)


def test_text_that_fills_the_memory_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(blocks, "_MOST_TEXT", 10_000_000)
    words = pa.array(["a" * 10_000, "b"])
    names = pa.DictionaryArray.from_arrays(pa.array([0] * 3000, pa.int32()), words)
    table = pa.table({"x": np.zeros(3000), "name": names})
    parquet.write_table(table, tmp_path / "a.parquet", store_schema=False)
    assert (tmp_path / "a.parquet").stat().st_size < 100_000
    with pytest.raises(ValueError, match=r"of column 'name' take .* MB; leave the column out"):
        list(open_rows(tmp_path / "a.parquet").pieces(["x"], ["name"]))
    assert sum(piece.table.num_rows for piece in open_rows(tmp_path / "a.parquet").pieces("x", []))


def test_fewer_rows_of_wide_tables_are_read_at_once():
    wide = pa.schema([(f"x{i}", pa.float64()) for i in range(2000)] + [("name", pa.string())])
    assert block_rows(wide, ["x0"]) == 65536
    assert block_rows(wide, wide.names[:2000]) == 2097
    assert block_rows(wide, ["x0", "name"]) == 1024


def test_an_array_with_a_header_without_end_is_not_unpacked(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        start = b"\x93NUMPY\x02\x00" + struct.pack("<I", 2**31 - 1)
        archive.writestr("x.npy", start + bytes(1000))
    with pytest.raises(ValueError, match="an array whose header has 2147483647 bytes"):
        read_table(tmp_path / "a.npz", "x", None, None)


def test_columns_without_end_are_refused(tmp_path):
    header = io.BytesIO()
    shape = {"descr": "<f8", "fortran_order": False, "shape": (0, 10**9)}
    np.lib.format.write_array_header_1_0(header, shape)
    (tmp_path / "a.npy").write_bytes(header.getvalue())
    with pytest.raises(ValueError, match="has 1000000000 columns, more than 1000000"):
        open_rows(tmp_path / "a.npy")


PEAK = """
import resource, sys
from mdn.data.files import open_rows
for path in sys.argv[1:]:
    for piece in open_rows(path).pieces([f"x{i}" for i in range(8)], []):
        pass
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="memory is read as Linux tells it")
def test_memory_does_not_grow_with_the_row_groups_of_parquet(tmp_path):
    sizes = {"small": 100_000, "large": 3_000_000}
    for name, rows in sizes.items():
        (tmp_path / name).mkdir()
        x = np.random.default_rng(0).normal(size=rows)
        table = pa.table({f"x{i}": x for i in range(8)})
        settings = {"row_group_size": rows, "use_dictionary": False, "compression": "none"}
        parquet.write_table(table, tmp_path / name / "a.parquet", **settings)
    paths = [tmp_path / name / file for file in ("a.parquet", "") for name in sizes]
    command = [sys.executable, "-c", PEAK, *map(str, paths)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    peaks = [int(line) for line in done.stdout.split()]
    assert peaks[-1] - peaks[0] < 120  # the large file has 192 MB
