"""Batches of rows that stay in their file."""

from dataclasses import dataclass

import pytest
import torch
from lightning.fabric.utilities.types import _Stateful

from mdn.data.batches import Batches, Share, batches_of
from mdn.data.stream.batches import StreamedBatches
from mdn.data.stream.order import in_turns
from mdn.data.table import Table

GROUPS = [30, 0, 17, 55, 8, 40]
WHOLE = Batches([torch.arange(sum(GROUPS), dtype=torch.float64)[:, None]], 7, 3)


@dataclass
class Rows:
    """Rows 0, 1, ... in row groups, read in chunks."""

    rows_of_groups: torch.Tensor
    num_columns: int = 2
    chunk: int = 9

    def read(self, group):
        begin = int(self.rows_of_groups[:group].sum())
        numbers = torch.arange(begin, begin + int(self.rows_of_groups[group]))
        for x in numbers.double().split(self.chunk):
            yield Table(x[:, None], 2 * x[:, None], None, ["x"], ["y"])


def batches(batch_size=7, seed=3, epoch=0, rank=0, world_size=1, window=40, groups=GROUPS):
    share = Share(lambda: epoch, rank, world_size)
    return StreamedBatches(
        Rows(torch.tensor(groups)), batch_size, seed, share, window_bytes=16 * window
    )


def rows_of(loader):
    return [int(row) for x, y in loader for row in x if torch.equal(y, 2 * x)]


@pytest.mark.parametrize("batch_size", [1, 2, 7, 1000])
@pytest.mark.parametrize("world_size", [1, 2, 3, 7])
@pytest.mark.parametrize("seed", [None, 3])
def test_each_row_comes_once_in_equally_many_batches(batch_size, world_size, seed):
    loaders = [batches(batch_size, seed, 0, rank, world_size, 1) for rank in range(world_size)]
    found = [list(loader) for loader in loaders]
    rows = [int(row) for each in found for x, _ in each for row in x]
    assert sorted(rows) == list(range(sum(GROUPS)))
    assert {len(each) for each in found} == {len(loader) for loader in loaders} == {len(found[0])}
    sizes = [len(x) for each in found for x, _ in each]
    assert max(sizes) - min(sizes) <= 1 or world_size > 1
    assert max(sizes) <= batch_size + (batch_size == 1)


def test_a_window_of_all_rows_gives_the_batches_of_rows_in_memory():
    streamed = [x for x, _ in batches(window=1000)]
    assert all(torch.equal(a, b) for a, (b,) in zip(streamed, WHOLE, strict=True))


def test_without_a_seed_rows_come_as_they_are():
    assert rows_of(batches(seed=None)) == list(range(sum(GROUPS)))


def test_the_order_follows_from_seed_and_epoch():
    first = rows_of(batches())
    assert rows_of(batches()) == first
    assert rows_of(batches(epoch=1)) != first
    assert rows_of(batches(seed=4)) != first


def test_rows_of_several_row_groups_meet_in_a_window():
    groups = [1000] * 10
    batch = next(iter(batches(batch_size=64, window=512, groups=groups)))[0]
    assert len({int(row) // 1000 for row in batch}) >= 3


@pytest.mark.parametrize("taken", [1, 5, 20])
def test_it_goes_on_behind_the_batches_that_were_taken(taken):
    whole = [x for x, _ in batches(epoch=2)]
    loader = batches(epoch=2).in_blocks(1)
    assert isinstance(loader, _Stateful)
    for _, _block in zip(range(taken), loader, strict=False):
        pass
    state = loader.state_dict()
    again = batches(epoch=2).in_blocks(1)
    again.load_state_dict(state)
    rest = [x for block in again for x, _ in batches_of(block)]
    assert all(torch.equal(a, b) for a, b in zip(rest, whole[taken:], strict=True))
    assert len([batch for block in again for batch in block]) == len(whole)


def test_another_epoch_begins_at_its_first_batch():
    loader = batches(epoch=3)
    loader.load_state_dict({"epoch": 2, "batch": 4})
    assert rows_of(loader) == rows_of(batches(epoch=3))


def test_errors_of_the_thread_come_to_who_takes_the_batches():
    loader = batches()
    loader._rows.read = lambda group: (_ for _ in ()).throw(ValueError("the file has changed"))
    with pytest.raises(ValueError, match="the file has changed"):
        next(iter(loader))


def test_fewer_rows_than_processes_are_refused():
    with pytest.raises(ValueError, match="got 2 rows for 3 processes"):
        batches(world_size=3, groups=[2])


def test_iterators_take_turns():
    tables = [iter(Rows(torch.tensor(GROUPS), chunk=20).read(g)) for g in (0, 3, 5)]
    firsts = [int(table.x[0, 0]) for table in in_turns(tables, 2)]
    assert firsts == [0, 47, 20, 67, 87, 110, 130]
