import pytest

from mdn.fitting.sizes import (
    suitable_components,
    suitable_depth,
    suitable_epochs,
    suitable_val_fraction,
    training_batch_size,
)


@pytest.mark.parametrize(
    ("rows", "batch_size", "components", "depth", "epochs"),
    [
        (50, 32, 2, 3, 130),
        (107, 32, 2, 3, 130),
        (300, 32, 6, 3, 130),
        (1_000, 64, 10, 3, 130),
        (2_500, 64, 10, 3, 130),
        (5_000, 64, 10, 5, 76),
        (10_000, 128, 15, 5, 76),
        (100_000, 256, 20, 5, 20),
        (10_000_000, 256, 20, 5, 20),
    ],
)
def test_sizes_follow_from_the_rows(
    rows: int, batch_size: int, components: int, depth: int, epochs: int
):
    assert training_batch_size(rows) == batch_size
    assert suitable_components(rows) == components
    assert suitable_depth(rows) == depth
    assert suitable_epochs(rows, batch_size) == epochs


def test_processes_share_the_rows_of_a_step():
    assert suitable_epochs(10_000, 128) == 76
    assert suitable_epochs(10_000, 128, processes=1) == 76
    assert suitable_epochs(10_000, 64, processes=2) == 76
    assert suitable_epochs(100_000, 256, processes=4) == 61  # 98 steps an epoch


def test_more_rows_never_mean_smaller_sizes():
    rows = [10 * 2**power for power in range(20)]
    for size in (training_batch_size, suitable_components, suitable_depth):
        found = [size(each) for each in rows]
        assert found == sorted(found)


@pytest.mark.parametrize(("rows", "held_out"), [(8, 2), (60, 15), (200, 25), (5000, 500)])
def test_few_rows_hold_out_more(rows, held_out):
    assert round(suitable_val_fraction(rows) * rows) == held_out
