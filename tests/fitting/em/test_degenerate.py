"""Data that have no proper fit end in finite parameters."""

import numpy as np
import pytest
import torch
from em_cases import (
    for_every_family,
    random_mixture,
)

from mdn.distributions.families import Diagonal
from mdn.distributions.mixture import GaussianMixture
from mdn.distributions.scale import DiagonalScale
from mdn.fitting.em import fit_em, revive
from mdn.fitting.start import start_at

DATA = {
    "duplicates": torch.tensor([[0.0, 1.0], [2.0, 3.0]]).repeat(30, 1),
    "zeros": torch.zeros(50, 2),
    "constant column": torch.stack([torch.linspace(-1, 1, 40), torch.ones(40)], -1),
    "as many rows as components": torch.tensor([[0.0, 0], [1, 0], [0, 1], [5, 5]]),
    "an outlier": torch.cat([torch.linspace(0, 1, 40).reshape(20, 2), torch.full((1, 2), 1e12)]),
    "a line": torch.linspace(-1, 1, 50)[:, None] * torch.ones(2),
}


@pytest.mark.parametrize("start", ["k-means++", "random"])
@pytest.mark.parametrize("name", DATA)
@for_every_family
def test_parameters_stay_finite(family, name, start):
    y = DATA[name].double()
    fit = fit_em(y, 4, family, start=start, max_iter=50)
    numbers = [fit.mixture.log_pi, fit.mixture.mu, fit.mixture.scale.covariance()]
    assert all(part.isfinite().all() for part in numbers)
    assert np.isfinite(fit.lower_bounds).all()
    assert fit.mixture.log_prob(y).isfinite().all()
    assert (fit.mixture.scale.smallest() >= family.min_scale * (1 - 1e-9)).all()


def test_constant_column_sits_on_the_floor():
    fit = fit_em(DATA["constant column"].double(), 2, Diagonal(1e-3))
    assert torch.allclose(fit.mixture.sigma[:, 1], torch.tensor(1e-3, dtype=torch.float64))


@for_every_family
def test_a_component_without_rows_is_put_to_use(family):
    y = torch.cat([torch.randn(100, 1) - 5, torch.randn(100, 1) + 5]).double()
    start = start_at(torch.tensor([[0.0], [1e4]]).double(), y, family, None)
    fit = fit_em(y, 2, family, start=start)
    assert fit.revivals == [0, 1]
    assert fit.converged
    assert fit.lower_bounds[-1] == pytest.approx(fit_em(y, 2, family).lower_bounds[-1], abs=1e-4)


def test_a_fit_does_not_end_in_the_update_that_revives_a_component():
    generator = torch.Generator().manual_seed(6)
    y = torch.randn(500, 1, generator=generator).double()
    pi, mu, sigma = torch.tensor([[1 - 2e-10, 2e-10], [0.0, 1.5], [1.0, 0.1]]).double()
    start = GaussianMixture(pi.log(), mu[:, None], DiagonalScale(sigma[:, None], 1))
    fit = fit_em(y, 2, Diagonal(1e-3), start=start, tol=1e-6)
    assert fit.revivals == [0, 1]
    assert fit.converged
    assert fit.mixture.log_prob(y).mean() >= fit.lower_bounds[-1]


def test_revivals_come_to_an_end():
    y = torch.zeros(20, 1, dtype=torch.float64)
    start = start_at(torch.tensor([[0.0], [1e4], [2e4]]).double(), y, Diagonal(1e-3), None)
    fit = fit_em(y, 3, Diagonal(1e-3), start=start)
    assert fit.converged
    assert max(fit.revivals) <= 3


@for_every_family
def test_revived_components_share_what_was_there(family):
    mixture = random_mixture(family, components=2)
    tiny = GaussianMixture(torch.tensor([0.0, -80.0]).double(), mixture.mu, mixture.scale)
    revived = revive(tiny, 1)
    assert torch.allclose(revived.pi, torch.tensor([0.5, 0.5]).double())
    assert torch.allclose(revived.mu.mean(0), mixture.mu[0])
    covariance = revived.scale.covariance().expand(2, -1, -1)
    assert torch.allclose(covariance[0], covariance[1])
    apart = mixture.scale.whiten(revived.mu - mixture.mu[0])[:, None]
    assert torch.allclose(apart[0].norm(), torch.ones((), dtype=torch.float64))
