import pytest
import torch

from mdn.distributions.triangular import floored_cholesky, lower_factor, norm


@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (2, 5), (4, 4)])
def test_factor_of_a_product_is_the_cholesky_factor(rows, columns):
    matrix = torch.randn(3, rows, columns, dtype=torch.float64)
    expected = torch.linalg.cholesky(matrix @ matrix.mT)
    torch.testing.assert_close(lower_factor(matrix), expected, rtol=1e-9, atol=1e-9)


def test_factor_survives_a_product_that_single_precision_cannot_factor():
    narrow = torch.tensor([[1.0, 0.0], [1.0, 1e-5]])
    factor = lower_factor(narrow.flip(0))
    assert factor.diagonal().prod() == pytest.approx(1e-5, rel=1e-3)


def test_gradient():
    matrix = torch.randn(2, 3, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lower_factor, matrix)


def test_a_row_that_depends_on_others_has_no_length():
    matrix = torch.tensor([[3.0, 4.0], [6.0, 8.0], [0.0, 0.0], [1.0, 0.0]], dtype=torch.float64)
    factor = lower_factor(matrix)
    torch.testing.assert_close(factor @ factor.mT, matrix @ matrix.mT)
    assert (factor.diagonal() >= 0).all()
    assert lower_factor(torch.zeros(2, 3)).count_nonzero() == 0


@pytest.mark.parametrize("size", [1e-200, 1e-160, 1e160, 1e200])
def test_lengths_whose_squares_the_type_does_not_hold(size):
    matrix = torch.randn(3, 5, dtype=torch.float64)
    torch.testing.assert_close(lower_factor(size * matrix) / size, lower_factor(matrix))
    torch.testing.assert_close(norm(size * matrix) / size, norm(matrix))
    assert norm(torch.zeros(2, 3)).tolist() == [0, 0]


def test_a_floor_is_that_of_the_cholesky_factor():
    deficient = torch.randn(6, 4, 2, dtype=torch.float64)
    for matrix, floor in ((deficient, 1e-2), (deficient, 2.0), (torch.zeros(3, 2).double(), 0.1)):
        expected = floored_cholesky(matrix @ matrix.mT, floor)
        torch.testing.assert_close(lower_factor(matrix, floor), expected, rtol=1e-6, atol=1e-8)


def test_floored_cholesky_is_exact_where_nothing_is_floored():
    root = torch.randn(6, 4, 4, dtype=torch.float64)
    covariance = root @ root.mT
    factor = floored_cholesky(covariance, 1e-12)
    torch.testing.assert_close(factor, torch.linalg.cholesky(covariance))


def test_floored_cholesky_adds_only_to_the_diagonal():
    direction = torch.tensor([[1.0], [2.0], [3.0]], dtype=torch.float64)
    covariance = direction @ direction.mT
    factor = floored_cholesky(covariance, 1e-2)
    added = factor @ factor.mT - covariance
    expected = torch.diag(torch.tensor([0, 1e-4, 1e-4], dtype=torch.float64))
    torch.testing.assert_close(added, expected, atol=1e-12, rtol=0)
