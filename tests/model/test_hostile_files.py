"""A file from a stranger runs nothing, and is read only where it is a checkpoint."""

import copy
import io
import pickle
import time
import zipfile

import pytest
import torch
from hostile import WITHIN_SECONDS, Payload

import mdn
from mdn.model.archive import _check_pickle
from mdn.model.checkpoint import CARD, FORMAT, WEIGHTS, write_checkpoint
from mdn.model.seal import seal


@pytest.mark.parametrize("place", ["card", "weights", "beside them"])
def test_an_object_is_never_unpickled(good, tmp_path, place):
    marker = tmp_path / "marker"
    checkpoint = copy.deepcopy(good)
    node = {"card": checkpoint[CARD], "weights": checkpoint[WEIGHTS]}.get(place, checkpoint)
    node["first_layer_gain"] = Payload(marker)
    write_checkpoint(checkpoint, tmp_path / "evil.ckpt")
    with pytest.raises(ValueError, match="would have run code, which is never done"):
        mdn.load(tmp_path / "evil.ckpt")
    assert not marker.exists()


def key_of_tuples():
    """Two to the 60th steps to hash, in a hundred bytes."""
    key = ()
    for _ in range(60):
        key = (key, key)
    return key


def pickled(*instructions):
    return b"\x80\x02" + b"".join(instructions) + b"."


PICKLES = {
    "a byte array of any length": (
        pickled(b"c__builtin__\nbytearray\n", b"\x8a\x05\x00\x00\x00\x80\x01", b"\x85", b"R"),
        "__builtin__.bytearray",
    ),
    "a key whose hash takes forever": (
        pickled(b"}", b"(t", b"q\x00", *[b"0h\x00h\x00\x86q\x00"] * 60, b"K\x01", b"s"),
        "keys are not text or numbers",
    ),
    "a name from the stack": (pickled(b"U\x02os", b"U\x06system", b"\x93"), "instruction SHORT"),
    "an instance of a class": (pickled(b"(ios\nsystem\n"), "the instruction INST"),
    "nothing on the stack": (pickled(b"s"), "without what it takes"),
    "cut short": (b"\x80\x02}", "exhausted before seeing STOP"),
}


@pytest.mark.parametrize("case", PICKLES)
def test_instructions_that_no_checkpoint_needs_are_refused(tmp_path, case):
    content, message = PICKLES[case]
    with zipfile.ZipFile(tmp_path / "bad.ckpt", "w") as archive:
        archive.writestr("archive/data.pkl", content)
    seal(tmp_path / "bad.ckpt")
    start = time.monotonic()
    with pytest.raises(ValueError, match=message):
        mdn.load(tmp_path / "bad.ckpt")
    assert time.monotonic() - start < WITHIN_SECONDS


def test_a_key_of_tuples_is_refused_as_pickle_writes_it():
    with pytest.raises(ValueError, match="keys are not text or numbers"):
        _check_pickle(pickle_of_key())


def pickle_of_key():
    """A dictionary with that key, which no Python could make."""
    value = pickle.dumps(key_of_tuples(), 2)
    return value[:2] + b"}" + value[2:-1] + b"K\x01s."


def test_compressed_records_are_refused(good, tmp_path):
    write_checkpoint(good, tmp_path / "good.ckpt")
    with zipfile.ZipFile(tmp_path / "good.ckpt") as whole:
        records = {name: whole.read(name) for name in whole.namelist()}
    with zipfile.ZipFile(tmp_path / "bomb.ckpt", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in (records | {"archive/data/0": bytes(10**7)}).items():
            archive.writestr(name, content)
    seal(tmp_path / "bomb.ckpt")
    with pytest.raises(ValueError, match="compressed records"):
        mdn.load(tmp_path / "bomb.ckpt")


def laughs():
    value = ["ha"]
    for _ in range(40):
        value = [value, value]
    return value


@pytest.mark.parametrize("number", [laughs(), "1", None, 1.0, True, torch.ones(3)])
def test_a_layout_that_is_no_number_is_not_printed(good, tmp_path, number):
    torch.save({**good, FORMAT: number}, tmp_path / "odd.ckpt")
    seal(tmp_path / "odd.ckpt")
    with pytest.raises(ValueError, match=r"has layout of type \w+, and this version reads 3"):
        mdn.load(tmp_path / "odd.ckpt")


def bytes_of(value):
    stream = io.BytesIO()
    torch.save(value, stream)
    return stream.getvalue()


FILES = {
    "empty": b"",
    "one byte": b"P",
    "text": b"hello, world\n" * 100,
    "a pickle": pickle.dumps({"mdn": {}}),
    "another project's": bytes_of({"state_dict": {}, "hyper_parameters": {}}),
    "a tensor": bytes_of(torch.ones(3)),
}


@pytest.mark.parametrize("case", FILES)
def test_a_file_of_another_kind_is_refused(tmp_path, case):
    path = tmp_path / "other.ckpt"
    path.write_bytes(FILES[case])
    with pytest.raises(ValueError, match="is not a whole checkpoint of this project"):
        mdn.load(path)


@pytest.mark.parametrize("value", [{"state_dict": {}}, torch.ones(3), [1, 2]])
def test_a_sealed_file_of_another_kind_is_refused(tmp_path, value):
    torch.save(value, tmp_path / "other.ckpt")
    seal(tmp_path / "other.ckpt")
    with pytest.raises(ValueError, match="holds no card"):
        mdn.load(tmp_path / "other.ckpt")


def test_a_sealed_archive_of_another_kind_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "other.ckpt", "w") as archive:
        archive.writestr("data.txt", "hello")
    seal(tmp_path / "other.ckpt")
    with pytest.raises(ValueError, match="is no checkpoint of plain data"):
        mdn.load(tmp_path / "other.ckpt")


def test_a_folder_or_nothing_is_refused(tmp_path):
    for path in (tmp_path, tmp_path / "nothing.ckpt"):
        with pytest.raises(FileNotFoundError, match="there is no checkpoint"):
            mdn.load(path)
