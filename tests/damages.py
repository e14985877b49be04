"""Checkpoints as disks and strangers damage them."""

import hashlib
import io
import random
import resource
import signal
import sys
import time
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

DIGITS = 64
"""Bytes of the digest at the end."""

SECONDS, MEBIBYTES = 60, 1000
"""What the reading of a file of this size may take at most, on a busy machine."""


def flipped_bit(content: bytes, draws: random.Random) -> bytes:
    """One bit is another."""
    damaged = bytearray(content)
    damaged[draws.randrange(len(content))] ^= 1 << draws.randrange(8)
    return bytes(damaged)


def burst(content: bytes, draws: random.Random) -> bytes:
    """Some bytes in a row are noise."""
    at, length = draws.randrange(len(content)), draws.randrange(1, 513)
    noise = draws.randbytes(min(length, len(content) - at))
    damaged = content[:at] + noise + content[at + len(noise) :]
    return damaged if damaged != content else flipped_bit(content, draws)


def cut_short(content: bytes, draws: random.Random) -> bytes:
    """The end is not there."""
    return content[: draws.randrange(len(content))]


def swapped_blocks(content: bytes, draws: random.Random) -> bytes:
    """Two blocks of a disk have changed places."""
    size = 512
    one, other = draws.sample(range(len(content) // size), 2)
    blocks = [content[at : at + size] for at in range(0, len(content), size)]
    blocks[one], blocks[other] = blocks[other], blocks[one]
    damaged = b"".join(blocks)
    return damaged if damaged != content else flipped_bit(content, draws)


def appended(content: bytes, draws: random.Random) -> bytes:
    """Something follows the end."""
    return content + draws.randbytes(draws.randrange(1, 2000))


DAMAGES: dict[str, Callable[[bytes, random.Random], bytes]] = {
    each.__name__: each for each in (flipped_bit, burst, cut_short, swapped_blocks, appended)
}


def resealed(content: bytes) -> bytes:
    """Bytes under a digest of their own, which whoever can write a file can compute."""
    return content[:-DIGITS] + hashlib.sha256(content[:-DIGITS]).hexdigest().encode()


def attacked(content: bytes, number: int) -> bytes:
    """A copy with flips under a checksum and a digest that match, as an attacker writes it."""
    draws = random.Random(number)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        records = {name: archive.read(name) for name in archive.namelist()}
    (pickle,) = [name for name in records if name.endswith("/data.pkl")]
    # Every fourth has them anywhere, in a record or in what the archive says of them.
    if number % 4:
        for _ in range(1 + number % 3):
            records[pickle] = flipped_bit(records[pickle], draws)
    else:
        anywhere = draws.choice(list(records))
        records[anywhere] = burst(records[anywhere] or b"0", draws)
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        for name, record in records.items():
            archive.writestr(name, record)
        archive.comment = b"mdn sha256 " + bytes(DIGITS)
    return resealed(written.getvalue())


def main(path: str, folder: str, first: int, last: int) -> None:
    """Read resealed copies; say of each what came of it, and exit with an error on a surprise."""
    import mdn
    from mdn.model.checkpoint import read_checkpoint

    content, copy = Path(path).read_bytes(), Path(folder) / "attacked.ckpt"
    warnings.simplefilter("ignore")
    resource.setrlimit(resource.RLIMIT_AS, (8 << 30, 8 << 30))
    mdn.load(path)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for number in range(first, last):
        copy.write_bytes(attacked(content, number))
        signal.alarm(SECONDS)
        start = time.monotonic()
        for read in (mdn.load, read_checkpoint):
            try:
                read(copy)
                print(number, read.__name__, "read")
            except ValueError as error:
                print(number, read.__name__, repr(str(error)), f"{time.monotonic() - start:.2f}")
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    assert grown < MEBIBYTES, f"{grown} MiB"
    print("done")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
