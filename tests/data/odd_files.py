"""Odd files as people have them: what each holds, or what is said of it."""

import bz2
import datetime
import gzip
import io
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow import feather, ipc

Day = datetime.date


@dataclass(frozen=True)
class Odd:
    """A file and what a reader makes of it.

    Attributes:
        name: of the file.
        content: its bytes, or a function that writes it to a path.
        columns: the values that are read, by the names of columns.
        notes: of each, a part that must be said.
        error: a pattern of the refusal where it is not read.
        untrained: a pattern of the refusal where it is read, and teaches nothing.
    """

    name: str
    content: bytes | str | Callable[[Path], object]
    columns: dict[str, list] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    error: str | None = None
    untrained: str | None = None

    def write(self, folder: Path) -> Path:
        """Write the file."""
        path = folder / self.name
        if callable(self.content):
            self.content(path)
        else:
            content = self.content
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path


def zipped(**members: str) -> bytes:
    """Pack files into a ZIP archive."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    return stream.getvalue()


def zstandard(text: str) -> bytes:
    """Pack text with Zstandard."""
    stream = pa.BufferOutputStream()
    with pa.CompressedOutputStream(stream, "zstd") as out:
        out.write(text.encode())
    return stream.getvalue().to_pybytes()


PLAIN = "x,y\n1,2\n3,5\n"
ROWS = {"x": [1, 3], "y": [2, 5]}
FRAME = pd.DataFrame(ROWS)
DAYS = [Day(2020, 1, 31), Day(1955, 12, 1)]


def one(values: list[str], wanted: list, *notes: str, untrained: str | None = None) -> Odd:
    """A column of text beside a column of numbers."""
    text = "\n".join(["a;y", *(f"{value};{i}" for i, value in enumerate(values)), ""])
    columns = {"a": wanted, "y": list(range(len(values)))}
    return Odd("a.csv", text, columns, notes, untrained=untrained)


def partitioned(path: Path) -> None:
    FRAME.assign(k=["u", "v"]).to_parquet(path, partition_cols=["k"])


def two_types(path: Path) -> None:
    path.mkdir()
    FRAME.to_parquet(path / "1.parquet")
    (FRAME + 0.5).to_parquet(path / "2.parquet")


def two_sets(path: Path) -> None:
    path.mkdir()
    FRAME.to_parquet(path / "1.parquet")
    FRAME[["x"]].to_parquet(path / "2.parquet")


def stream(path: Path) -> None:
    table = pa.Table.from_pandas(FRAME)
    with ipc.new_stream(str(path), table.schema) as writer:
        writer.write_table(table)


def structured(path: Path) -> None:
    np.save(path, np.array([(1, b"p", 2.5), (3, b"q", 5)], dtype="i8,S2,f8"))


LATE = "a,y\n" + "1,2\n1,5\n" * 1000

ODD: dict[str, Odd] = {
    # Delimiters
    "semicolons": Odd("a.csv", PLAIN.replace(",", ";"), ROWS, ("semicolons part",)),
    "tabs": Odd("a.tsv", PLAIN.replace(",", "\t"), ROWS, ("tabs part",)),
    "bars": Odd("a.txt", PLAIN.replace(",", "|"), ROWS, ("bars part",)),
    "runs of blanks": Odd("a.dat", " x   y\n 1   2\n  3 5  \n", ROWS, ("blanks part",)),
    "blanks and tabs": Odd("a.dat", "x \t y\n1\t2\n3  5", ROWS, ("blanks part",)),
    "write.table of R": Odd(
        "a.txt", '"x" "y"\n"Mazda RX4" 1 2\n"Fiat" 3 5\n', ROWS, ("blanks part", "left out")
    ),
    "a comma in a name": Odd("a.csv", '"x, in m";y\n1;2\n3;5\n', {"x, in m": [1, 3], "y": [2, 5]}),
    "commas in text": Odd("a.csv", 'x,y\n"1, 2",2\n"3, 4",5\n', {"x": ["1, 2", "3, 4"]}),
    "one column": Odd("a.csv", "y\n2\n5\n", {"y": [2, 5]}),
    "one column with a blank in its name": Odd("a.csv", "my y\n2\n5\n", {"my y": [2, 5]}),
    "blanks after commas": Odd("a.csv", "x, y\n1, 2\n3, 5\n", ROWS),
    # Encodings and ends of lines
    "byte-order mark": Odd("a.csv", "\ufeff" + PLAIN, ROWS),
    "UTF-16": Odd("a.csv", PLAIN.encode("utf-16"), ROWS, ("not UTF-8: read as UTF-16",)),
    "UTF-16 without a mark": Odd("a.csv", PLAIN.encode("utf-16-be"), ROWS, ("UTF-16-BE",)),
    "Latin-1": Odd("a.csv", "é,y\nü,2\nñ,5\n".encode("latin-1"), {"é": ["ü", "ñ"]}, ("Latin-1",)),
    "Latin-1 at the end": Odd(
        "a.csv",
        (LATE + "é,2\n").encode("latin-1"),
        notes=("Latin-1", "line 2002 holds 'é'"),
        untrained="line 2002",
    ),
    "CR": Odd("a.csv", PLAIN.replace("\n", "\r"), ROWS),
    "CR LF": Odd("a.csv", PLAIN.replace("\n", "\r\n"), ROWS),
    "no end of the last line": Odd("a.csv", PLAIN.strip(), ROWS),
    "blank lines": Odd("a.csv", "\n\n" + PLAIN.replace("\n", "\n\n"), ROWS),
    "line ends in values": Odd("a.csv", 't,y\n"p\nq",2\n"r\r\ns",5\n', {"t": ["p\nq", "r\r\ns"]}),
    "quotes in quotes": Odd("a.csv", 't,y\n"a ""b""",2\n5" pipe,5\n', {"t": ['a "b"', '5" pipe']}),
    "Excel's word on the delimiter": Odd("a.csv", "sep=|\nx|y\n1|2\n3|5\n", ROWS),
    "notes before the names": Odd("a.csv", "# of 2020\n# m, s\n" + PLAIN, ROWS, ("left out: 2",)),
    "names after a hash": Odd("a.csv", "#x,y\n1,2\n3,5\n", {"#x": [1, 3]}),
    "ragged behind notes": Odd(
        "a.csv", "# of 2020\nx,y\n1,2\n3\n" + "1,2\n" * 9, error="line 4: 1 value"
    ),
    # Packed
    "gzip": Odd("a.csv.gz", gzip.compress(PLAIN.encode()), ROWS),
    "gzip in parts": Odd("a.csv.gz", gzip.compress(b"x,y\n1,2\n") + gzip.compress(b"3,5\n"), ROWS),
    "gzip without an ending": Odd("a.csv", gzip.compress(PLAIN.encode()), ROWS),
    "bzip2": Odd("a.tsv.bz2", bz2.compress(PLAIN.replace(",", "\t").encode()), ROWS),
    "Zstandard": Odd("a.csv.zst", zstandard(PLAIN), ROWS),
    "ZIP": Odd("a.csv.zip", zipped(a=PLAIN), ROWS),
    "ZIP of two": Odd("a.csv.zip", zipped(a=PLAIN, b=PLAIN), error="packs 2 files"),
    "cut gzip": Odd("a.csv.gz", gzip.compress(PLAIN.encode())[:-9], error="cut short or damaged"),
    # First columns and last ones
    "row names": Odd("a.csv", ",x,y\nr1,1,2\nr2,3,5\n", ROWS, ("left out",)),
    "an index of pandas": Odd("a.csv", "Unnamed: 0,x,y\n0,1,2\n1,3,5\n", ROWS, ("left out",)),
    "one name too few": Odd("a.csv", "x,y\nr1,1,2\nr2,3,5\n", ROWS, ("left out",)),
    "a delimiter at the end": Odd("a.csv", "x,y,\n1,2,\n3,5,\n", ROWS, ("at the end",)),
    "empty columns at the end": Odd("a.csv", "x;y;;\n1;2;;\n3;5;;\n", ROWS, ("at the end",)),
    "empty rows at the end": Odd("a.csv", PLAIN + ",\n,\n", {"x": [1, 3, None, None]}),
    "a delimiter at the end of rows": Odd("a.csv", "x,y\n1,2,\n3,5,\n", ROWS, ("at the end",)),
    # Numbers
    "decimal commas": one(["0,5", "-1,25"], [0.5, -1.25], "decimal comma"),
    "thousands with commas": one(["1,234.5", "999"], [1234.5, 999], "commas between thousands"),
    "thousands with points": one(["1.234,5", "999"], [1234.5, 999], "points between thousands"),
    "thousands with blanks": one(["1 234 567", "999"], [1234567, 999], "spaces between"),
    "thousands with apostrophes": one(["1'234.5", "999"], [1234.5, 999], "apostrophes between"),
    "thousands in quotes": Odd(
        "a.csv", 'x,y\n"1,234",2\n"12",5\n', {"x": [1234, 12]}, ("commas between thousands",)
    ),
    "dollars": one(["$1,200.50", "-$3"], [1200.5, -3], "currency sign"),
    "euros": one(["1.200,50 €", "3 €"], [1200.5, 3], "currency sign"),
    "losses": one(["(1,200)", "$3"], ["(1,200)", "$3"]),
    "losses in dollars": one(["($1,200)", "$3"], [-1200, 3], "currency sign"),
    "percent": one(["12.5%", "3 %"], [12.5, 3], "percent sign"),
    "dollars in some rows": one(["$5", "3"], ["$5", "3"], untrained="holds '\\$5'"),
    "plus signs": one(["+5", "-3"], [5, -3]),
    "exponents": one(["1e3", "2.5E-1", ".5", "5."], [1000, 0.25, 0.5, 5]),
    "zeros in front": one(["007", "010"], [7, 10]),
    "hexadecimal": one(["0x1F", "0x2F"], ["0x1F", "0x2F"]),
    "long numbers": one([str(2**60 + 1), "3"], [float(2**60), 3], "beyond 2^53"),
    "fractions after whole numbers": Odd("a.csv", LATE + "0.5,2\n", notes=()),
    "text after numbers": Odd(
        "a.csv", LATE + "n.d.,2\n", notes=("line 2002 holds 'n.d.'",), untrained="line 2002"
    ),
    # Missing values
    "missing numbers": one(["1", "", "NA", "n/a", "NaN", "NULL", "?", "-", "."], [1] + [None] * 8),
    "blanks for missing": one(["1", "  ", " NA "], [1, None, None]),
    "missing text": one(["p", "", "NA", "n/a", "?", "-", "."], ["p"] + [None] * 6),
    "signs as text": one(["+", "-", "-"], ["+", "-", "-"]),
    "sodium": one(["Na", "Cl", "NA"], ["Na", "Cl", None]),
    "a column of nothing": one(["", "NA", ""], [None] * 3),
    # Truth, text
    "truth": one(["true", "FALSE", "NA"], [True, False, None]),
    "yes and no": one(["yes", "no", ""], ["yes", "no", None]),
    "levels like numbers": one(["1.0", "A", "1"], ["1", "A", "1"], untrained="holds 'A'"),
    "blanks around text": one([" p", "p ", "q"], ["p", "p", "q"]),
    # Times
    "ISO dates": one(["2020-01-31", "1955-12-01"], DAYS, "dates, as in"),
    "dates with slashes": one(["2020/01/31", "1955/12/1"], DAYS, "year/month/day"),
    "German dates": one(["31.01.2020", "1.12.1955"], DAYS, "day.month.year"),
    "British dates": one(["31/01/2020", "01/12/1955"], DAYS, "day/month/year"),
    "American dates": one(["1/31/2020", "12/1/1955"], DAYS, "month/day/year"),
    "dates with names": one(["31 Jan 2020", "1 December 1955"], DAYS, "day month year"),
    "dates that may be either": one(
        ["01/02/2020", "03/04/2020"], ["01/02/2020", "03/04/2020"], "may be their month"
    ),
    "days that are none": one(["31/02/2020", "31/01/2020"], ["31/02/2020", "31/01/2020"]),
    "times": one(
        ["2020-01-31 10:00", "2020-01-31T10:00:01.5"],
        [
            datetime.datetime(2020, 1, 31, 10),
            datetime.datetime(2020, 1, 31, 10, 0, 1, 500_000),
        ],
    ),
    "twelve hours": one(
        ["1/31/2020 12:05 AM", "1/31/2020 12:05:01 pm", "2/1/2020 1:00PM"],
        [
            datetime.datetime(2020, 1, 31, 0, 5),
            datetime.datetime(2020, 1, 31, 12, 5, 1),
            datetime.datetime(2020, 2, 1, 13),
        ],
        "month/day/year",
    ),
    "times of day": one(["9:05", "23:59:01"], [datetime.time(9, 5), datetime.time(23, 59, 1)]),
    "zones": one(
        ["2020-01-31T10:00Z", "2020-01-31 12:00:00+02:00"],
        [datetime.datetime(2020, 1, 31, 10, tzinfo=datetime.UTC)] * 2,
    ),
    # Faults
    "ragged": Odd("a.csv", PLAIN + "1\n2\n1,2,3\n", error=r"line 4 \(and 2 more lines\): 1 value"),
    "no header": Odd("a.csv", "1,2\n3,4\n", error="first line holds numbers"),
    "all at once": Odd(
        "a.csv",
        "x,x,,y\n1,2,3,4\n1,2\n",
        error=r"3 faults: .*named 'x'.*column 3 has no name.*line 3: 2 values",
    ),
    "two names twice": Odd("a.csv", "x,y,x,y\n1,2,3,4\n", error="column named 'x', 'y'"),
    "an open quote": Odd("a.csv", 'x,"y\n1,2\n', error="never closed"),
    "nothing": Odd("a.csv", "", error="is empty"),
    "blank": Odd("a.csv", "\n \n\n", error="only blank lines"),
    "header only": Odd("a.csv", "x,y\n", error="no rows"),
    "binary": Odd("a.csv", bytes(range(256)) * 9, error="not text but binary"),
    "Parquet named CSV": Odd("a.csv", b"PAR1\x15\x04", error="is a Parquet file"),
    "Excel": Odd("a.xlsx", zipped(a=PLAIN), error="ending must be one of"),
    "Excel named CSV": Odd("a.csv", zipped(**{"[Content_Types].xml": ""}), error="Excel file"),
    # Other formats
    "Parquet": Odd("a.parquet", FRAME.to_parquet, ROWS),
    "Parquet with an index": Odd("a.parquet", FRAME[::-1].to_parquet, {"x": [3, 1]}),
    "partitions": Odd("a", partitioned, {"x": [1, 3], "k": ["u", "v"]}, ("2 Parquet files",)),
    "files of two types": Odd("a", two_types, {"x": [1, 3, 1.5, 3.5]}, ("2 Parquet files",)),
    "files of other columns": Odd("a", two_sets, error="has other columns than"),
    "cut Parquet": Odd("a.parquet", b"PAR1" + b"\0" * 99, error="not a whole Parquet file"),
    "Feather": Odd("a.feather", lambda path: feather.write_feather(FRAME, path), ROWS),
    "a stream of Arrow": Odd("a.arrow", stream, ROWS),
    "cut Arrow": Odd("a.arrow", b"ARROW1" + b"\0" * 99, error="not a whole Arrow file"),
    "NPY": Odd("a.npy", lambda path: np.save(path, FRAME), {"c0": [1, 3], "c1": [2, 5]}),
    "NPY with fields": Odd("a.npy", structured, {"f0": [1, 3], "f1": ["p", "q"], "f2": [2.5, 5]}),
    "NPY of objects": Odd(
        "a.npy", lambda path: np.save(path, np.array([1, "a"], object)), error="not a whole NPY"
    ),
    "JSON lines": Odd("a.jsonl", '{"x":1,"y":2}\n{"x":3,"y":5}\n', ROWS),
    "JSON in JSON": Odd("a.ndjson", '{"p":{"x":1},"y":2}\n{"y":5}\n', {"p.x": [1, None]}),
    "packed JSON lines": Odd("a.jsonl.gz", gzip.compress(b'{"x":1,"y":2}\n{"x":3,"y":5}\n'), ROWS),
    "JSON of two types": Odd("a.jsonl", '{"x":1}\n{"x":"p"}\n', error="changed from number"),
}
