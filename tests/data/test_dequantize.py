"""Rounded targets spread over the cells of their grid."""

import pytest
import torch
from scipy import stats

from mdn.data.dequantize import dequantized
from mdn.data.fingerprint import changed
from mdn.data.table import Table
from mdn.training.memory import MemoryData

ROWS = 4000


def rows():
    noise = torch.randn(ROWS, 2, dtype=torch.float64)
    y = torch.stack([noise[:, 0], (noise[:, 1] * 4).round() / 4 + 10], 1)
    return Table(torch.zeros(ROWS, 1, dtype=torch.float64), y, None, ["x"], ["fine", "rounded"])


def test_noise_is_uniform_over_a_cell_and_only_where_there_is_a_grid():
    table = rows()
    spread = dequantized(table, torch.Generator().manual_seed(99))
    torch.testing.assert_close(spread.y[:, 0], table.y[:, 0], atol=0, rtol=0)
    noise = (spread.y - table.y)[:, 1].numpy()
    assert stats.kstest(noise, stats.uniform(-0.125, 0.25).cdf).pvalue > 1e-3
    # What is left of a normal is a normal again.
    assert stats.kstest(spread.y[:, 1].numpy() - 10, "norm").pvalue > 1e-3
    assert stats.kstest(table.y[:, 1].numpy() - 10, "norm").pvalue < 1e-6


def test_the_seed_decides_and_other_tables_stay_as_they_are():
    def data(**changes):
        settings = {"val_fraction": 0.2, "dequantize": True, "batch_size": 8, "seed": 0}
        return MemoryData(table, **(settings | changes))

    table = rows()
    plain, once, again, other = (data(**c) for c in ({"dequantize": False}, {}, {}, {"seed": 1}))
    assert changed(plain.fingerprint(), once.fingerprint()) == ["train"]
    assert changed(once.fingerprint(), again.fingerprint()) == []
    assert torch.equal(once.train_table.y, again.train_table.y)
    assert not torch.equal(once.train_table.y, other.train_table.y)
    assert not torch.equal(once.train_table.y, plain.train_table.y)
    for name in ("train", "val", "test"):
        assert torch.equal(once.tables[name].y, plain.tables[name].y)
    (block, *_) = once.train_dataloader()
    assert set(block[0][1][:, 1].tolist()) <= set(once.train_table.y[:, 1].tolist())
    ((_, y),) = once.val_dataloader()
    assert torch.equal(y, plain.tables["val"].y)


def test_without_a_grid_it_is_refused():
    table = rows()
    fine = Table(table.x, table.y[:, :1], None, ["x"], ["fine"])
    with pytest.raises(ValueError, match=r"no target \(fine\) lies on a grid"):
        dequantized(fine, torch.Generator())
