"""What a contender answers, and where it runs."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch
from jaxtyping import Float64
from torch import Tensor

from mdn.distributions.abstract import Mixture
from mdn.distributions.mixture import GaussianMixture
from mdn.distributions.scale import DiagonalScale


@dataclass(frozen=True)
class Machine:
    """What a fit may use.

    Attributes:
        threads: of one fit.
        device: where networks of this project are trained.
    """

    threads: int = 1
    device: str = "cpu"


@dataclass(frozen=True)
class Prediction:
    """Densities of the test rows.

    Attributes:
        mixture: one a row.
        seconds: of the fit.
        chosen: what the fit has decided, by name.
    """

    mixture: Mixture
    seconds: float
    chosen: Mapping[str, object] = field(default_factory=dict)


def gaussians(mean: Float64[Tensor, "M D"], std: Float64[Tensor, "M D"]) -> GaussianMixture:
    """Return one Gaussian a row, of independent targets."""
    scale = DiagonalScale(std[:, None], mean.shape[-1])
    return GaussianMixture(mean.new_zeros(len(mean), 1), mean[:, None], scale)


@contextmanager
def stopwatch() -> Iterator[list[float]]:
    """Yield a list that gets the seconds of the block when it has ended."""
    seconds: list[float] = []
    begin = time.perf_counter()
    yield seconds
    seconds.append(time.perf_counter() - begin)


def same_units(
    train: Float64[Tensor, "N C"], test: Float64[Tensor, "M C"]
) -> tuple[Float64[Tensor, "N C"], Float64[Tensor, "M C"]]:
    """Return columns in standard deviations of the training rows, about their mean."""
    mean, std = train.mean(0), train.std(0, correction=0)
    std = torch.where(std > 0, std, torch.ones_like(std))
    return (train - mean) / std, (test - mean) / std
