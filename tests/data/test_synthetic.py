"""Each density against scipy or roots, its integral, and the rows drawn from it."""

import math

import numpy as np
import pytest
import torch
from reproducible_rows import reproducible_rows
from scipy import stats
from scipy.optimize import brentq

from mdn.data.seeds import generator
from mdn.data.synthetic import (
    Heteroscedastic,
    InverseProblem,
    InverseSinusoid,
    Jumps,
    RandomClusters,
    RobotArm,
    SkewNormal,
    ThreeGaussians,
    TwoBranches,
)

UNIVARIATE = {
    # name: problem, x to look at, limits of y
    "inverse_problem": (InverseProblem(), [-0.05, 0.2, 0.5, 1.08], (0, 1)),
    "inverse_sinusoid": (InverseSinusoid(), [-14.0, 0.0, 3.0, 30.0], (-10.5, 10.5)),
    "heteroscedastic": (Heteroscedastic(), [0.0, 0.7, 3.0], (-60, 80)),
    "jumps": (Jumps(), [-1.0, 0.0, 0.3], (-4, 3)),
    "skew_normal": (SkewNormal(), [-1.5, 0.0, 0.8], (-8, 8)),
}
BIVARIATE = {
    "two_branches": (TwoBranches(), [-1.7, 0.0, 0.4, 2.0]),
    "three_gaussians": (ThreeGaussians(), [None]),
    "random_clusters": (RandomClusters(4, 2, 5.0, True, 1), [None]),
    "diagonal_clusters": (RandomClusters(4, 2, 5.0, False, 1), [None]),
}
# The conditional entropy of each, by quadrature of the definitions with numpy and scipy alone.
OPTIMAL_NLL = {
    "inverse_problem": -1.28235,
    "inverse_sinusoid": 1.28801,
    "heteroscedastic": 1.95376,
    "jumps": -1.36006,
    "skew_normal": -1.60940,
    "two_branches": -0.47712,
}
PROBLEMS = {name: case[0] for name, case in (UNIVARIATE | BIVARIATE).items()}


def column(values) -> torch.Tensor:
    return torch.as_tensor(np.asarray(values, dtype=float)).reshape(-1, 1)


def log_prob_at(problem, x: float, y: torch.Tensor) -> np.ndarray:
    return problem.log_prob(column([x]).expand(len(y), 1), y).numpy()


@pytest.mark.parametrize("name", UNIVARIATE)
def test_univariate_densities_integrate_to_one(name):
    problem, inputs, (low, high) = UNIVARIATE[name]
    step = (high - low) / 20_000
    y = column(low + step * (np.arange(20_000) + 0.5))
    tolerance = 5e-3 if name == "inverse_problem" else 1e-5  # the one density with steps
    for x in inputs:
        assert np.exp(log_prob_at(problem, x, y)).sum() * step == pytest.approx(1, abs=tolerance)


@pytest.mark.parametrize("name", BIVARIATE)
def test_bivariate_densities_integrate_to_one(name):
    problem, inputs = BIVARIATE[name]
    low, high = (-4, 4) if problem.input_names else (-12, 14)
    axis = torch.linspace(low, high, 400, dtype=torch.float64)
    y = torch.cartesian_prod(axis, axis)
    for x in inputs:
        rows = (
            torch.zeros(len(y), 0, dtype=torch.float64)
            if x is None
            else column([x]).expand(len(y), 1)
        )
        total = problem.log_prob(rows, y).exp().sum() * (axis[1] - axis[0]) ** 2
        assert total.item() == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize("name", OPTIMAL_NLL)
def test_rows_come_from_the_density(name):
    x, y = PROBLEMS[name].sample(100_000, generator("test", 7))
    nll = -PROBLEMS[name].log_prob(x, y)
    error = nll.std().item() / math.sqrt(len(nll))
    assert nll.mean().item() == pytest.approx(OPTIMAL_NLL[name], abs=4 * error)


@pytest.mark.parametrize("name", PROBLEMS)
def test_rows_are_a_function_of_the_generator(name):
    (_, y), (_, other) = reproducible_rows(PROBLEMS[name])
    assert not torch.equal(y, other)


def test_inverse_problem_against_roots():
    def effect(t):
        return t + 0.3 * np.sin(2 * np.pi * t)

    def away(t, level):
        return effect(t) - level

    def length(x):
        """Of the targets that x leaves possible, between roots that scipy finds."""
        grid = np.linspace(0, 1, 1001)
        inside = [0.0, 1.0]
        for level in (x - 0.1, x + 0.1):
            changes = np.flatnonzero(np.diff(np.sign(effect(grid) - level)))
            inside += [brentq(away, grid[i], grid[i + 1], args=level, xtol=1e-14) for i in changes]
        ends = np.sort(inside)
        middles = (ends[1:] + ends[:-1]) / 2
        return np.diff(ends)[np.abs(effect(middles) - x) < 0.1].sum()

    x, y = InverseProblem().sample(200, generator("test", 0))
    expected = [-math.log(length(value)) for value in x[:, 0].numpy()]
    np.testing.assert_allclose(InverseProblem().log_prob(x, y), expected, atol=1e-10)
    assert InverseProblem().log_prob(column([0.5]), column([0.9])).item() == -math.inf
    assert InverseProblem().log_prob(column([-0.05]), column([-0.01])).item() == -math.inf


def test_inverse_problem_noise_is_uniform():
    x, y = InverseProblem().sample(20_000, generator("test", 0))
    noise = (x - y - 0.3 * torch.sin(2 * math.pi * y)).squeeze(-1)
    assert stats.kstest(noise, stats.uniform(-0.1, 0.2).cdf).pvalue > 1e-3
    assert stats.kstest(y.squeeze(-1), stats.uniform(0, 1).cdf).pvalue > 1e-3


def test_inverse_sinusoid_against_a_fine_grid():
    grid = np.linspace(-10.5, 10.5, 1_000_001)
    for x in (-14.0, 0.0, 2.5, 11.0):
        density = stats.norm.pdf(x, 7 * np.sin(0.75 * grid) + 0.5 * grid)
        total = np.trapezoid(density, grid)
        found = log_prob_at(InverseSinusoid(), x, column(grid[::100_000]))
        np.testing.assert_allclose(found, np.log(density[::100_000] / total), rtol=1e-8, atol=1e-8)
    assert log_prob_at(InverseSinusoid(), 0.0, column([10.6])) == -math.inf


def test_inverse_sinusoid_is_the_same_in_any_chunk():
    x, y = InverseSinusoid().sample(5000, generator("test", 0))
    whole = InverseSinusoid().log_prob(x, y)
    assert torch.equal(whole[-7:], InverseSinusoid().log_prob(x[-7:], y[-7:]))


def test_heteroscedastic_against_scipy():
    x, y = (rows.squeeze(-1).numpy() for rows in Heteroscedastic().sample(50, generator("test", 0)))
    found = Heteroscedastic().log_prob(column(x), column(y))
    np.testing.assert_allclose(found, stats.norm.logpdf(y, x**2, 1 + x), rtol=1e-10)
    assert (x > 0).all()


def test_skew_normal_against_scipy():
    x, y = (rows.squeeze(-1).numpy() for rows in SkewNormal().sample(20_000, generator("test", 0)))
    shape, loc, scale = -4 + 4 / (1 + np.exp(-x)), 0.1 * x, 0.05 + 0.1 * x**2
    expected = stats.skewnorm.logpdf(y, shape, loc, scale)
    np.testing.assert_allclose(SkewNormal().log_prob(column(x), column(y)), expected, rtol=1e-7)
    ranks = stats.skewnorm.cdf(y[:2000], shape[:2000], loc[:2000], scale[:2000])
    assert stats.kstest(ranks, "uniform").pvalue > 1e-3
    assert x.std() == pytest.approx(0.5, abs=0.02)


def test_jumps_is_one_series():
    x, y = Jumps().sample(50_000, generator("test", 0))
    assert torch.equal(x[1:], y[:-1])
    noise = (y - 0.01 - 0.9 * x).squeeze(-1).numpy()

    def cdf(value):
        usual, jump = stats.norm(0, 0.05), stats.norm(-0.3, 0.1)
        return 0.95 * usual.cdf(value) + 0.05 * jump.cdf(value)

    assert stats.kstest(noise, cdf).pvalue > 1e-3
    assert abs(np.corrcoef(noise[1:], noise[:-1])[0, 1]) < 0.02
    # Stationary from the first row on: the mean it begins near is the one it stays near.
    assert x.mean().item() == pytest.approx((0.01 - 0.05 * 0.3) / 0.1, abs=0.02)


def test_jumps_density():
    y = np.array([0.1, -0.2])
    level = 0.01 + 0.9 * 0.2
    expected = 0.95 * stats.norm.pdf(y, level, 0.05) + 0.05 * stats.norm.pdf(y, level - 0.3, 0.1)
    np.testing.assert_allclose(log_prob_at(Jumps(), 0.2, column(y)), np.log(expected), rtol=1e-10)


def test_two_branches_against_scipy():
    x = 0.7
    y = TwoBranches().conditional(column([x])).sample((20,), generator("test", 0)).squeeze(1)
    expected = np.zeros(len(y))
    w = 1 / (1 + math.exp(-2 * x))
    branches = [
        (w, [math.sin(2 * x), math.cos(2 * x)], x),
        (1 - w, [-math.sin(2 * x), 0.5 * x], math.pi / 3 - x),
    ]
    for weight, mean, angle in branches:
        along = np.array([math.cos(angle), math.sin(angle)])
        across = np.array([-along[1], along[0]])
        covariance = 0.25 * np.outer(along, along) + 0.0025 * np.outer(across, across)
        expected += weight * stats.multivariate_normal.pdf(y.numpy(), mean, covariance)
    np.testing.assert_allclose(log_prob_at(TwoBranches(), x, y), np.log(expected), rtol=1e-9)
    inputs, _ = TwoBranches().sample(5000, generator("test", 0))
    assert stats.kstest(inputs.squeeze(-1), stats.uniform(-2, 4).cdf).pvalue > 1e-3


def test_three_gaussians_against_scipy():
    x, y = ThreeGaussians().sample(50, generator("test", 0))
    clusters = [
        (0.25, [2.5, 2.5], [1.2, 0.8]),
        (0.25, [7.5, 7.5], [0.75, 0.5]),
        (0.5, [8, 1.5], [0.6, 0.8]),
    ]
    expected = sum(w * stats.multivariate_normal.pdf(y, mu, np.diag(v)) for w, mu, v in clusters)
    np.testing.assert_allclose(ThreeGaussians().log_prob(x, y), np.log(expected), rtol=1e-10)


def test_robot_arm_reaches_what_it_was_drawn_from():
    x, y = RobotArm().sample(500, generator("test", 0))
    shoulder, elbow = y.numpy().T
    hand = 0.8 * np.exp(1j * shoulder) - 0.2 * np.exp(1j * (shoulder + elbow))
    np.testing.assert_allclose(x[:, 0], hand.real, atol=1e-12)
    np.testing.assert_allclose(x[:, 1], hand.imag, atol=1e-12)
    assert RobotArm().log_prob(x, y) is None
    assert ((shoulder > 0.3) & (shoulder < 1.2)).all()
    assert ((elbow > math.pi / 2) & (elbow < 3 * math.pi / 2)).all()


def test_robot_arm_has_two_answers_and_measures_the_distance():
    x, y = RobotArm().sample(100, generator("test", 0))
    shoulder, elbow = y.unbind(-1)
    # Mirrored about the line from the shoulder to the hand, the arm ends in the same place.
    direction = torch.atan2(x[:, 1], x[:, 0])
    mirrored = torch.stack([2 * direction - shoulder, 2 * math.pi - elbow], -1)
    assert RobotArm().position_error(x, mirrored).max() < 1e-12
    moved = x + x.new_tensor([0.3, 0.4])
    torch.testing.assert_close(RobotArm().position_error(moved, y), torch.full_like(shoulder, 0.5))


def test_random_clusters_are_a_function_of_their_own_seed():
    first, again, other = (RandomClusters(5, 3, 8.0, True, seed).mixture for seed in (0, 0, 1))
    assert torch.equal(first.mu, again.mu)
    assert not torch.equal(first.mu, other.mu)
    assert first.mu.abs().max() < 8
    torch.testing.assert_close(first.pi, torch.full((5,), 0.2, dtype=torch.float64))


def test_correlated_clusters_have_correlation_matrices():
    covariance = RandomClusters(4, 6, 1.0, True, 0).mixture.scale.covariance()
    ones = torch.ones(4, 6, dtype=torch.float64)
    torch.testing.assert_close(covariance.diagonal(dim1=-2, dim2=-1), ones)
    assert torch.linalg.eigvalsh(covariance).min() > 0.01
    assert (covariance[:, 0, 1].abs() > 1e-3).all()


def test_uncorrelated_clusters_have_diagonal_covariances():
    covariance = RandomClusters(4, 3, 1.0, False, 0).mixture.scale.covariance()
    assert torch.equal(covariance, covariance.diagonal(dim1=-2, dim2=-1).diag_embed())
    assert covariance.max() < 1


@pytest.mark.parametrize("fault", [{"num_components": 0}, {"num_targets": 0}, {"radius": -1.0}])
def test_random_clusters_refuse_numbers_out_of_range(fault):
    sizes = {"num_components": 3, "num_targets": 2, "radius": 8.0, "correlated": True, "seed": 0}
    with pytest.raises(ValueError, match=f"{next(iter(fault))} must be above 0, got"):
        RandomClusters(**(sizes | fault))
