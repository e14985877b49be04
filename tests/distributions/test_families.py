"""The contract of a covariance family, against dense matrices, scipy and optimality conditions."""

import numpy as np
import pytest
import torch
from family_list import FAMILIES, random_raw
from scipy.special import logsumexp
from scipy.stats import multivariate_normal

from mdn.distributions import families
from mdn.distributions.families import Constant, Diagonal, Family, Full
from mdn.distributions.mixture import GaussianMixture
from mdn.distributions.scale import CovarianceFactor, PrecisionFactor, lower_positions

TARGETS = [1, 2, 3, 4]
K = 3


def softplus(raw):
    return np.log1p(np.exp(raw))


def unit_lower(raw, targets):
    """Strictly lower matrices [K, D, D] from numbers packed column by column, [P, K]."""
    dense = np.zeros((raw.shape[1], targets, targets))
    packed = iter(raw)
    for column in range(targets):
        for row in range(column + 1, targets):
            dense[:, row, column] = next(packed)
    return dense


def diagonal_matrices(std):
    return np.stack([np.diag(row) for row in std])


def from_covariance_factor(raw, targets):
    std = softplus(raw[:targets]).T + 1e-3
    tril = diagonal_matrices(std) + unit_lower(raw[targets:], targets)
    return np.stack([factor @ factor.T for factor in tril])


def from_precision_factor(raw, targets):
    std = softplus(raw[:targets]).T + 1e-3
    residual = np.eye(targets) - unit_lower(raw[targets:], targets)
    precision = [r.T @ np.diag(s**-2.0) @ r for r, s in zip(residual, std, strict=True)]
    return np.linalg.inv(np.stack(precision))


def from_one_covariance_factor(raw, targets):
    return np.repeat(from_covariance_factor(raw, targets), K, 0)


def from_std(raw, targets):
    std = np.broadcast_to(softplus(raw).T + 1e-3, (K, targets))
    return diagonal_matrices(std**2)


def from_nothing(raw, targets):
    return diagonal_matrices(np.full((K, targets), 0.25))


DENSE = {
    "full": from_covariance_factor,
    "full_precision": from_precision_factor,
    "tied": from_one_covariance_factor,
    "diagonal": from_std,
    "isotropic": from_std,
    "shared_isotropic": from_std,
    "constant": from_nothing,
}


@pytest.fixture(params=TARGETS)
def targets(request) -> int:
    return request.param


@pytest.fixture
def raw(family, targets):
    return random_raw(family, components=K, targets=targets)


@pytest.fixture
def scale(family, raw, targets):
    return family.scale(raw, targets)


@pytest.fixture
def dense(family_name, raw, targets):
    return DENSE[family_name](raw.numpy(), targets)


def full(stored, *shape):
    """A tensor whose axes of length 1 are shared, as numpy of that shape."""
    return np.broadcast_to(stored.numpy(), shape)


def test_covariance_and_its_parts_equal_the_dense_ones(scale, dense, targets):
    variances = np.diagonal(dense, axis1=1, axis2=2)
    tril = full(scale.tril(), K, targets, targets)
    np.testing.assert_allclose(full(scale.covariance(), *dense.shape), dense, rtol=1e-10)
    np.testing.assert_allclose(tril, np.linalg.cholesky(dense), rtol=1e-10, atol=1e-14)
    np.testing.assert_allclose(full(scale.std, K, targets) ** 2, variances, rtol=1e-10)
    np.testing.assert_allclose(full(scale.log_det(), K), np.linalg.slogdet(dense)[1] / 2, 1e-10)
    np.testing.assert_allclose(full(scale.smallest(), K), np.diagonal(tril, 0, 1, 2).min(-1))


def test_whiten_and_color_equal_the_dense_factor_and_invert_each_other(scale, dense, targets):
    noise = torch.randn(5, K, targets, dtype=torch.float64)
    tril = np.linalg.cholesky(dense)
    colored = np.einsum("kij,nkj->nki", tril, noise.numpy())
    np.testing.assert_allclose(scale.color(noise), colored, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(scale.whiten(scale.color(noise)), noise, rtol=1e-9, atol=1e-10)


def test_log_prob_equals_scipy(scale, dense, targets):
    log_pi = torch.randn(K, dtype=torch.float64).log_softmax(-1)
    mu = torch.randn(K, targets, dtype=torch.float64)
    y = 3 * torch.randn(20, targets, dtype=torch.float64)
    mixture = GaussianMixture(log_pi, mu, scale)
    parts = [
        multivariate_normal(m, c, allow_singular=False).logpdf(y)
        for m, c in zip(mu.numpy(), dense, strict=True)
    ]
    parts = np.stack([np.broadcast_to(part, 20) for part in parts], -1)
    joint = parts + log_pi.numpy()
    total = logsumexp(joint, -1)
    np.testing.assert_allclose(mixture.component_log_prob(y), parts, rtol=1e-10)
    np.testing.assert_allclose(mixture.log_prob(y), total, rtol=1e-10)
    np.testing.assert_allclose(mixture.log_responsibilities(y), joint - total[:, None], atol=1e-10)


def test_raw_inverts_scale(family, raw, scale):
    np.testing.assert_allclose(family.raw(scale), raw, rtol=1e-9, atol=1e-9)


def test_num_parameters_is_the_raw_count(family, raw, targets):
    assert family.num_parameters(K, targets) == raw.numel()


def expected_log_prob(scale, covariance, pi):
    """E[sum_k pi_k log N(y; 0, S_k)] for y of the given covariances, but for constants."""
    whitened = scale.whiten(torch.linalg.cholesky(covariance).movedim(-1, 0))
    return (pi * (-scale.log_det() - 0.5 * whitened.square().sum((0, -1)))).sum()


def test_project_maximizes_the_expected_log_likelihood(family, targets):
    root = torch.randn(K, targets, targets, dtype=torch.float64)
    covariance = root @ root.mT + 0.1 * torch.eye(targets, dtype=torch.float64)
    pi = torch.tensor([0.2, 0.5, 0.3], dtype=torch.float64)
    raw = family.raw(family.project(covariance, pi)).requires_grad_()
    value = expected_log_prob(family.scale(raw, targets), covariance, pi)
    (gradient,) = torch.autograd.grad(value, raw, allow_unused=True) if raw.numel() else (raw,)
    torch.testing.assert_close(gradient, torch.zeros_like(raw), atol=1e-10, rtol=0)


def test_project_leaves_the_family_itself_alone(family, scale, dense):
    pi = torch.full((K,), 1 / K, dtype=torch.float64)
    covariance = torch.as_tensor(dense)
    again = family.project(covariance, pi).covariance().expand_as(covariance)
    torch.testing.assert_close(again, covariance, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("rank", [0, 1])
def test_project_floors_singular_covariances(family, targets, rank):
    direction = torch.ones(K, targets, 1, dtype=torch.float64) * rank
    pi = torch.full((K,), 1 / K, dtype=torch.float64)
    scale = family.project(direction @ direction.mT, pi)
    assert (scale.smallest() >= family.min_scale * (1 - 1e-12)).all()
    assert torch.isfinite(family.raw(scale)).all()
    again = family.scale(family.raw(scale), targets)
    torch.testing.assert_close(again.covariance(), scale.covariance(), rtol=1e-4, atol=1e-9)


def test_project_floors_in_float32(family, targets):
    scale = family.project(torch.zeros(K, targets, targets), torch.full((K,), 1 / K))
    raw = family.raw(scale)
    assert raw.dtype == torch.float32
    assert torch.isfinite(raw).all()
    torch.testing.assert_close(family.scale(raw, targets).smallest(), scale.smallest())


def test_the_floor_is_added_after_the_positive_map(family, targets):
    raw = torch.full(family.raw_shape(K, targets), -1e4)
    least = family.scale(raw, targets).smallest()
    assert (least >= np.float32(family.min_scale)).all()


@pytest.mark.parametrize("kind", [CovarianceFactor, PrecisionFactor])
def test_from_tril_keeps_the_covariance(kind):
    tril = torch.randn(5, 4, 4, dtype=torch.float64).tril(-1) + 2 * torch.eye(4)
    torch.testing.assert_close(kind.from_tril(tril).tril(), tril)


def test_lower_positions_run_down_the_columns():
    assert lower_positions(3) == ([1, 2, 2], [0, 0, 1])


def test_rescale_is_a_change_of_units(scale, dense, targets):
    factor = torch.tensor([0.01, 1e3, 2, 7], dtype=torch.float64)[:targets]
    outer = (factor[:, None] * factor).numpy()
    rescaled = scale.rescale(factor)
    np.testing.assert_allclose(full(rescaled.covariance(), *dense.shape), dense * outer, rtol=1e-9)
    expected = full(scale.std, K, targets) * factor.numpy()
    np.testing.assert_allclose(full(rescaled.std, K, targets), expected)


def test_take_chooses_one_component_a_row(scale, dense, targets):
    component = torch.tensor([2, 0, 0, 1])
    taken = scale.take(component).covariance().squeeze(-3)
    np.testing.assert_allclose(taken, dense[component], rtol=1e-10)


@pytest.mark.parametrize("min_scale", [0.0, -1.0, float("nan"), float("inf")])
def test_a_floor_that_is_no_positive_number_is_refused(min_scale):
    with pytest.raises(ValueError, match="min_scale must be a positive number, got"):
        Diagonal(min_scale)


def test_an_unknown_factor_is_refused():
    with pytest.raises(
        ValueError, match="factor must be one of covariance, precision, got 'cholesky'"
    ):
        Full(1e-3, factor="cholesky")


@pytest.mark.parametrize(("std", "message"), [(1e-4, "at least min_scale"), (-1.0, "positive")])
def test_a_constant_below_the_floor_is_refused(std, message):
    with pytest.raises(ValueError, match=message):
        Constant(1e-3, std=std)


def test_every_family_has_a_dense_truth():
    assert FAMILIES.keys() == DENSE.keys()


def test_every_family_of_the_list_is_tested():
    assert families.FAMILIES.keys() <= FAMILIES.keys()
    assert {type(family) for family in FAMILIES.values()} == {*families.FAMILIES.values()}


def test_a_start_from_data_is_the_exact_m_step_where_there_is_one(family):
    root = torch.randn(3, 2, 2, dtype=torch.float64)
    moments = root @ root.mT, torch.full((3,), 1 / 3, dtype=torch.float64)
    near, projected = family.nearest(*moments), family.project(*moments)
    torch.testing.assert_close(near.tensors(), projected.tensors(), rtol=0, atol=0)


class NoMStep(Family):
    """A family that knows its scales and nothing about EM."""

    raw_shape = scale = raw = None  # pyright: ignore


def test_a_family_without_an_exact_m_step_says_so():
    family = NoMStep(1e-3)
    for ask in (family.project, family.nearest):
        with pytest.raises(ValueError, match="family NoMStep has no exact M-step, which EM takes"):
            ask(torch.eye(2)[None], torch.ones(1))
