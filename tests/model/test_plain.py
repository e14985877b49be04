from collections import OrderedDict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from mdn.model.plain import check_plain, fits, in_words


@pytest.mark.parametrize("value", [None, True, 3, 0.5, "x", [], {}, {"a": [1, {"b": None}]}])
def test_plain_data_passes(value):
    check_plain(value, "it")


@pytest.mark.parametrize(
    "value",
    [(), (1,), {1}, {1: 2}, {None: 2}, b"x", 1j, np.float64(1), torch.ones(1), Path("x"), print],
)
@pytest.mark.parametrize("wrap", [lambda v: v, lambda v: [v], lambda v: {"a": [{"b": v}]}])
def test_all_else_is_refused(value, wrap):
    with pytest.raises(ValueError, match=r"it must be plain data .*, got a"):
        check_plain(wrap(value), "it")


def test_a_subclass_is_not_plain():
    with pytest.raises(ValueError, match="got a OrderedDict"):
        check_plain(OrderedDict(a=1), "it")


@pytest.mark.parametrize(
    ("value", "hint", "answer"),
    [
        (3, int, True),
        (True, int, False),
        (3.0, int, False),
        (3, float, True),
        (True, float, False),
        ("3", float, False),
        (None, float | None, True),
        (None, None, True),
        (0, None, False),
        ("x", str | Path, True),
        ("x", Path, True),
        ([1, 2.5], Sequence[float], True),
        ([1, "2"], Sequence[float], False),
        ("12", Sequence[str], False),
        ([0.9, 0.99], tuple[float, float], True),
        ([0.9], tuple[float, float], False),
        ({"a": [1.0]}, dict[str, list[float]], True),
        ({"a": 1.0}, dict[str, list[float]], False),
        ({"a": 1.0}, Any, True),
        ({"kind": "x"}, Callable[[int], int], False),
    ],
)
def test_values_are_held_against_hints(value, hint, answer):
    assert fits(value, hint) is answer


def test_hints_are_said_in_words():
    assert in_words(float | None) == "a number or null"
    assert in_words(Sequence[int]) == "a list, each of which is a whole number"
    assert in_words(tuple[float | torch.Tensor, float]) == "a list of 2 values, each a number"
