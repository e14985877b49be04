"""A change of any byte of a checkpoint is noticed."""

import zipfile

import pytest
import torch
from checkpoints import save, untrained

import mdn
from mdn.model.seal import check_seal, seal


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    torch.manual_seed(0)
    return save(untrained(), tmp_path_factory.mktemp("whole") / "best.ckpt")


def test_a_sealed_checkpoint_is_still_an_archive_that_torch_reads(whole):
    check_seal(whole)
    assert zipfile.ZipFile(whole).testzip() is None
    assert torch.load(whole, weights_only=True)["mdn_format"] == 3


def test_a_flip_of_any_bit_is_refused(whole, tmp_path):
    content, path = whole.read_bytes(), tmp_path / "flipped.ckpt"
    generator = torch.Generator().manual_seed(0)
    inside = torch.randint(len(content), (400,), generator=generator).tolist()
    for place in [*inside, *range(len(content) - 100, len(content)), 0]:
        bit = 1 << int(torch.randint(8, (), generator=generator))
        flipped = bytearray(content)
        flipped[place] ^= bit
        path.write_bytes(flipped)
        with pytest.raises(ValueError, match=r"damaged|the digest at its end is missing"):
            check_seal(path)


def test_a_damaged_checkpoint_is_not_loaded(whole, tmp_path):
    content = bytearray(whole.read_bytes())
    content[len(content) // 2] ^= 1
    path = tmp_path / "damaged.ckpt"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"damaged\.ckpt is damaged: its bytes do not match"):
        mdn.load(path)


@pytest.mark.parametrize("keeps", [0.0, 0.1, 0.5, 0.99])
def test_a_checkpoint_that_was_cut_short_is_refused(whole, tmp_path, keeps):
    content, path = whole.read_bytes(), tmp_path / "short.ckpt"
    path.write_bytes(content[: int(keeps * len(content))])
    with pytest.raises(ValueError, match="It was cut short"):
        mdn.load(path)


def test_bytes_added_at_the_end_are_refused(whole, tmp_path):
    path = tmp_path / "long.ckpt"
    path.write_bytes(whole.read_bytes() + b"\0")
    with pytest.raises(ValueError, match="the digest at its end is missing"):
        mdn.load(path)


def test_a_file_is_sealed_once(whole):
    with pytest.raises(AssertionError):
        seal(whole)
