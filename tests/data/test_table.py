import pytest
import torch

from mdn.data.seeds import generator
from mdn.data.table import Table


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


def test_split_gives_every_row_to_one_part():
    parts = numbered(100).split([0.2, 0.13], generator("test", 0))
    assert [len(part) for part in parts] == [20, 13, 67]
    assert sorted(torch.cat([part.x[:, 0] for part in parts]).tolist()) == list(range(100))


def test_split_is_a_function_of_its_generator():
    first, again, other = (
        numbered(50).split([0.5], generator("test", seed))[0] for seed in (0, 0, 1)
    )
    assert torch.equal(first.x, again.x)
    assert not torch.equal(first.x, other.x)


def test_a_part_does_not_depend_on_later_fractions():
    assert torch.equal(
        numbered(50).split([0.2, 0.1], generator("test", 0))[0].x,
        numbered(50).split([0.2, 0.5], generator("test", 0))[0].x,
    )


def test_keys_give_distinct_streams():
    keys = [("a", 0, 0), ("a", 0, 1), ("a", 1, 0), ("b", 0, 0), ("aa", 0, 0), ("b", 2**40, 0)]
    draws = {torch.rand(1, generator=generator(*key)).item() for key in keys}
    assert len(draws) == len(keys)
