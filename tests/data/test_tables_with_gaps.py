"""Tables whose rows lack targets or weights."""

import math

import pandas as pd
import pytest
import torch

from mdn.data.files import read_table
from mdn.data.fingerprint import changed
from mdn.data.missing_targets import dropped_remark
from mdn.data.table import Table
from mdn.data.training_rows import check_training_rows

NAN = math.nan


def table(y, weight=None) -> Table:
    return Table.from_arrays(torch.arange(float(len(y))), y, weight)


def test_rows_without_any_target_are_left_out_and_counted():
    some = table([[1.0, NAN], [NAN, NAN], [2.0, 3.0]])
    assert some.x.squeeze(1).tolist() == [0.0, 2.0]
    assert some.misses_targets
    assert some.dropped == {"no target": 1}
    assert dropped_remark(some.dropped) == "rows left out: 1 without any target"


def test_rows_without_a_weight_are_left_out_and_counted():
    some = table([[1.0], [NAN], [2.0], [4.0]], [1.0, 1.0, NAN, 2.0])
    assert some.y.squeeze(1).tolist() == [1.0, 4.0]
    assert some.weight is not None
    assert some.weight.tolist() == [0.5, 1.0]
    assert dropped_remark(some.dropped) == (
        "rows left out: 1 without a weight and 1 without any target"
    )


def test_a_table_without_gaps_has_nothing_to_tell():
    some = table([[1.0, 2.0], [3.0, 4.0]])
    assert not some.misses_targets
    assert some.whole() is some
    assert dropped_remark(some.dropped) == ""


def test_a_file_and_a_frame_may_lack_targets(tmp_path):
    frame = pd.DataFrame(
        {"x": range(4), "a": [1, None, None, 4], "b": [1.0, 2, None, 5], "w": [1, 2, 1, None]}
    )
    frame.to_csv(tmp_path / "a.csv", index=False)
    read, _ = read_table(tmp_path / "a.csv", ["a", "b"], None, "w")
    for some in (read, Table.from_frame(frame, ["a", "b"], weight="w")):
        assert some.x.squeeze(1).tolist() == [0.0, 1.0]
        assert some.y.isnan().tolist() == [[False, False], [True, False]]
        assert some.dropped == {"no target": 1, "no weight": 1}


def test_a_table_without_any_target_is_refused():
    with pytest.raises(ValueError, match=r"no row has both a target \(y0\) and a weight"):
        table([[NAN], [NAN]])


def test_infinite_targets_stay_refused():
    with pytest.raises(ValueError, match="y must be finite numbers"):
        table([[math.inf], [NAN]])


def test_the_profile_looks_at_the_values_that_are_there():
    y = torch.randn(200, 2, dtype=torch.float64)
    y[:, 1] = (4 * y[:, 1]).round()
    gaps = y.clone()
    gaps[::2, 0] = NAN
    gaps[1::4, 1] = NAN
    profile = table(gaps).profile
    for i, rows in ((0, slice(1, None, 2)), (1, ~gaps[:, 1].isnan())):
        alone = table(y[rows, i]).profile
        for name in ("center", "spread", "low", "high", "size", "decile_range"):
            found = getattr(profile.targets, name)[i]
            torch.testing.assert_close(found, getattr(alone.targets, name)[0])
        assert profile.repeats[i] == alone.repeats[0]
    assert not profile.targets.outside(gaps)[gaps.isnan()].any()


def test_the_fingerprint_knows_gaps_from_zeros():
    y = torch.randn(50, 2, dtype=torch.float64)
    gaps, zeros, others = y.clone(), y.clone(), y.clone()
    gaps[3, 1], zeros[3, 1], others[4, 1] = NAN, 0.0, NAN
    prints = [table(each).profile.fingerprint for each in (y, gaps, zeros, others)]
    assert all(math.isfinite(number) for one in prints for number in one)
    for i in range(4):
        for j in range(4):
            assert bool(changed({"train": prints[i]}, {"train": prints[j]})) == (i != j)


def test_a_copy_of_a_target_with_gaps_is_a_copy():
    y = torch.randn(20, 2, dtype=torch.float64)
    x = y[:, :1].clone()
    y[4, 0] = NAN
    with pytest.raises(ValueError, match="equals target 'y0' in every training row"):
        check_training_rows(Table.from_arrays(x, y), "rows")


def test_a_target_that_is_hardly_ever_there_is_refused():
    y = torch.randn(20, 2, dtype=torch.float64)
    y[1:, 1] = NAN
    with pytest.raises(ValueError, match="target 'y1' is missing in all but 1 of 20"):
        check_training_rows(table(y), "rows")
