import pytest
import torch

from mdn.data.seeds import generator
from mdn.data.table import Table
from mdn.data.table_checks import check_lengths, check_matrix, check_names, check_row_weights


def numbered(rows: int, weighted: bool = False) -> Table:
    """Row i has x = (i, i + 0.5), y = 10 i and weight i + 1."""
    i = torch.arange(rows, dtype=torch.float64)
    weight = i + 1 if weighted else None
    return Table(torch.stack([i, i + 0.5], -1), 10 * i[:, None], weight, ["a", "b"], ["y"])


@pytest.mark.parametrize("rows", [slice(2, 5), torch.tensor([4, 0, 4])])
def test_rows_keep_their_columns_together(rows):
    table = numbered(6, weighted=True)[rows]
    assert torch.equal(table.y[:, 0], 10 * table.x[:, 0])
    assert torch.equal(table.weight, table.x[:, 0] + 1)
    assert len(table) == 3
    assert table.input_names == ["a", "b"]


def test_tensors_are_a_batch():
    assert len(numbered(3).tensors) == 2
    assert len(numbered(3, weighted=True).tensors) == 3


def test_keys_give_distinct_streams():
    keys = [("a", 0, 0), ("a", 0, 1), ("a", 1, 0), ("b", 0, 0), ("aa", 0, 0), ("b", 2**40, 0)]
    draws = {torch.rand(1, generator=generator(*key)).item() for key in keys}
    assert len(draws) == len(keys)


X, Y, WEIGHT = torch.zeros(4, 2).double(), torch.zeros(4, 1).double(), torch.ones(4).double()
MALFORMED = {
    "one name twice": ({"target_names": ["b"]}, r"must be different, got \['a', 'b', 'b'\]"),
    "too few names": (
        {"input_names": ["a"]},
        r"x must have shape \[rows, 1\].*got shape \(4, 2\)",
    ),
    "a negative weight": ({"weight": WEIGHT - 2}, "weights must be finite, none below 0"),
    "a weight without end": ({"weight": WEIGHT / 0}, "weights must be finite"),
    "a weight that is none": ({"weight": WEIGHT * torch.nan}, "weights must be finite"),
    "no weight": ({"weight": 0 * WEIGHT}, "rows of positive weight: 0 of 4"),
}


@pytest.mark.parametrize("case", MALFORMED)
def test_parts_that_do_not_fit_together_are_refused(case):
    parts = {"x": X, "y": Y, "weight": None, "input_names": ["a", "b"], "target_names": ["c"]}
    changes, message = MALFORMED[case]
    with pytest.raises(ValueError, match=message):
        Table(**(parts | changes))


# What type hints refuse in a test is refused by these in a program.
SHAPES = {
    "lengths": (lambda: check_lengths(X, Y[:3]), "x has 4 rows and y 3; give as many"),
    "a vector": (lambda: check_matrix("y", Y[:, 0], ["c"]), r"\[rows, 1\], .*; got shape \(4,\)"),
    "too few weights": (lambda: check_row_weights(WEIGHT[:3], 4), "one entry a row, got shape .3."),
}


@pytest.mark.parametrize("case", SHAPES)
def test_shapes_that_do_not_fit_together_are_refused(case):
    check, message = SHAPES[case]
    with pytest.raises(ValueError, match=message):
        check()


TYPES = {
    "float": (
        lambda: check_matrix("y", Y.float(), ["c"]),
        "y must be .*, got torch.float32",
    ),
    "array": (lambda: check_matrix("x", X.numpy(), ["a", "b"]), "x must be .*float64, got ndarray"),
    "long": (lambda: check_row_weights(WEIGHT.long(), 4), "weight must be .*, got torch.int64"),
    "names": (lambda: check_names(["a", 1]), r"names of columns must be text, got \['a', 1\]"),
}


@pytest.mark.parametrize("case", TYPES)
def test_parts_of_another_type_are_refused(case):
    check, message = TYPES[case]
    with pytest.raises(TypeError, match=message):
        check()


def test_a_table_may_have_no_rows():
    table = Table(X, Y, WEIGHT, ["a", "b"], ["c"])[:0]
    assert (len(table), len(table.counted())) == (0, 0)
