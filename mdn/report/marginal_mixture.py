"""p(y) as a mixture that ignores the inputs: what a density given them must beat."""

import math

import torch

from mdn.data.table import Table
from mdn.distributions.abstract import Mixture
from mdn.distributions.families import Full
from mdn.fitting.em import MixtureFit, fit_em
from mdn.model.model import Model

_MOST_ROWS = 20_000
_COMPONENTS = (1, 2, 4, 8, 16)
_ROWS_PER_TARGET = 10
"""Rows of a component per target; with fewer, its covariance is mostly chance."""


@torch.no_grad()
def marginal_mixture(model: Model, table: Table) -> Mixture:
    """Fit a mixture of full covariances to the targets by exact EM, on the scale of the model.

    It is fitted to at most 20,000 rows, drawn at random, with the floor of the model; the Bayesian
    information criterion chooses the number of components.

    Args:
        model: its target units and its floor are used for the fit.
        table: the rows that the model was trained on.
    """
    generator = torch.Generator().manual_seed(0)
    some = table[torch.randperm(len(table), generator=generator)[:_MOST_ROWS]]
    z = model.targets(some.y, torch.float64)
    family = Full(model.family.floor, factor="covariance")
    fits = [
        fit_em(z, number, family, weight=some.weight, max_iter=200, tol=1e-5)
        for number in _component_counts(*z.shape)
    ]
    best = min(fits, key=lambda fit: _bic(fit, family, len(z)))
    return model.targets.on_user_scale(best.mixture)


def _component_counts(rows: int, targets: int) -> list[int]:
    return [k for k in _COMPONENTS if k == 1 or k * targets * _ROWS_PER_TARGET <= rows]


def _bic(fit: MixtureFit, family: Full, rows: int) -> float:
    components, targets = fit.mixture.mu.shape
    num_parameters = components * (1 + targets) - 1 + family.num_parameters(components, targets)
    return num_parameters * math.log(rows) - 2 * rows * fit.lower_bounds[-1]
