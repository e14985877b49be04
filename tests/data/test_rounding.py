"""Rounded targets: the floor of their grid, noise over its cells, and remarks."""

import numpy as np
import pytest
import torch
from scipy import stats
from small_runs import targets_alone

from mdn.data.fingerprint import changed
from mdn.data.rounding import dequantized, grid_floor, rounding_remarks
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


def floor(*columns, weight=None):
    return grid_floor(targets_alone(*columns, weight=weight).profile)


def test_the_floor_is_the_standard_deviation_of_what_rounding_took():
    values = np.random.default_rng(0).normal(3, 2, 100_000)
    rounded = (values / 0.5).round() * 0.5
    taken = np.std(values - rounded) / np.std(rounded)
    assert floor(rounded) == pytest.approx(taken, rel=0.01)
    assert floor(rounded) == pytest.approx(0.5 / 12**0.5 / np.std(rounded))


def test_of_several_targets_it_is_the_least():
    coarse, fine = torch.randn(2000).round(), (10 * torch.randn(2000)).round()
    assert floor(coarse, fine) == floor(fine) < floor(coarse)


def test_weights_count_in_the_standard_deviation():
    values = torch.randn(500).round()
    weight = torch.arange(500, dtype=torch.float64) % 3
    repeated = values.repeat_interleave(weight.long())
    assert floor(values, weight=weight) == pytest.approx(floor(repeated))


def test_a_target_without_a_grid_is_refused():
    with pytest.raises(ValueError, match="target 'y1' lies on no grid"):
        floor(torch.randn(50).round(), torch.randn(50))


def test_remarks_say_which_target_what_was_seen_and_what_to_do():
    normal = np.random.default_rng(0).normal(size=2000)
    zeros = np.where(np.arange(2000) < 600, 0, normal)
    rows = targets_alone(normal, np.round(normal), zeros)
    on_grid, with_atom = rounding_remarks(rows.profile)
    assert "target 'y1' lies on a grid of step 1 " in on_grid
    assert "2000 rows, a step of 0.9" in on_grid
    assert "`dequantize=True`" in on_grid
    assert "target 'y2' is 0 in 30 %" in with_atom
    assert "`min_scale=0.05`" in with_atom
    assert rows.profile.rounded_targets == {"y1": 1.0}
    assert rounding_remarks(targets_alone(normal).profile) == []
    assert rounding_remarks(rows.profile, grids=False) == [with_atom]
