import pytest
import torch

from mdn.data.batches import Batches, Blocks, batches_of


def numbers(rows: int) -> list[torch.Tensor]:
    x = torch.arange(rows, dtype=torch.float64)[:, None]
    return [x, 2 * x, x[:, 0] + 1]


def rows_of(batches: Batches) -> list[int]:
    return [int(row) for batch in batches for row in batch[0]]


SIZES = [(1, 1, 1), (10, 3, 1), (1000, 128, 1), (9, 1, 2), (3, 2, 3), (11, 4, 3), (100, 8192, 4)]


@pytest.mark.parametrize("seed", [None, 0])
@pytest.mark.parametrize(("rows", "batch_size", "world_size"), SIZES)
def test_every_row_comes_once_over_all_ranks(rows, batch_size, world_size, seed):
    ranks = [
        Batches(numbers(rows), batch_size, seed, rank=rank, world_size=world_size)
        for rank in range(world_size)
    ]
    assert sorted(row for rank in ranks for row in rows_of(rank)) == list(range(rows))


@pytest.mark.parametrize(("rows", "batch_size", "world_size"), SIZES)
def test_ranks_have_equally_many_batches_of_about_one_size(rows, batch_size, world_size):
    sizes = [
        [
            len(batch[0])
            for batch in Batches(numbers(rows), batch_size, 0, lambda: 0, rank, world_size)
        ]
        for rank in range(world_size)
    ]
    length = len(Batches(numbers(rows), batch_size, world_size=world_size))
    assert {len(rank) for rank in sizes} == {length}
    assert all(max(rank) - min(rank) <= 1 and min(rank) >= 1 for rank in sizes)
    assert max(map(max, sizes)) <= batch_size + (batch_size == 1)


def test_batches_are_as_few_as_their_size_allows():
    assert len(Batches(numbers(1000), 128)) == 8
    assert len(Batches(numbers(1000), 125)) == 8
    assert len(Batches(numbers(1000), 124)) == 9


def test_a_batch_keeps_rows_together():
    for x, y, weight in Batches(numbers(20), 6, seed=3):
        assert torch.equal(y, 2 * x)
        assert torch.equal(weight, x[:, 0] + 1)


def test_without_a_seed_rows_come_as_they_are():
    assert rows_of(Batches(numbers(10), 3)) == list(range(10))


def test_order_is_a_function_of_seed_and_epoch():
    epoch = 0
    batches = Batches(numbers(100), 7, seed=1, epoch=lambda: epoch)
    first = rows_of(batches)
    torch.manual_seed(5)
    assert rows_of(batches) == first
    epoch = 1
    assert rows_of(batches) != first
    assert rows_of(Batches(numbers(100), 7, seed=2)) != first
    assert first != list(range(100))


@pytest.mark.parametrize("batch_size", [0, -1])
def test_batch_size_must_be_a_positive_whole_number(batch_size):
    with pytest.raises(ValueError, match="batch_size must be a whole number of at least 1, got"):
        Batches(numbers(3), batch_size)


def test_fewer_rows_than_processes_are_refused():
    with pytest.raises(ValueError, match="got 2 rows for 3 processes"):
        Batches(numbers(2), 1, world_size=3)


def test_blocks_are_the_same_batches_several_at_a_time():
    batches = Batches([torch.arange(50.0)], batch_size=7, seed=3)
    blocks = Blocks(batches, size=3)
    assert [len(block) for block in blocks] == [3, 3, 2]
    assert (len(blocks), blocks.num_steps) == (3, 8)
    flat = [batch for block in blocks for batch in batches_of(block)]
    assert all(torch.equal(a, b) for (a,), (b,) in zip(flat, batches, strict=True))
    assert batches_of(flat[0]) == [flat[0]]


def make(batch_size=4, **changes):
    """Five batches of four rows."""
    return Batches(numbers(20), batch_size, **changes)


@pytest.mark.parametrize("block", [1, 3])
def test_a_pass_goes_on_behind_the_batches_that_were_taken(block):
    def loader():
        return Blocks(make(seed=1, epoch=lambda: 2), block)

    def rows(blocks):
        return [rows_of(each) for each in blocks]

    whole, begun, again = rows(loader()), loader(), loader()
    next(iter(begun))
    again.load_state_dict(begun.state_dict())
    assert rows(again) == whole[1:]
    assert rows(again) == whole  # for the first time only


def test_all_taken_leaves_none_and_another_epoch_all():
    state = {"epoch": 2, "batch": 5, "batches": 5, "processes": 1}
    same, other = (make(epoch=lambda now=now: now) for now in (2, 3))
    for each in (same, other):
        each.load_state_dict(state)
    assert (len(list(same)), len(list(other))) == (0, 5)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"batch_size": 5}, "epoch of 5 batches for each of 1 processes, and this run has 4 "),
        ({"batch_size": 2, "world_size": 2}, "and this run has 5 for each of 2; keep the batch"),
    ],
)
def test_other_batches_are_refused_inside_an_epoch(changes, message):
    batches = make(epoch=lambda: 2, **changes)
    batches.load_state_dict({"epoch": 2, "batch": 3, "batches": 5, "processes": 1})
    with pytest.raises(ValueError, match=message):
        next(iter(batches))


def test_other_blocks_are_refused_inside_an_epoch():
    state = {**make().state_dict(), "block": 8}
    with pytest.raises(ValueError, match="8 steps a call, and this run takes 1; leave max_steps"):
        Blocks(make(), 1).load_state_dict(state)
