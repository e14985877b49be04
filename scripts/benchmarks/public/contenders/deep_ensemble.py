"""Deep Ensembles (Lakshminarayanan, Pritzel & Blundell 2017) as they ran them on the UCI sets.

Five networks with one hidden layer of 50 units (100 on more than 40,000 rows), one Gaussian a row,
40 epochs of batches of 100 by Adam; the pool is the Gaussian with the moments of the five. Their
adversarial examples are left out.
"""

import torch
from jaxtyping import Float, Float64
from torch import Tensor, nn
from torch.nn.functional import gaussian_nll_loss, softplus

from benchmarks.public.contenders.numbers import number_inputs
from benchmarks.public.contenders.prediction import (
    Machine,
    Prediction,
    gaussians,
    same_units,
    stopwatch,
)
from benchmarks.public.split import Split

_MEMBERS, _EPOCHS, _BATCH, _RATE = 5, 40, 100, 0.01
_LEAST_VARIANCE = 1e-6


def predictions(split: Split, machine: Machine) -> Prediction:
    """Return one Gaussian a test row.

    Raises:
        ValueError: on inputs that are not numbers.
    """
    train_x, test_x = same_units(*number_inputs(split, "deep_ensemble"))
    train_y, _ = same_units(split.train.y, split.test.y)
    units = 100 if len(train_x) > 40_000 else 50
    with stopwatch() as seconds, torch.random.fork_rng(devices=[]):
        torch.manual_seed(split.seed)
        members = [fitted(train_x.float(), train_y.float(), units) for _ in range(_MEMBERS)]
    with torch.no_grad():
        mean, variance = pooled([member(test_x.float()) for member in members])
    shift, factor = split.train.y.mean(0), split.train.y.std(0, correction=0)
    return Prediction(gaussians(mean * factor + shift, variance.sqrt() * factor), seconds[0])


class MeanAndVariance(nn.Module):
    """One hidden layer, and the mean and variance of each target."""

    def __init__(self, inputs: int, units: int, targets: int) -> None:
        super().__init__()
        self.hidden = nn.Linear(inputs, units)
        self.out = nn.Linear(units, 2 * targets)

    def forward(self, x: Float[Tensor, "N P"]) -> tuple[Float[Tensor, "N D"], Float[Tensor, "N D"]]:
        mean, raw = self.out(torch.relu(self.hidden(x))).chunk(2, -1)
        return mean, softplus(raw) + _LEAST_VARIANCE


def fitted(x: Float[Tensor, "N P"], y: Float[Tensor, "N D"], units: int) -> MeanAndVariance:
    """Return one network after its epochs."""
    network = MeanAndVariance(x.shape[-1], units, y.shape[-1])
    optimizer = torch.optim.Adam(network.parameters(), lr=_RATE)
    for _ in range(_EPOCHS):
        for rows in torch.randperm(len(x)).split(_BATCH):
            mean, variance = network(x[rows])
            optimizer.zero_grad()
            gaussian_nll_loss(mean, y[rows], variance).backward()
            optimizer.step()
    return network


def pooled(
    members: list[tuple[Float[Tensor, "N D"], Float[Tensor, "N D"]]],
) -> tuple[Float64[Tensor, "N D"], Float64[Tensor, "N D"]]:
    """Return the mean and the variance of the even mixture of members."""
    means, variances = (torch.stack(each).double() for each in zip(*members, strict=True))
    return means.mean(0), variances.mean(0) + means.var(0, correction=0)
