"""Checkpoints that a disk or a stranger has changed: none is loaded, and none does harm."""

import random
import re
import subprocess
import sys
from pathlib import Path

import damages
import pytest
from command_lines import SMALL

import mdn

TOLD = re.compile(
    r"damaged\.ckpt is damaged: its bytes do not match|damaged\.ckpt is not a whole checkpoint of "
    r"this project: the digest at its end is missing"
)


@pytest.fixture
def checkpoints(run, tmp_path):
    """The files of a run, and one of `Model.save`."""
    status, said = run("train", *SMALL, "hydra.run.dir=run")
    assert status == 0, said
    saved = tmp_path / "saved.ckpt"
    mdn.load("run/checkpoints/best.ckpt").save(saved)
    return [*sorted(Path("run/checkpoints").glob("*.ckpt")), saved]


def is_refused(content: bytes):
    path = Path("damaged.ckpt")
    path.write_bytes(content)
    with pytest.raises(ValueError, match=TOLD) as error:
        mdn.load(path)
    return "\n" not in str(error.value)


def test_no_damaged_checkpoint_is_loaded_or_gone_on_from(checkpoints, run):
    assert len(checkpoints) == 3
    draws = random.Random(0)
    for content in [path.read_bytes() for path in checkpoints]:
        for damage in [*damages.DAMAGES.values()] * 15:
            assert is_refused(damage(content, draws))
    content = Path("run/checkpoints/last.ckpt").read_bytes()
    for damage in damages.DAMAGES.values():
        Path("damaged.ckpt").write_bytes(damage(content, draws))
        status, said = run("train", *SMALL, "trainer.max_epochs=9", "ckpt_path=damaged.ckpt")
        assert status == 1
        assert TOLD.search(said)
        assert len(said.strip().splitlines()) == 1


@pytest.mark.slow(reason="200 copies with --repeats 20, each loaded and resumed from")
def test_no_flip_loads_or_goes_on(checkpoints, run, repeats):
    draws = random.Random(200)
    for number in range(10 * repeats):
        content = checkpoints[number % 3].read_bytes()
        damage = list(damages.DAMAGES.values())[number % 5]
        assert is_refused(damage(content, draws))
        status, said = run("train", *SMALL, "trainer.max_epochs=9", "ckpt_path=damaged.ckpt")
        assert status == 1
        assert TOLD.search(said)


def attack(path, first, last):
    """Read copies with flips under a digest that matches, in a process of their own."""
    command = [sys.executable, damages.__file__, str(path), ".", str(first), str(last)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith("done\n")


@pytest.mark.skipif(sys.platform != "linux", reason="memory and time are limited as on Linux")
def test_flips_under_a_digest_that_matches_do_no_harm(checkpoints):
    attack(checkpoints[1], 0, 12)


@pytest.mark.slow(reason="400 copies with --repeats 20, with flips under a digest that matches")
@pytest.mark.skipif(sys.platform != "linux", reason="memory and time are limited as on Linux")
def test_many_flips_under_a_digest_that_matches_do_no_harm(checkpoints, repeats):
    for path in checkpoints[1:]:
        attack(path, 0, 10 * repeats)
