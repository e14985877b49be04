"""The bytes of a text file as UTF-8, however they are packed and encoded."""

import codecs
import io
import re
import zipfile
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa

from mdn.data.readers.long_lines import LONGEST_LINE, LineLengths, too_long

SAMPLE = 1_000_000
"""Bytes from which is told how a file is written."""

_LONGEST = 64 * SAMPLE
_MOST = 10_000 * SAMPLE
"""Bytes that are unpacked at most to tell how many there are."""

_PORTIONS = 4
"""So much of a packed file tells about how large it is; it is read in portions, ahead of need."""

_LINES = 20
"""A sample of wide rows has at least so many."""

_PACKED = {b"\x1f\x8b": "gzip", b"BZh": "bz2", b"\x28\xb5\x2f\xfd": "zstd"}
_FOREIGN = {b"PAR1": "a Parquet file", b"ARROW1": "an Arrow file", b"\x93NUMPY": "an NPY file"}


class Source(ABC):
    """Text with a name, read from its beginning.

    Attributes:
        name: its path, or what to call it.
        rewinds: whether it can be read more than once.
        encoding: of its text, as Python calls it.
        blanks: whether runs of blanks part its columns; a tab stands for each run then.
    """

    name: Path
    rewinds: bool
    encoding: str
    blanks = False

    @abstractmethod
    def raw(self) -> pa.NativeFile:
        """Open the bytes, unpacked."""

    @abstractmethod
    def start(self) -> pa.NativeFile:
        """Open the first bytes, and perhaps more."""

    @abstractmethod
    def size(self) -> float:
        """Tell about how many bytes it unpacks to; 0 where nobody knows."""

    @abstractmethod
    def fraction(self) -> float | None:
        """Tell which share has been read; None where nobody knows how much there is."""

    def open(self) -> pa.NativeFile:
        """Open the text in UTF-8."""
        return self._decoded(self.raw())

    def sample(self) -> tuple[bytes, bool]:
        """Read the first of the text in UTF-8, and tell whether that is all."""
        stream, read, lengths = self._decoded(self.start()), b"", LineLengths(self.name)
        while len(read) < SAMPLE or (read.count(b"\n") < _LINES and len(read) < _LONGEST):
            more = stream.read(SAMPLE)
            if not more:
                return read, True
            lengths.see(more)
            read += more
        return read, False

    def all_utf8(self) -> bool:
        """Tell whether the whole text is UTF-8, by reading it."""
        decoder = codecs.getincrementaldecoder("utf-8")()
        stream, lengths = self.raw(), LineLengths(self.name)
        try:
            while block := stream.read(SAMPLE):
                lengths.see(block)
                decoder.decode(block)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return False
        return True

    def _decoded(self, stream: pa.NativeFile) -> pa.NativeFile:
        if self.encoding != "utf-8":
            stream = pa.transcoding_input_stream(stream, self.encoding, "utf-8")
        return pa.PythonFile(_OneTab(stream, self.name), mode="r") if self.blanks else stream


@contextmanager
def damage(path: Path) -> Iterator[None]:
    """Refuse a file that cannot be unpacked to its end."""
    try:
        yield
    except (OSError, EOFError) as error:
        raise ValueError(
            f"{path} is cut short or damaged ({error}); write or copy it again"
        ) from None


class FileSource(Source):
    """A file, which may be packed by gzip, bzip2, Zstandard or ZIP."""

    rewinds = True

    def __init__(self, path: Path) -> None:
        self.name = path
        self._size = path.stat().st_size
        self._file = pa.OSFile(str(path))
        with damage(path):
            self.encoding = encoding_of(path, self.raw().read(SAMPLE))

    def size(self) -> float:
        if zipfile.is_zipfile(self.name):
            with zipfile.ZipFile(self.name) as archive:
                return float(sum(each.file_size for each in archive.infolist()))
        stream, read, first = self.raw(), 0, 0
        with damage(self.name):
            while read < _MOST and (block := stream.read(SAMPLE)):
                read, done = read + len(block), self._file.tell()
                first = first or done
                if _PORTIONS * first <= done < self._size:
                    return read * self._size / done
        return float(read)

    def fraction(self) -> float | None:
        return 1.0 if self._file.closed else self._file.tell() / self._size

    def raw(self) -> pa.NativeFile:
        self._file = file = pa.OSFile(str(self.name))
        magic = file.read(8)
        file.seek(0)
        for mark, kind in _FOREIGN.items():
            if magic.startswith(mark):
                raise ValueError(
                    f"{self.name} ends in {self.name.suffix} but is {kind}; rename or export it"
                )
        for mark, kind in _PACKED.items():
            if magic.startswith(mark):
                return pa.CompressedInputStream(file, kind)
        return _member(self.name) if magic.startswith(b"PK\x03\x04") else file

    def start(self) -> pa.NativeFile:
        return self.raw()


class PipeSource(Source):
    """A stream that is read once, such as standard input."""

    rewinds = False

    def __init__(self, name: Path, stream: io.BufferedIOBase) -> None:
        self.name = name
        self._stream = stream
        self._start = stream.read(SAMPLE)
        self.encoding = encoding_of(name, self._start)

    def size(self) -> float:
        return 0.0

    def fraction(self) -> float | None:
        return None

    def raw(self) -> pa.NativeFile:
        return pa.PythonFile(_Chained(self._start, self._stream), mode="r")

    def start(self) -> pa.NativeFile:
        return pa.BufferReader(self._start)


def encoding_of(name: Path, start: bytes) -> str:
    """Tell the encoding of text by its first bytes.

    Raises:
        ValueError: if it is not text.
    """
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if b"\0" in start:
        return _of_wide(name, start)
    try:
        codecs.getincrementaldecoder("utf-8")().decode(start)
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8"


def _of_wide(name: Path, start: bytes) -> str:
    # Letters of western languages have a zero in one half of their two bytes.
    first, second = start[::2].count(0), start[1::2].count(0)
    if max(first, second) < 0.3 * len(start) or min(first, second) > 0.01 * len(start):
        raise ValueError(f"{name} is not text but binary; export it as CSV in UTF-8")
    return "utf-16-le" if second > first else "utf-16-be"


def _member(path: Path) -> pa.NativeFile:
    try:
        archive = zipfile.ZipFile(path)
    except zipfile.BadZipFile:
        raise ValueError(f"{path} is not a whole ZIP file; copy it again") from None
    names = [name for name in archive.namelist() if not name.endswith("/")]
    if any(name.endswith((".npy", "[Content_Types].xml")) for name in names):
        raise ValueError(f"{path} is an NPZ or Excel file; rename it, or export it as CSV")
    if len(names) != 1:
        raise ValueError(f"{path} packs {len(names)} files ({names[:3]}); it must be one alone")
    return pa.PythonFile(archive.open(names[0]), mode="r")


class _Chained(io.RawIOBase):
    """Some bytes, and a stream behind them."""

    def __init__(self, start: bytes, stream: io.BufferedIOBase) -> None:
        self._start, self._stream = start, stream

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        taken, self._start = self._start[:size], self._start[size:]
        return taken or self._stream.read(size)

    def close(self) -> None:
        self._stream.close()
        super().close()


_RUN = re.compile(rb'"[^"]*"|^[ \t]+|[ \t]+(?=[\r\n])|[ \t]+', re.MULTILINE)


class _OneTab(io.RawIOBase):
    """Text in which a tab stands for each run of blanks between values."""

    def __init__(self, stream: pa.NativeFile, name: Path) -> None:
        self._stream, self._name = stream, name
        self._rest = self._ready = b""

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        while not self._ready:
            block = self._stream.read(SAMPLE)
            if len(self._rest) > LONGEST_LINE:
                raise too_long(self._name)
            lines, end, rest = (self._rest + block).rpartition(b"\n")
            if not block:
                lines, end, rest = rest, b"\n" if rest else b"", b""
            self._rest, self._ready = rest, _RUN.sub(_one, lines + end)
            if not block:
                break
        taken, self._ready = self._ready[:size], self._ready[size:]
        return taken


def _one(match: re.Match[bytes]) -> bytes:
    run, text = match.group(), match.string
    if run.startswith(b'"'):
        return run
    inside = match.start() > 0 and text[match.start() - 1] not in b"\r\n"
    return b"\t" if inside and text[match.end()] not in b"\r\n" else b""
