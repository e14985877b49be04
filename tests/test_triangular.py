import pytest
import torch

from mdn.triangular import lower_factor


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
