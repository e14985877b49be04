"""Against scipy: distribution functions, their inverses by Brent's method, tails by quadrature."""

import numpy as np
import pytest
import torch
from scipy.integrate import quad
from scipy.optimize import brentq
from scipy.special import log_ndtr, logsumexp
from scipy.stats import norm

from mdn.distributions.mixture import GaussianMixture
from mdn.distributions.scale import DiagonalScale

LEVELS = [1e-9, 0.01, 0.3, 0.5, 0.9, 1 - 1e-6]


def one_target(pi, mu, std) -> GaussianMixture:
    pi, mu, std = (torch.tensor(v, dtype=torch.float64) for v in (pi, mu, std))
    return GaussianMixture(pi.log(), mu[..., None], DiagonalScale(std[..., None], 1))


def targets_of(mixture):
    """(index, weights, means, stds) of each target of each mixture of a batch, in numpy."""
    for row in np.ndindex(*mixture.batch_shape):
        for d in range(mixture.num_targets):
            mu, sigma = mixture.mu[row][:, d].numpy(), mixture.sigma[row][:, d].numpy()
            yield (*row, d), mixture.pi[row].numpy(), mu, sigma


@pytest.fixture(params=[1, 2, 4])
def mixture(request, make_mixture):
    return make_mixture(3, components=4, targets=request.param)


@pytest.mark.parametrize("upper", [False, True])
def test_cdf_of_each_target(mixture, upper):
    y = 3 * torch.randn(3, mixture.num_targets, dtype=torch.float64)
    cdf, log_cdf = mixture.cdf(y, upper), mixture.log_cdf(50 * y, upper)
    side = -1 if upper else 1
    for at, pi, mu, sigma in targets_of(mixture):
        assert cdf[at].item() == pytest.approx(
            pi @ norm.cdf(side * (y[at].item() - mu) / sigma), rel=1e-12
        )
        tail = log_ndtr(side * (50 * y[at].item() - mu) / sigma)
        assert log_cdf[at].item() == pytest.approx(logsumexp(tail, b=pi), rel=1e-12)


def test_quantiles_are_the_roots_that_brent_finds(mixture):
    quantiles = mixture.quantile(LEVELS)
    for level, found in zip(LEVELS, quantiles, strict=True):
        for at, pi, mu, sigma in targets_of(mixture):
            expected = brentq(
                lambda v, pi=pi, mu=mu, sigma=sigma, p=level: pi @ norm.cdf((v - mu) / sigma) - p,
                *(-100, 100),
                xtol=1e-14,
            )
            # At 1 - 1e-6 Brent sees the rounding of 1 - F; at 1e-9 nothing is lost.
            assert found[at].item() == pytest.approx(expected, rel=1e-9, abs=1e-9)
    torch.testing.assert_close(mixture.median, quantiles[3])


def test_interval_holds_its_level_with_equal_tails(mixture):
    lower, upper = mixture.interval(0.9)
    torch.testing.assert_close(mixture.cdf(lower), torch.full_like(lower, 0.05))
    torch.testing.assert_close(mixture.cdf(upper, upper=True), torch.full_like(lower, 0.05))


@pytest.mark.parametrize("separation", [1.0, 10.0, 100.0])
def test_icdf_undoes_cdf_for_far_and_rare_components(separation):
    generator = torch.Generator().manual_seed(3)
    share = 10 ** (-6 * torch.rand(500, 10, dtype=torch.float64, generator=generator))
    std = torch.exp(torch.randn(500, 10, 1, dtype=torch.float64, generator=generator))
    mu = separation * torch.randn(500, 10, 1, dtype=torch.float64, generator=generator)
    mixture = GaussianMixture(share.log().log_softmax(-1), mu, DiagonalScale(std, 1))
    component = torch.randint(10, (500, 1, 1), generator=generator)
    noise = torch.randn(500, 1, dtype=torch.float64, generator=generator)
    # Rare components are visited as often as the others.
    y = (mu.take_along_dim(component, 1) + std.take_along_dim(component, 1) * noise[..., None])[
        :, 0
    ]
    for upper in (False, True):
        back = mixture.icdf(mixture.cdf(y, upper), upper)
        near = (back - y).abs() <= 1e-5 * y.abs().clamp(min=1)
        # Where rarer than rounding, the probability itself does not know y: then it must agree.
        same = (mixture.cdf(back, upper) / mixture.cdf(y, upper) - 1).abs() < 1e-12
        assert (near | same).all()
        assert near.float().mean() > 0.99


def test_far_tails():
    mixture = one_target([0.3, 0.7], [-1.0, 2.0], [1.0, 0.1])
    for p in (1e-300, 1e-40, 1e-12):
        tail = torch.tensor([p], dtype=torch.float64)
        lower, upper = mixture.icdf(tail), mixture.icdf(tail, upper=True)
        # Only the first component reaches either tail.
        torch.testing.assert_close(lower, tail.new_tensor([-1 + norm.ppf(p / 0.3)]))
        torch.testing.assert_close(upper, tail.new_tensor([-1 - norm.ppf(p / 0.3)]))
    ends = mixture.quantile([0.0, 1.0])
    assert ends.tolist() == [[-torch.inf], [torch.inf]]
    assert mixture.icdf(torch.tensor([1.5], dtype=torch.float64)).isnan().all()


def test_single_precision_reaches_its_own_tails():
    mixture = one_target([0.3, 0.7], [-1.0, 2.0], [1.0, 0.5])
    levels = torch.tensor([1e-30, 1e-9, 1e-3, 0.5, 0.999])[:, None]
    quantiles = mixture.to(dtype=torch.float32).icdf(levels)
    torch.testing.assert_close(
        quantiles.double(), mixture.icdf(levels.double()), rtol=3e-6, atol=3e-6
    )


def test_single_precision_keeps_levels_next_to_one():
    standard = one_target([1.0], [0.0], [1.0]).to(dtype=torch.float32)
    levels = [1 - 1e-9, 1 - 1e-6, 0.9, 0.5, 1e-9]
    found = standard.quantile(levels).squeeze(-1).double().numpy()
    np.testing.assert_allclose(found, norm.ppf(levels), rtol=3e-6, atol=1e-6)
    for level in levels:
        expected = -norm.pdf(norm.ppf(level)) / level
        assert standard.expected_shortfall(level).item() == pytest.approx(
            expected, rel=3e-6, abs=1e-6
        )


def test_no_levels_make_no_quantiles(mixture):
    assert mixture.quantile([]).shape == (0, 3, mixture.num_targets)


def test_quantile_on_a_plateau_splits_it():
    """Half of the mass far left, half far right: any value between them is a median."""
    mixture = one_target([0.5, 0.5], [-100.0, 100.0], [1.0, 1.0])
    assert -90 < mixture.median.item() < 90


@pytest.mark.parametrize("upper", [False, True])
def test_implicit_gradients(upper):
    logits = torch.tensor([0.3, -0.2, 0.5], dtype=torch.float64, requires_grad=True)
    mu = torch.tensor([[-1.0], [0.5], [3.0]], dtype=torch.float64, requires_grad=True)
    std = torch.tensor([[0.5], [1.0], [0.2]], dtype=torch.float64, requires_grad=True)
    p = torch.tensor([[0.01], [0.4], [0.97]], dtype=torch.float64, requires_grad=True)

    def icdf(logits, mu, std, p):
        return GaussianMixture(logits.log_softmax(-1), mu, DiagonalScale(std, 1)).icdf(p, upper)

    assert torch.autograd.gradcheck(icdf, (logits, mu, std, p), eps=1e-6, atol=1e-5)


@pytest.mark.parametrize("level", [1e-4, 0.05, 0.6, 1.0])
def test_expected_shortfall_is_the_mean_of_a_tail(level):
    pi, mu, std = np.array([0.2, 0.8]), np.array([-1.0, 3.0]), np.array([2.0, 0.5])
    mixture = one_target(pi, mu, std)

    def moment(y):
        return y * (pi / std @ norm.pdf((y - mu) / std))

    low, high = mixture.quantile([level])[0].item(), mixture.quantile([1 - level])[0].item()
    for upper, ends in ((False, (-40, min(low, 40))), (True, (max(high, -40), 40))):
        mean = quad(moment, *ends, points=[-1, 3], epsabs=1e-13, limit=200)[0] / level
        assert mixture.expected_shortfall(level, upper).item() == pytest.approx(mean, rel=1e-6)


def test_expected_shortfall_agrees_with_samples(mixture):
    y = mixture.sample([20_000]).sort(0).values
    for upper, tail in ((False, y[:2_000]), (True, y[-2_000:])):
        found = mixture.expected_shortfall(0.1, upper)
        assert ((found - tail.mean(0)).abs() < 8 * tail.std(0) / 2000**0.5).all()


@pytest.mark.parametrize(("dtype", "shift"), [(torch.float64, 1e6), (torch.float32, 1e4)])
@pytest.mark.parametrize("level", [1e-6, 1e-3, 0.3, 0.9, 1.0])
@pytest.mark.parametrize("upper", [False, True])
def test_expected_shortfall_far_from_zero_moves_with_the_mixture(dtype, shift, level, upper):
    near = one_target([0.2, 0.8], [-1.0, 3.0], [2.0, 0.5])
    far = one_target([0.2, 0.8], [shift - 1.0, shift + 3.0], [2.0, 0.5]).to(dtype=dtype)
    found = far.expected_shortfall(level, upper).double() - shift
    expected = near.expected_shortfall(level, upper)
    # A few units in the last place of the answer.
    assert abs(found - expected).item() < 3 * torch.finfo(dtype).eps * shift


@pytest.mark.parametrize("level", [0.02, 0.7, 1.0])
def test_gradient_of_expected_shortfall(level):
    mu = torch.tensor([[-1.0], [0.5]], dtype=torch.float64, requires_grad=True)
    std = torch.tensor([[0.5], [1.0]], dtype=torch.float64, requires_grad=True)
    logits = torch.tensor([0.3, -0.2], dtype=torch.float64, requires_grad=True)

    def shortfall(logits, mu, std):
        mixture = GaussianMixture(logits.log_softmax(-1), mu, DiagonalScale(std, 1))
        return mixture.expected_shortfall(level, upper=True)

    assert torch.autograd.gradcheck(shortfall, (logits, mu, std))


def test_levels_that_are_no_probabilities_are_refused(mixture):
    for ask in (mixture.interval, mixture.expected_shortfall, lambda p: mixture.quantile([p])):
        with pytest.raises(ValueError, match="probabilities from 0 to 1"):
            ask(90.0)
    with pytest.raises(ValueError, match="above 0"):
        mixture.expected_shortfall(0.0)
