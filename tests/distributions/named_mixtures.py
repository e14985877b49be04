"""The same mixtures with and without names of their targets, and values for them."""

import pandas
import torch

from mdn.distributions.mixture import GaussianMixture
from mdn.distributions.scale import CovarianceFactor

NAMES = ("rent", "price", "size")

ROWS = 5


def mixture(names=NAMES, rows=ROWS) -> GaussianMixture:
    generator = torch.Generator().manual_seed(3)

    def normal(*shape):
        return torch.randn(*shape, dtype=torch.float64, generator=generator)

    scale = CovarianceFactor(normal(rows, 2, 3).exp(), normal(rows, 2, 3))
    return GaussianMixture(normal(rows, 2).log_softmax(-1), normal(rows, 2, 3), scale, names)


NAMED, UNNAMED = mixture(), mixture(None)

Y = torch.arange(ROWS * 3, dtype=torch.float64).reshape(ROWS, 3) / 7 - 1

FRAME = pandas.DataFrame(Y.numpy(), columns=list(NAMES))

TURNED = FRAME.assign(town=list("abcde"))[["town", "size", "rent", "price"]]
