"""The harder problems: each density against its definition in numpy and scipy, and their rows."""

import math

import numpy as np
import pytest
import torch
from reproducible_rows import reproducible_rows
from scipy import integrate, stats

from mdn.data.seeds import generator
from mdn.data.synthetic import (
    AwkwardUnits,
    CircleOfModes,
    HeavySkew,
    IrrelevantInputs,
    ManyModes,
    TightMinority,
    TightRegion,
    TurningCorrelations,
    TwoBranches,
)

SQRT_2_PI_E = 0.5 * math.log(2 * math.pi * math.e)


def logistic(x):
    return 1 / (1 + np.exp(-x))


def circle_of_modes(x):
    weights = np.exp(np.sin(x[0] + 2 * np.arange(5)))
    means, covariances = [], []
    for k in range(5):
        t = x[0] + 2 * math.pi * k / 5
        means.append([2 * math.cos(t), 2 * math.sin(t)])
        turn = 2 * x[0] + k
        along = np.array([math.cos(turn), math.sin(turn)])
        across = np.array([-math.sin(turn), math.cos(turn)])
        long, short = (0.3 + 0.1 * k) ** 2, (0.05 + 0.01 * k) ** 2
        covariances.append(long * np.outer(along, along) + short * np.outer(across, across))
    return weights / weights.sum(), means, covariances


def turning(problem):
    """Reads the waves in their order: a logit, then means, diagonals and columns of each kind."""

    def mixture(x):
        slope, phase = (wave.numpy() for wave in problem._waves)
        waves = np.sin(x @ slope + phase)
        first = logistic(waves[0])
        means, covariances = [], []
        for part in waves[1:].reshape(2, -1):
            means.append(2 * part[:6])
            deviations = 0.3 * np.exp(0.5 * part[6:12])
            lower = np.zeros((6, 6))
            lower.T[np.triu_indices(6, 1)] = part[12:]
            if problem.factor == "covariance":
                lower *= 0.5
                factor = lower + np.diag(deviations)
            else:
                factor = np.linalg.inv(np.eye(6) - lower) @ np.diag(deviations)
            covariances.append(factor @ factor.T)
        return [first, 1 - first], means, covariances

    return mixture


def many_modes(x):
    """Reads the waves of each mode in their order: a logit, a width, and four moves."""
    slope, phase = (wave.numpy() for wave in MODES._waves)
    centers, trils = (place.numpy() for place in MODES._places)
    waves = np.sin(x @ slope + phase).reshape(8, 6)
    weights = np.exp(waves[:, 0])
    factors = [math.exp(0.5 * w) * tril for w, tril in zip(waves[:, 1], trils, strict=True)]
    return weights / weights.sum(), centers + waves[:, 2:], [a @ a.T for a in factors]


def irrelevant_inputs(x):
    weight, variance = logistic(2 * x[1]), (0.1 + 0.2 * logistic(2 * x[0])) ** 2
    means = [[math.sin(2 * x[0])], [2 + 0.5 * x[0]]]
    return [weight, 1 - weight], means, [[[variance]]] * 2


def tight_region(x):
    std = math.exp(math.log(0.01) * math.exp(-(((x[0] - 0.3) / 0.02) ** 8)))
    return [1.0], [[math.sin(3 * x[0])]], [[[std**2]]]


def tight_minority(x):
    return [0.98, 0.02], [[math.sin(3 * x[0])], [0.5 * x[0]]], [[[1.0]], [[1e-4]]]


MODES = ManyModes()
COVARIANCE, PRECISION = TurningCorrelations("covariance"), TurningCorrelations("precision")
CASES = {
    # name: problem, a mixture in numpy for a row of x: weights, means and covariances
    "circle": (CircleOfModes(), circle_of_modes),
    "covariance": (COVARIANCE, turning(COVARIANCE)),
    "precision": (PRECISION, turning(PRECISION)),
    "many_modes": (MODES, many_modes),
    "irrelevant_inputs": (IrrelevantInputs(), irrelevant_inputs),
    "tight_region": (TightRegion(), tight_region),
    "tight_minority": (TightMinority(), tight_minority),
}
PROBLEMS = {name: case[0] for name, case in CASES.items()}
PROBLEMS |= {"heavy_skew": HeavySkew(), "awkward_units": AwkwardUnits()}
OPTIMAL_NLL = {
    # as the docstrings state it
    "circle": 0.828,
    "covariance": 1.282,
    "precision": 1.282,
    "many_modes": 1.671,
    "irrelevant_inputs": 0.208,
    "heavy_skew": 0.877,
    "tight_region": 1.332,
    "tight_minority": 1.401,
    "awkward_units": 5.227,
}


@pytest.mark.parametrize("name", CASES)
def test_mixtures_against_scipy(name):
    problem, reference = CASES[name]
    x, y = problem.sample(50, generator("test", 0))
    expected = [
        sum(
            w * stats.multivariate_normal.pdf(target, mean, covariance)
            for w, mean, covariance in zip(*reference(row), strict=True)
        )
        for row, target in zip(x.numpy(), y.numpy(), strict=True)
    ]
    np.testing.assert_allclose(problem.log_prob(x, y), np.log(expected), rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("name", CASES)
def test_rows_come_from_the_mixtures(name):
    """At one x, means and covariances of many rows are those of the mixture in numpy."""
    problem, reference = CASES[name]
    x, _ = problem.sample(1, generator("test", 3))
    y = problem.conditional(x).sample((100_000,), generator("test", 4)).squeeze(1).numpy()
    weights, means, covariances = (np.asarray(part) for part in reference(x[0].numpy()))
    mean = weights @ means
    about = means - mean
    covariance = np.einsum("k,kij->ij", weights, covariances)
    covariance += np.einsum("k,ki,kj->ij", weights, about, about)
    spread = np.sqrt(covariance.diagonal())
    np.testing.assert_allclose((y.mean(0) - mean) / spread, 0, atol=0.015)
    relative = (np.cov(y.T, ddof=0).reshape(covariance.shape) - covariance) / np.outer(
        spread, spread
    )
    np.testing.assert_allclose(relative, 0, atol=0.03)


@pytest.mark.parametrize("name", OPTIMAL_NLL)
def test_the_optimum_that_is_stated(name):
    x, y = PROBLEMS[name].sample(200_000, generator("test", 7))
    nll = -PROBLEMS[name].log_prob(x, y)
    error = nll.std().item() / math.sqrt(len(nll))
    assert nll.mean().item() == pytest.approx(OPTIMAL_NLL[name], abs=4 * error + 5e-4)


@pytest.mark.parametrize("x", [-3.0, 0.3, 2.0])
def test_circle_of_modes_integrates_to_one(x):
    axis = torch.linspace(-6, 6, 601, dtype=torch.float64)
    y = torch.cartesian_prod(axis, axis)
    log_prob = CircleOfModes().log_prob(torch.full((len(y), 1), x, dtype=torch.float64), y)
    assert log_prob.exp().sum().item() * 4e-4 == pytest.approx(1, abs=1e-8)


def test_inputs_of_the_circle_go_round():
    x, _ = CircleOfModes().sample(5000, generator("test", 0))
    assert stats.kstest(x.squeeze(-1), stats.uniform(-math.pi, 2 * math.pi).cdf).pvalue > 1e-3


def test_turning_correlations_turn():
    """Correlations change sign with x, and the two kinds are different problems."""
    x, y = COVARIANCE.sample(2000, generator("test", 0))
    covariance = COVARIANCE.conditional(x).scale.covariance()
    std = covariance.diagonal(dim1=-2, dim2=-1).sqrt()
    correlation = covariance / (std[..., :, None] * std[..., None, :])
    assert (correlation.amax(0)[:, 1:, 0] > 0.5).all()
    assert (correlation.amin(0)[:, 1:, 0] < -0.5).all()
    assert not torch.allclose(COVARIANCE.log_prob(x, y), PRECISION.log_prob(x, y))


def test_turning_correlations_refuse_another_factor():
    with pytest.raises(ValueError, match="factor must be covariance or precision, got 'diagonal'"):
        TurningCorrelations("diagonal")


def test_many_modes_are_where_they_are_said_to_be():
    """All eight are seen, and in every run at the same places."""
    x, y = ManyModes().sample(5000, generator("test", 0))
    assert torch.equal(ManyModes().log_prob(x, y), MODES.log_prob(x, y))
    mixtures = MODES.conditional(x)
    assert mixtures.pi.min() > 0.01
    centers, trils = MODES._places
    assert torch.equal(trils.diagonal(dim1=-2, dim2=-1), torch.full_like(centers, 0.2))
    # Uniform over +-4 standard errors of a normal's standard deviation.
    assert centers.std().item() == pytest.approx(2, abs=4 * 2 / math.sqrt(2 * 32))
    assert trils[:, 3, :3].std().item() == pytest.approx(0.2, abs=4 * 0.2 / math.sqrt(2 * 24))


def test_only_two_inputs_matter():
    x, y = IrrelevantInputs().sample(500, generator("test", 0))
    other, _ = IrrelevantInputs().sample(500, generator("test", 1))
    changed = torch.cat([x[:, :2], other[:, 2:]], -1)
    assert torch.equal(IrrelevantInputs().log_prob(x, y), IrrelevantInputs().log_prob(changed, y))
    for column in (0, 1):
        changed = x.clone()
        changed[:, column] = other[:, column]
        difference = IrrelevantInputs().log_prob(x, y) - IrrelevantInputs().log_prob(changed, y)
        assert difference.mean() > 0.5


def test_heavy_skew_against_scipy():
    x, y = (rows.squeeze(-1).numpy() for rows in HeavySkew().sample(20_000, generator("test", 0)))
    law = {"s": 0.3 + 0.7 * logistic(3 * x), "scale": np.exp(np.sin(2 * x))}
    columns = torch.from_numpy(x)[:, None], torch.from_numpy(y)[:, None]
    np.testing.assert_allclose(
        HeavySkew().log_prob(*columns), stats.lognorm.logpdf(y, **law), rtol=1e-9, atol=1e-9
    )
    assert stats.kstest(stats.lognorm.cdf(y, **law), "uniform").pvalue > 1e-3
    below = torch.tensor([[-1.0], [0.0]], dtype=torch.float64)
    assert (HeavySkew().log_prob(torch.zeros_like(below), below) == -math.inf).all()


def test_optima_in_closed_form():
    """Of one Gaussian, or the logarithm of one, the entropy is log s + log(2 pi e) / 2."""

    def entropy(log_std):
        return integrate.quad(log_std, -1, 1, points=[0.27, 0.3, 0.33])[0] / 2 + SQRT_2_PI_E

    region = entropy(lambda x: math.log(0.01) * math.exp(-(((x - 0.3) / 0.02) ** 8)))
    skew = entropy(lambda x: math.log(0.3 + 0.7 * logistic(6 * x)) + math.sin(4 * x))
    assert region == pytest.approx(OPTIMAL_NLL["tight_region"], abs=5e-4)
    assert skew == pytest.approx(OPTIMAL_NLL["heavy_skew"], abs=5e-4)
    # Quadrature of the two branches, in other units.
    assert -0.47712 + math.log(1e-3 * 3e5) == pytest.approx(OPTIMAL_NLL["awkward_units"], abs=5e-4)


def test_a_fiftieth_of_all_rows_is_tight():
    x, _ = TightRegion().sample(50_000, generator("test", 0))
    std = TightRegion().conditional(x).scale.std
    assert (std < 0.1).double().mean().item() == pytest.approx(0.02, abs=0.004)
    assert std.min().item() == pytest.approx(0.01, rel=1e-6)
    assert (std > 0.99).double().mean().item() == pytest.approx(0.97, abs=0.01)


@pytest.mark.parametrize("problem", [TightRegion(), TightMinority()])
def test_inputs_of_rare_problems_are_uniform(problem):
    x, _ = problem.sample(5000, generator("test", 0))
    assert stats.kstest(x.squeeze(-1), stats.uniform(-1, 2).cdf).pvalue > 1e-3


def test_awkward_units_are_a_change_of_units():
    x, y = AwkwardUnits().sample(2000, generator("test", 0))
    plain_x, plain_y = TwoBranches().sample(2000, generator("test", 0))
    np.testing.assert_allclose((x - 5e6) / 1e4, plain_x, atol=1e-8)
    shift, factor = y.new_tensor([1e6, -20.0]), y.new_tensor([1e-3, 3e5])
    np.testing.assert_allclose((y - shift) / factor, plain_y, atol=1e-6)
    expected = TwoBranches().log_prob(plain_x, plain_y) - math.log(1e-3) - math.log(3e5)
    np.testing.assert_allclose(AwkwardUnits().log_prob(x, y), expected, atol=1e-4)


@pytest.mark.parametrize("name", PROBLEMS)
def test_rows_are_a_function_of_the_generator(name):
    (x, _), (other, _) = reproducible_rows(PROBLEMS[name])
    assert not torch.equal(x, other)
