"""What one pass over a stream tells."""

import pytest
import torch
from parquet_files import numbers, write

from mdn.data.files import read_table
from mdn.data.splits.divide import Division
from mdn.data.stream import row_sample
from mdn.data.stream import source as source_module
from mdn.data.stream.moments import Moments
from mdn.data.stream.open_stream import ColumnChoice, streamed_tables
from mdn.data.stream.row_draws import row_draws
from mdn.data.stream.row_sample import RowSample
from mdn.data.stream.source import Chunk
from mdn.data.table import Table


def column(values):
    return torch.as_tensor(values, dtype=torch.float64)[:, None]


def streamed(tmp_path, table, monkeypatch, weight=None, sample=100, group=300):
    monkeypatch.setattr(row_sample, "_MOST_ROWS", sample)
    monkeypatch.setattr(row_sample, "_FEWEST_ROWS", 1)
    monkeypatch.setattr(source_module, "_MOST_CHUNK_ROWS", 256)
    path = write(tmp_path / "a.parquet", table, group)
    columns = ColumnChoice("y", ["a", "b", "c"], weight)
    (train,) = streamed_tables(path, columns, {}, Division({}, 0)).values()
    return train, read_table(path, "y", ["a", "b", "c"], weight)[0]


@pytest.mark.parametrize("weight", [None, "w"])
def test_the_profile_agrees_with_one_of_rows_in_memory(tmp_path, monkeypatch, weight):
    stream, table = streamed(tmp_path, numbers(5000), monkeypatch, weight)
    assert len(stream.sample) == 100
    now, then = stream.profile, table.profile
    assert (now.rows, now.counted_rows) == (then.rows, then.counted_rows)
    assert now.effective_rows == pytest.approx(then.effective_rows)
    for one, other in ((now.inputs, then.inputs), (now.targets, then.targets)):
        for name in ("center", "spread", "low", "high", "size"):
            torch.testing.assert_close(
                getattr(one, name), getattr(other, name), rtol=1e-12, atol=1e-13
            )


def test_the_profile_of_few_rows_is_that_of_rows_in_memory(tmp_path, monkeypatch):
    stream, table = streamed(tmp_path, numbers(500), monkeypatch, sample=1000)
    assert torch.equal(stream.sample.x, table.x)
    assert stream.profile.fingerprint == table.profile.fingerprint
    assert torch.equal(stream.profile.targets.spread, table.profile.targets.spread)


def test_a_few_values_far_out_decide_no_unit(tmp_path, monkeypatch):
    rows = numbers(5000)
    y = rows["y"].to_numpy().copy()
    y[[3000, 4000]] = 1e12
    rows = rows.set_column(3, "y", [y])
    stream, table = streamed(tmp_path, rows, monkeypatch)
    torch.testing.assert_close(stream.profile.targets.spread, table.profile.targets.spread)
    assert stream.profile.targets.far["y"].startswith("2 of the values of target 'y' are")
    kept = stream.within(stream.profile.targets)
    assert len(kept) == 4998
    assert max(part.y.max() for part in kept.pieces(500)) < 1e6


def test_the_fingerprint_tells_changed_rows(tmp_path, monkeypatch):
    first, _ = streamed(tmp_path, numbers(2000), monkeypatch)
    same, _ = streamed(tmp_path, numbers(2000), monkeypatch, group=77)
    assert first.profile.fingerprint == same.profile.fingerprint
    other, _ = streamed(tmp_path, numbers(2000, seed=1), monkeypatch)
    assert first.profile.fingerprint != other.profile.fingerprint


@pytest.mark.parametrize("pieces", [1, 7, 40])
def test_the_sample_does_not_depend_on_the_pieces(pieces):
    numbers = torch.arange(1000)
    x = column(numbers)
    sample = RowSample(50, seed=1)
    for part in numbers.tensor_split(pieces):
        sample.update(Chunk(part, Table(x[part], x[part], None, ["x"], ["y"])))
    kept = sample.table().x[:, 0].long()
    smallest = row_draws(numbers, "sample", 1).argsort()[:50].sort().values
    assert torch.equal(kept, smallest)


@pytest.mark.parametrize("weighted", [False, True])
def test_moments_add_up(weighted):
    torch.manual_seed(0)
    values = 1e9 + torch.randn(1000, 3, dtype=torch.float64)
    values[::7, 1] = torch.nan
    weight = torch.rand(1000, dtype=torch.float64) if weighted else None
    share = torch.ones(1000) if weight is None else weight
    parts = values.split(130), share.split(130)
    moments = Moments(values[:130], None if weight is None else weight[:130])
    for v, w in list(zip(*parts, strict=True))[1:]:
        moments.update(v, None if weight is None else w)
    there = ~values.isnan()
    each = there * share[:, None]
    mean = (each * values.nan_to_num()).sum(0) / each.sum(0)
    spread = ((each * (values.nan_to_num() - mean).square()).sum(0) / each.sum(0)).sqrt()
    torch.testing.assert_close(moments.near.mean, mean, rtol=1e-14, atol=0)
    torch.testing.assert_close(moments.near.spread, spread, rtol=1e-6, atol=0)
    assert moments.missing.tolist() == (~there).sum(0).tolist()


def test_draws_belong_to_a_row():
    draws = row_draws(torch.arange(10_000), "part", 5)
    assert torch.equal(draws[77:99], row_draws(torch.arange(77, 99), "part", 5))
    assert not torch.equal(draws, row_draws(torch.arange(10_000), "part", 6))
    assert 0 <= draws.min() < 0.001
    assert 0.999 < draws.max() < 1
    assert abs(draws.mean() - 0.5) < 0.02
