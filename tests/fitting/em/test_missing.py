"""Rows with missing entries count by what they have."""

import math

import pytest
import torch
from em_cases import FULL, IRIS, for_every_family, random_mixture, with_holes

from mdn.fitting.em import EStep, fit_em


@for_every_family
def test_likelihood_is_stationary_at_the_end(family):
    """No derivative of the likelihood of what is observed is left, nor in the weights."""
    y = with_holes(torch.randn(60, 2, dtype=torch.float64))
    y[30:] += 4
    mixture = fit_em(y, 2, family, tol=1e-14, max_iter=3000).mixture
    raw = family.raw(mixture.scale)
    parameters = [p.requires_grad_() for p in (mixture.log_pi, mixture.mu, raw) if p.numel()]

    def observed(row):
        seen = ~row.isnan()
        covariance = family.scale(raw, 2).covariance().expand(2, -1, -1)[:, seen][:, :, seen]
        parts = torch.distributions.MultivariateNormal(mixture.mu[:, seen], covariance)
        joint = parameters[0].log_softmax(-1) + parts.log_prob(row[seen])
        return joint.logsumexp(-1)

    slopes = torch.autograd.grad(sum(observed(row) for row in y), parameters)
    assert all(slope.abs().max() < 1e-4 for slope in slopes)


def test_rows_without_anything_do_not_count():
    blank = torch.full((20, 3), math.nan, dtype=torch.float64)
    y = with_holes(torch.randn(40, 3, dtype=torch.float64))
    step = EStep(random_mixture(FULL), FULL, torch.zeros(3))
    alone, among = step(y), step(torch.cat([blank, y]))
    assert among.mean_log_likelihood == pytest.approx(alone.mean_log_likelihood, abs=1e-12)
    assert torch.allclose(among.mass, alone.mass, atol=1e-12)
    assert torch.allclose(among.second, alone.second, atol=1e-12)


@pytest.mark.parametrize("start", ["k-means", "k-means++", "random"])
def test_starts_from_rows_with_holes(start):
    fit = fit_em(with_holes(IRIS), 2, FULL, start=start, max_iter=10)
    assert fit.lower_bounds[-1] > fit.lower_bounds[0]
    assert fit.mixture.mu.isfinite().all()
