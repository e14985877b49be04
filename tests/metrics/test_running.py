"""Over batches and over two real processes the metrics are those of all rows at once."""

from functools import partial
from pathlib import Path

import pytest
import torch
from torch import distributed
from torch.multiprocessing.spawn import spawn

from mdn import metrics
from mdn.distributions.mixture import GaussianMixture
from mdn.distributions.scale import DiagonalScale
from mdn.metrics.running import Calibration, RowMean

ROWS, SPLIT = 30, 11


def predictions() -> tuple[GaussianMixture, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)

    def draw(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, dtype=torch.float64, generator=generator)

    scale = DiagonalScale(draw(ROWS, 3, 2).exp(), 2)
    mixture = GaussianMixture(draw(ROWS, 3).log_softmax(-1), draw(ROWS, 3, 2), scale)
    return mixture, draw(ROWS, 2)


def running():
    return {
        "nll": RowMean(metrics.nll),
        "rmse": RowMean(partial(metrics.squared_error, point="mean"), (2,), torch.sqrt),
        "pit": Calibration(metrics.pit, metrics.central_coverage),
    }


def updated(parts):
    mixture, y = predictions()
    found = running()
    for metric in found.values():
        for part in parts:
            metric.update(mixture[part], y[part])
    return {name: metric.compute() for name, metric in found.items()}


def check(found) -> None:
    mixture, y = predictions()
    torch.testing.assert_close(found["nll"], metrics.nll(mixture, y).mean())
    rmse = metrics.squared_error(mixture, y, "mean").mean(0).sqrt()
    torch.testing.assert_close(found["rmse"], rmse)
    transforms = metrics.pit(mixture, y)
    for name, function in (
        ("ks_distance", metrics.ks_distance),
        ("calibration_error", metrics.calibration_error),
        ("histogram", metrics.histogram),
    ):
        torch.testing.assert_close(found["pit"][name], function(transforms))
    covered = [metrics.central_coverage(transforms, level) for level in metrics.LEVELS]
    torch.testing.assert_close(found["pit"]["coverage"], torch.stack(covered))


def test_batches_are_one_set_of_rows():
    check(updated([slice(0, 4), slice(4, 5), slice(5, ROWS)]))


def one_of_two(rank: int, rendezvous: str) -> None:
    distributed.init_process_group("gloo", f"file://{rendezvous}", rank=rank, world_size=2)
    check(updated([slice(0, SPLIT) if rank == 0 else slice(SPLIT, ROWS)]))
    distributed.destroy_process_group()


@pytest.mark.skipif(not distributed.is_available(), reason="torch was built without distributed")
def test_two_processes_are_one_set_of_rows(tmp_path: Path):
    spawn(one_of_two, (str(tmp_path / "rendezvous"),), nprocs=2)


def test_weights_count_rows():
    mixture, y = predictions()
    times = torch.arange(ROWS) % 3
    weighted, repeated = RowMean(metrics.crps, (2,)), RowMean(metrics.crps, (2,))
    weighted.update(mixture, y, times.double())
    rows = torch.arange(ROWS).repeat_interleave(times)
    repeated.update(mixture[rows], y[rows])
    torch.testing.assert_close(weighted.compute(), repeated.compute())


def test_reset_forgets():
    metric = RowMean(metrics.nll)
    mixture, y = predictions()
    metric.update(mixture, y)
    metric.reset()
    metric.update(mixture[:3], y[:3])
    torch.testing.assert_close(metric.compute(), metrics.nll(mixture[:3], y[:3]).mean())
