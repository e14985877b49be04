"""Right values at the seams, for every family: where types, shapes and units change.

Each is held against the same question in easier circumstances, or against a closed form.
"""

import math
from functools import partial

import numpy as np
import pytest
import torch

from mdn import metrics
from mdn.distributions.mixture import GaussianMixture
from mdn.distributions.scale import CovarianceFactor, DiagonalScale, PrecisionFactor

F64 = torch.float64
EPS = torch.finfo(F64).eps


# M1: weights that were normalized in single precision, means far from zero.


@pytest.fixture(params=[0.0, 1e6, 1.7e9, -4e14])
def offset(request):
    return request.param


@pytest.fixture
def near_and_far(make_mixture, offset):
    """A mixture of single precision, widened, and the same one moved away."""
    single = make_mixture(50, components=4, targets=2).to(dtype=torch.float32)
    near = single.to(dtype=F64)
    one = torch.ones(2, dtype=F64)
    return near, near.affine(one, offset * one)


def test_widened_weights_sum_to_one(near_and_far):
    for mixture in near_and_far:
        total = mixture.pi.sum(-1)
        torch.testing.assert_close(total, torch.ones_like(total), rtol=0, atol=4 * EPS)


def test_means_move_with_an_offset(near_and_far, offset):
    near, far = near_and_far
    few_roundings = 4 * EPS * max(1.0, abs(offset))
    for answer in (
        lambda m: m.mean,
        lambda m: m.expected_shortfall(1.0),
        lambda m: m.expected_shortfall(0.3, upper=True),
        lambda m: metrics.point_prediction(m, "mean"),
    ):
        torch.testing.assert_close(answer(far) - offset, answer(near), rtol=0, atol=few_roundings)


def test_spreads_do_not_know_an_offset(near_and_far, offset):
    near, far = near_and_far
    # Each mean is rounded once by the move: a spread of about 1 is off by as much.
    rounded = 4 * EPS * (1 + abs(offset))
    for answer in (
        lambda m: m.std,
        lambda m: m.covariance,
        lambda m: torch.stack(m.std_split()),
        lambda m: metrics.sharpness(m),
    ):
        torch.testing.assert_close(answer(far), answer(near), rtol=rounded, atol=rounded)


def test_probabilities_are_at_most_one(near_and_far, offset):
    for mixture in near_and_far:
        high = torch.full((2,), abs(offset) + 1e3, dtype=F64)
        for found in (
            mixture.cdf(high),
            mixture.cdf(-high, upper=True),
            metrics.pit(mixture, high),
        ):
            assert (found <= 1).all()


# M2: y without the axis of its one target.

OF_ROWS = {
    "crps": metrics.crps,
    "squared_error": partial(metrics.squared_error, point="mean"),
    "absolute_error": partial(metrics.absolute_error, point="median"),
    "pinball": partial(metrics.pinball, levels=[0.3]),
    "energy_score": metrics.energy_score,
    "pit": metrics.pit,
    "rosenblatt": metrics.rosenblatt,
    "density_rank": lambda m, y: metrics.density_rank(m, y, 99, torch.Generator().manual_seed(0)),
    "nll": metrics.nll,
    "nll_bits": metrics.nll_bits,
    "target_nll": metrics.target_nll,
    "grid_nll": lambda m, y: metrics.grid_nll(m, y, torch.ones(1, dtype=F64)),
    "gain": lambda m, y: metrics.gain(m, y, m[:1]),
    "log_prob": lambda m, y: m.log_prob(y),
    "component_log_prob": lambda m, y: m.component_log_prob(y),
    "log_responsibilities": lambda m, y: m.log_responsibilities(y),
    "cdf": lambda m, y: m.cdf(y),
    "log_cdf": lambda m, y: m.log_cdf(y),
    "icdf": lambda m, y: m.icdf(y),
}


COLUMN = torch.tensor([[0.1], [0.2], [0.6], [0.9]], dtype=F64)


def refuses(question, mixture: GaussianMixture, y: torch.Tensor) -> bool:
    try:
        question(mixture, y)
    except ValueError:
        return True
    return False


@pytest.mark.parametrize("name", OF_ROWS)
def test_y_without_its_axis_is_refused_or_read_as_a_column(make_mixture, name):
    mixture, y = make_mixture(4, targets=1), COLUMN[:, 0]
    if not refuses(OF_ROWS[name], mixture, y):
        expected = OF_ROWS[name](mixture, COLUMN)
        torch.testing.assert_close(OF_ROWS[name](mixture, y), expected)


@pytest.mark.parametrize("kind", [np.asarray, lambda y: y.tolist()], ids=["numpy", "list"])
@pytest.mark.parametrize("name", OF_ROWS)
def test_arrays_and_lists_are_taken_as_tensors_are(make_mixture, name, kind):
    mixture = make_mixture(4, targets=1)
    found, expected = (OF_ROWS[name](mixture, y) for y in (kind(COLUMN), COLUMN))
    torch.testing.assert_close(found, expected)


# M8: factors of nearly singular covariances.


@pytest.mark.parametrize(
    ("kind", "eps"),
    [(torch.float32, 1e-3), (torch.float32, 1e-4), (F64, 1e-3), (F64, 1e-8)],
)
@pytest.mark.parametrize("factor", [CovarianceFactor, PrecisionFactor])
def test_bounds_of_one_gaussian_are_its_entropy(factor, kind, eps):
    scale = factor(torch.tensor([[1.0, eps]], dtype=kind), torch.ones(1, 1, dtype=kind))
    mixture = GaussianMixture(torch.zeros(1, dtype=kind), torch.zeros(1, 2, dtype=kind), scale)
    exact = 1 + math.log(2 * math.pi) + math.log(eps)
    for bound in mixture.entropy_bounds():
        assert bound.item() == pytest.approx(exact, rel=4 * torch.finfo(kind).eps, abs=0)


@pytest.mark.parametrize("unit", [1e-9, 1.0, 1e9])
def test_bounds_of_one_component_of_every_family_are_its_entropy(make_mixture, unit):
    factor = torch.tensor([unit, 1.0, 1 / unit], dtype=F64)
    mixture = make_mixture(3, components=1, targets=3).affine(factor, 0 * factor)
    exact = 1.5 * (1 + math.log(2 * math.pi)) + mixture.scale.log_det().squeeze(-1)
    for bound in mixture.entropy_bounds():
        torch.testing.assert_close(bound, exact.expand(3), rtol=0, atol=1e-12)


# M9: second derivatives.


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(1)


LEVEL = torch.full((1,), 0.2, dtype=F64)
WITH_GRADIENT = {
    "quantile": lambda m: m.quantile([0.3])[0],
    "median": lambda m: m.median,
    "interval": lambda m: m.interval(0.8)[1],
    "icdf": lambda m: m.icdf(LEVEL, upper=True),
    "expected_shortfall": lambda m: m.expected_shortfall(0.2),
    "rsample": lambda m: m.rsample((), generator()),
    "modes": lambda m: m.modes().y[0],
}


def slope(answer, mixture: GaussianMixture, mu: torch.Tensor) -> torch.Tensor:
    """The derivative of an answer in the first mean."""
    value = answer(GaussianMixture(mixture.log_pi, mu, mixture.scale)).sum()
    return torch.autograd.grad(value, mu, create_graph=True)[0][0, 0]


@pytest.mark.parametrize("name", WITH_GRADIENT)
def test_second_derivatives_are_right_or_refused(make_mixture, name):
    mixture = make_mixture(components=2, targets=1)
    mu = mixture.mu.clone().requires_grad_()
    try:
        (second,) = torch.autograd.grad(slope(WITH_GRADIENT[name], mixture, mu), mu)
    except (RuntimeError, ValueError):
        return
    # A sample is the quantile of its own level.
    level = mixture.cdf(mixture.rsample((), generator()))
    answer = (lambda m: m.icdf(level)) if name == "rsample" else WITH_GRADIENT[name]
    step = torch.tensor([[1e-4], [0.0]], dtype=F64)
    ahead, behind = (
        slope(answer, mixture, (mu + s * step).detach().requires_grad_()).item() for s in (1, -1)
    )
    assert second[0, 0].item() == pytest.approx((ahead - behind) / 2e-4, rel=1e-4, abs=1e-6)


# M10: components that have no weight.


def with_a_component_of_weight(mixture: GaussianMixture, weight: float, at: float):
    """One more component of the same width, at the same place in every target."""
    few = torch.full_like(mixture.log_pi[..., :1], weight).log()
    far = torch.full_like(mixture.mu[..., :1, :], at)

    def widen(stored: torch.Tensor) -> torch.Tensor:
        shared = stored.shape[-2] == 1
        return stored if shared else torch.cat([stored, stored[..., :1, :]], -2)

    log_pi, mu = torch.cat([mixture.log_pi, few], -1), torch.cat([mixture.mu, far], -2)
    return GaussianMixture(log_pi, mu, mixture.scale.map(widen))


HALF = torch.full((2,), 0.5, dtype=F64)
ANSWERS = {
    "mean": lambda m: m.mean,
    "std": lambda m: m.std,
    "covariance": lambda m: m.covariance,
    "median": lambda m: m.median,
    "quantile": lambda m: m.quantile([1e-9, 0.2, 0.9]),
    "expected_shortfall": lambda m: m.expected_shortfall(0.3, upper=True),
    "cdf": lambda m: m.cdf(HALF),
    "log_cdf": lambda m: m.log_cdf(HALF),
    "log_prob": lambda m: m.log_prob(HALF),
    "entropy_bounds": lambda m: torch.stack(m.entropy_bounds()),
    "kl_to": lambda m: m.kl_to(m.dispersed(2.0)),
    "kl_to_itself": lambda m: m.kl_to(m),
    "modes": lambda m: m.modes().y[..., 0, :],
    "region": lambda m: m.marginal([0]).highest_density_region(0.9).log_threshold,
    "condition": lambda m: m.condition([0], HALF[:1]).mean,
    "crps": lambda m: metrics.crps(m, HALF),
    "energy_score": lambda m: metrics.energy_score(m, HALF),
}


@pytest.mark.parametrize("at", [50.0, 1e200])
@pytest.mark.parametrize("name", ANSWERS)
def test_a_component_of_weight_zero_changes_no_answer(make_mixture, name, at):
    mixture = make_mixture(3, components=2, targets=2)
    more = with_a_component_of_weight(mixture, 0.0, at)
    expected, found = ANSWERS[name](mixture), ANSWERS[name](more)
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("level", [0.05, 0.5, 0.9])
def test_a_component_of_next_to_no_weight_moves_no_quantile(make_mixture, level):
    mixture = make_mixture(3, components=2, targets=2)
    more = with_a_component_of_weight(mixture, 1e-300, 30.0)
    torch.testing.assert_close(
        more.quantile([level]), mixture.quantile([level]), rtol=8 * EPS, atol=8 * EPS
    )


@pytest.mark.parametrize("upper", [False, True])
def test_a_narrow_component_adds_nothing_to_a_far_tail(upper):
    """At 37 standard deviations of the wide one, and 80 of the other."""
    std = torch.tensor([[1.0], [0.5]], dtype=F64)
    mu = torch.tensor([[-1.0], [2.0]], dtype=F64) * (-1 if upper else 1)
    log_pi = torch.tensor([0.3, 0.7], dtype=F64).log()
    both = GaussianMixture(log_pi, mu, DiagonalScale(std, 1))
    wide = GaussianMixture(log_pi[:1] - log_pi[:1], mu[:1], DiagonalScale(std[:1], 1))
    found = both.icdf(torch.tensor([1e-300], dtype=F64), upper)
    expected = wide.icdf(torch.tensor([1e-300 / 0.3], dtype=F64), upper)
    torch.testing.assert_close(found, expected, rtol=8 * EPS, atol=0)


# M11: values far out, in single precision.


@pytest.mark.parametrize("distance", [1e10, 1e18, 1e19, 1e20, 1e30, -1e38])
def test_responsibilities_far_out_are_probabilities(make_mixture, distance):
    mixture = make_mixture(3, targets=2).to(dtype=torch.float32)
    for y in ([distance, 0.0], [0.0, distance], [distance, distance], [-distance, distance]):
        found = mixture.log_responsibilities(torch.tensor(y)).exp()
        torch.testing.assert_close(found.sum(-1), torch.ones(3), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("distance", [1e10, 1e18, 1e19, 1e20, -1e30])
def test_conditionals_far_out_are_mixtures(make_mixture, distance):
    mixture = make_mixture(3, targets=2).to(dtype=torch.float32)
    for given in (0, 1):
        found = mixture.condition([given], torch.tensor([distance]))
        torch.testing.assert_close(found.pi.sum(-1), torch.ones(3), rtol=1e-5, atol=1e-5)
        assert not found.mean.isnan().any()


@pytest.mark.parametrize("distance", [1e10, 1e18, 1e19, 1e20, -1e30])
def test_conditional_mean_of_one_component_is_linear(make_mixture, distance):
    mixture = make_mixture(3, components=1, targets=2)
    dense = mixture.scale.covariance().expand(3, 1, 2, 2)[:, 0]
    slope = dense[:, 1, 0] / dense[:, 0, 0]
    expected = mixture.mu[:, 0, 1] + slope * (distance - mixture.mu[:, 0, 0])
    for kind, digits in ((torch.float32, 1e-4), (F64, 1e-9)):
        given = torch.tensor([distance], dtype=kind)
        found = mixture.to(dtype=kind).condition([0], given).mean[:, 0].double()
        torch.testing.assert_close(found, expected, rtol=digits, atol=digits)
