"""Levels are counted piece by piece, in memory that does not grow with them."""

import pyarrow as pa
import pytest

from mdn.data.kinds import vocabulary
from mdn.data.kinds.arrow_values import as_levels
from mdn.data.kinds.vocabulary import Vocabulary


def counted(*pieces):
    words = Vocabulary()
    for piece in pieces:
        words.update(as_levels(pa.chunked_array([piece])))
    return words


def test_pieces_add_up():
    words = counted(pa.array(["b", "a", None, "b"]), pa.array([1, 2]), pa.array(["a", "b", "1.0"]))
    assert words.counts == {"b": 3, "a": 2, "1": 2, "2": 1}
    assert words.levels() == ("b", "a", "1", "2")
    assert (words.rows, words.missing, words.present) == (9, 1, 8)
    assert words.repeated(3) == 3
    assert words.complete
    assert not words.all_differ


@pytest.fixture
def few(monkeypatch):
    monkeypatch.setattr(vocabulary, "_MOST", 10)


@pytest.mark.usefixtures("few")
def test_frequent_levels_are_kept_among_any_number_of_others():
    pieces = [pa.array([f"rare {i} {k}" for k in range(15)] + ["usual"] * 2) for i in range(40)]
    words = counted(*pieces, pa.array(["late"] * 30))
    assert len(words.counts) <= 2 * 10
    assert words.levels()[:2] == ("usual", "late")
    assert len(words.levels()) == 10
    assert not words.complete
    assert words.counts["usual"] == 80
    assert words.rows == 40 * 17 + 30


def test_long_texts_are_no_levels():
    words = counted(pa.array(["x" * 501, "y"]))
    assert words.levels() == ("y",)
    assert not words.complete
