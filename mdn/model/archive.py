"""What a checkpoint holds, looked at before `torch.load` unpacks anything.

`torch.load(weights_only=True)` runs no code, but a file of a few hundred bytes can keep it busy or
fill the memory: a compressed record of zeros, a byte array of any length, a key of tuples in tuples
whose hash takes forever. Here the records must be stored as they are, and the instructions of the
pickle must be those by which this project's checkpoints are written.
"""

import pickletools
import re
import zipfile
from collections.abc import Sequence
from pathlib import Path

_LARGEST_PICKLE = 2**26
"""Bytes of everything but tensors; thousands of columns take a hundredth of it."""

_MAKERS = re.compile(
    r"collections OrderedDict|torch Size|torch device|torch \w+Storage"
    r"|torch (u?int\d+|b?float\d+|bool)|torch\._utils _rebuild_(tensor_v2|parameter)"
)
"""What a pickle may call, by module and name."""

_INSTRUCTIONS = frozenset(
    [
        "PROTO",
        "STOP",
        "MARK",
        "GLOBAL",
        "REDUCE",
        "BUILD",
        "BINPERSID",
        "POP",
        "NONE",
        "NEWTRUE",
        "NEWFALSE",
        "BININT",
        "BININT1",
        "BININT2",
        "LONG1",
        "BINFLOAT",
        "BINUNICODE",
        "EMPTY_DICT",
        "SETITEM",
        "SETITEMS",
        "EMPTY_LIST",
        "APPEND",
        "APPENDS",
        "EMPTY_TUPLE",
        "TUPLE",
        "TUPLE1",
        "TUPLE2",
        "TUPLE3",
        "BINPUT",
        "LONG_BINPUT",
        "BINGET",
        "LONG_BINGET",
    ]
)

_KEYS = (pickletools.pyunicode, pickletools.pyint, pickletools.pybool, pickletools.pyfloat)
"""Kinds of keys of dictionaries; a tuple may take forever to hash."""


def check_archive(path: str | Path) -> None:
    """Refuse a file that is no archive of records as `torch.save` writes them.

    Raises:
        ValueError: with what was found.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            _check_records(archive.infolist(), Path(path).stat().st_size)
            (pickle,) = [name for name in archive.namelist() if name.endswith("/data.pkl")]
            _check_pickle(archive.read(pickle))
    except (zipfile.BadZipFile, NotImplementedError, IndexError, EOFError, OSError) as error:
        raise ValueError(f"records that cannot be read ({error})") from None


def _check_records(records: list[zipfile.ZipInfo], size: int) -> None:
    if any(record.compress_type != zipfile.ZIP_STORED for record in records):
        raise ValueError("compressed records")
    if sum(record.file_size for record in records) > size:
        raise ValueError("records larger than the file")
    pickles = [record for record in records if record.filename.endswith("/data.pkl")]
    if len(pickles) != 1 or pickles[0].file_size > _LARGEST_PICKLE:
        raise ValueError(f"not one data.pkl of at most {_LARGEST_PICKLE} bytes")


def _check_pickle(content: bytes) -> None:
    stack: list[object] = []
    memo: dict[object, object] = {}
    for instruction, argument, _ in pickletools.genops(content):
        if instruction.name not in _INSTRUCTIONS:
            raise ValueError(f"the instruction {instruction.name}, by which none is written")
        called = str(argument)
        if instruction.name == "GLOBAL" and not _MAKERS.fullmatch(called):
            raise ValueError(f"{called.replace(' ', '.')!r:.80}, which is no plain data")
        _step(instruction, argument, stack, memo)


def _step(
    instruction: pickletools.OpcodeInfo,
    argument: object,
    stack: list[object],
    memo: dict[object, object],
) -> None:
    """Follow the kinds of what is on the stack of the unpickler."""
    before, after = instruction.stack_before, instruction.stack_after
    taken = _taken(stack, before)
    if instruction.name in ("SETITEM", "SETITEMS") and not all(k in _KEYS for k in taken[-2::-2]):
        raise ValueError("a dictionary whose keys are not text or numbers")
    if instruction.name in ("BINPUT", "LONG_BINPUT"):
        memo[argument] = stack[-1]
    elif instruction.name in ("BINGET", "LONG_BINGET"):
        after = [memo.get(argument)]
    stack.extend(after)


def _taken(stack: list[object], before: Sequence[object]) -> list[object]:
    """Take from the stack what an instruction takes; the items of a slice are the last of them."""
    if pickletools.markobject in before:
        begins = len(stack) - 1 - stack[::-1].index(pickletools.markobject)
        items = stack[begins + 1 :]
        del stack[begins:]
        kept = before.index(pickletools.markobject)
        del stack[len(stack) - kept :]
        return items
    if len(stack) < len(before):
        raise ValueError("an instruction without what it takes")
    items = stack[len(stack) - len(before) :]
    del stack[len(stack) - len(before) :]
    return items
