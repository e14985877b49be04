"""A constant added to the diagonal of a covariance, against the dense truth in many digits."""

import mpmath
import numpy as np
import pytest
import torch

from mdn.distributions.scale import CovarianceFactor, DiagonalScale, PrecisionFactor

FACTORS = [CovarianceFactor, PrecisionFactor]
TYPES = [torch.float32, torch.float64]
STDS = [1e-13, 1e-9, 1e-6, 1e-3, 0.3, 50.0]


@pytest.fixture(autouse=True)
def _digits():
    with mpmath.workdps(80):
        yield


def strict(packed, targets):
    dense, entries = mpmath.zeros(targets), iter(packed.tolist())
    for column in range(targets):
        for row in range(column + 1, targets):
            dense[row, column] = mpmath.mpf(next(entries))
    return dense


def covariance(scale):
    """S of a scale of one component, from what it stores."""
    targets = scale.num_targets
    diagonal = mpmath.diag([mpmath.mpf(s) for s in scale.diagonal[0].tolist()])
    lower = strict(scale.lower[0], targets)
    if isinstance(scale, PrecisionFactor):
        factor = mpmath.inverse(mpmath.eye(targets) - lower) * diagonal
    else:
        factor = lower + diagonal
    return factor * factor.T


def lengths(matrix):
    """What an error in a row of a triangular factor is measured by: for its end, the end itself."""
    rows = np.sqrt((matrix**2).sum(-1, keepdims=True)) * np.ones_like(matrix)
    np.fill_diagonal(rows, matrix.diagonal())
    return rows


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("std", STDS)
@pytest.mark.parametrize("targets", [1, 2, 3, 5])
@pytest.mark.parametrize("kind", FACTORS)
def test_it_keeps_every_digit_down_to_tiny_conditional_deviations(kind, targets, std, dtype):
    for _ in range(3):
        diagonal = 10 ** torch.linspace(0, -12, targets)[torch.randperm(targets)]
        lower = torch.randn(1, targets * (targets - 1) // 2)
        scale = kind(diagonal[None].to(dtype), lower.to(dtype))
        added = float(torch.tensor(std, dtype=dtype))
        dense = covariance(scale) + mpmath.mpf(added) ** 2 * mpmath.eye(targets)
        wanted = np.array(mpmath.cholesky(dense).tolist(), dtype=float)
        found = scale.convolved(added).tril()[0].double().numpy()
        error = np.abs(found - wanted) / lengths(wanted)
        assert error.max() < 30 * torch.finfo(dtype).eps


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("std", STDS)
def test_a_diagonal_scale_stays_one_with_what_it_shares(std, dtype):
    for shape in [(4, 3, 2), (4, 3, 1), (4, 1, 2), (1, 1)]:
        stored = 10 ** (-6 * torch.rand(*shape, dtype=dtype))
        found = DiagonalScale(stored, 2).convolved(std)
        assert isinstance(found, DiagonalScale)
        assert found.stored.shape == shape
        wanted = np.hypot(stored.double().numpy(), std)
        np.testing.assert_allclose(found.stored.double(), wanted, rtol=4 * torch.finfo(dtype).eps)


@pytest.mark.parametrize("kind", FACTORS)
def test_one_target_stays_in_its_own_type(kind):
    found = kind(torch.full((2, 1), 3.0), torch.zeros(2, 0)).convolved(4.0)
    assert type(found) is kind
    torch.testing.assert_close(found.std, torch.full((2, 1), 5.0))


@pytest.mark.parametrize("batch", [(), (4,), (2, 3)])
@pytest.mark.parametrize("targets", [1, 2, 3])
def test_every_family_gives_the_dense_covariance(make_mixture, batch, targets):
    scale = make_mixture(*batch, components=3, targets=targets).scale
    for std in (0.02, 1.5):
        wanted = scale.covariance() + std**2 * torch.eye(targets, dtype=torch.float64)
        found = scale.convolved(std)
        torch.testing.assert_close(found.covariance(), wanted)
        torch.testing.assert_close(found.tril(), torch.linalg.cholesky(wanted))
        assert found.correlated == scale.correlated
        assert all(stored.shape[-2] == scale.tensors()[0].shape[-2] for stored in found.tensors())


@pytest.mark.parametrize("kind", FACTORS)
@pytest.mark.parametrize("targets", [1, 2, 4])
def test_gradients_are_right_also_without_correlations(kind, targets):
    diagonal = (torch.rand(2, targets, dtype=torch.float64) + 0.1).requires_grad_()
    for lower in (torch.randn, torch.zeros):
        packed = lower(2, targets * (targets - 1) // 2, dtype=torch.float64).requires_grad_()
        assert torch.autograd.gradcheck(
            lambda *stored: kind(*stored).convolved(0.3).covariance(), (diagonal, packed)
        )


def test_numbers_whose_squares_are_none_are_added():
    scale = CovarianceFactor(torch.full((1, 3), 1e-25), torch.full((1, 3), 1e-25))
    found = scale.convolved(1e-25).tril()[0].double() * 1e25
    tril = torch.tril(torch.ones(3, 3, dtype=torch.float64))
    wanted = torch.linalg.cholesky(tril @ tril.mT + torch.eye(3, dtype=torch.float64))
    torch.testing.assert_close(found, wanted, rtol=1e-5, atol=0)
