"""The surface against autograd, and the way uphill against plain steps of EM."""

import pytest
import torch

from mdn.distributions.mixture import GaussianMixture
from mdn.distributions.questions.mode_seeking import climb
from mdn.distributions.questions.ragged import in_front, most, split, widen
from mdn.distributions.questions.surface import Surface
from mdn.distributions.scale import DiagonalScale


@pytest.mark.parametrize("targets", [1, 3])
def test_height_slope_and_curvature_are_those_of_autograd(make_mixture, targets):
    mixture = make_mixture(2, components=4, targets=targets)
    y = torch.randn(2, 5, targets, dtype=torch.float64)
    local = Surface.of(mixture).derivatives(y)
    for row in range(2):
        for point in range(5):

            def height(at, one=mixture[row]):
                return one.log_prob(at)

            at = y[row, point]
            slope = torch.autograd.functional.jacobian(height, at)
            bend = torch.autograd.functional.hessian(height, at)
            torch.testing.assert_close(local.height[row, point], height(at))
            torch.testing.assert_close(local.gradient[row, point], slope)
            torch.testing.assert_close(local.hessian[row, point], bend)


@pytest.mark.parametrize("targets", [1, 2])
def test_steps_are_those_of_newton_and_of_em_and_no_longer_than_they_may_be(make_mixture, targets):
    mixture = make_mixture(30, components=3, targets=targets)
    local = Surface.of(mixture).derivatives(mixture.mu)
    newton, stretch, reach = local.peaked(), torch.full_like(local.height, 4.0), 0.1
    step = local.step(newton, stretch, reach)
    assert newton.any()
    assert not newton.all()
    share = mixture.map(lambda v: v[:, None]).log_responsibilities(mixture.mu).exp()
    precision = torch.linalg.inv(mixture.scale.covariance().expand(30, 3, -1, -1))
    weighted = torch.einsum("rsk,rkde,rke->rsd", share, precision, mixture.mu)
    within = torch.einsum("rsk,rkde->rsde", share, precision)
    em = torch.linalg.solve(within, weighted[..., None]).squeeze(-1) - mixture.mu
    uphill = torch.linalg.solve(-local.hessian, local.gradient[..., None]).squeeze(-1)
    full = torch.where(newton[..., None], uphill, em)
    length, whole = (torch.einsum("rsd,rsde,rse->rs", v, within, v).sqrt() for v in (step, full))
    torch.testing.assert_close(step * whole[..., None], full * length[..., None])
    expected = torch.where(
        newton, whole.clamp(max=reach), torch.maximum(whole, (4 * whole).clamp(max=reach))
    )
    torch.testing.assert_close(length, expected)


def test_every_start_is_led_to_a_top_once(make_mixture):
    mixture = make_mixture(20, components=4, targets=2)
    surface = Surface.of(mixture)
    start = torch.cat([mixture.mu, mixture.mu + 1e-3, mixture.mu], 1)
    top = climb(surface, start)
    led = top.isfinite().all(-1)
    assert led[:, 0].all()
    # What starts where an earlier one did stops at once, or arrives with it.
    assert led[:, 8:].double().mean() < 0.1
    again = torch.where(led[..., None], top, top[:, :1])
    assert surface.derivatives(again).gradient.abs().max() < 1e-6


def valley():
    mu = torch.tensor([[[-2.0], [2.0]]], dtype=torch.float64)
    log_pi = torch.zeros(1, 2, dtype=torch.float64).log_softmax(-1)
    return Surface.of(GaussianMixture(log_pi, mu, DiagonalScale(torch.ones_like(mu), 1)))


def test_starts_side_by_side_that_a_valley_parts_are_led_to_their_own_tops():
    start = torch.tensor([[[-1e-3], [1e-3], [2e-3], [1.5]]], dtype=torch.float64)
    top = climb(valley(), start).squeeze(-1)
    # Each is where its own component and a little of the other balance.
    edge = 2 * torch.tanh(2 * top)
    torch.testing.assert_close(top, edge, equal_nan=True)
    assert top[0, 0] < -1.9
    assert top[0, 1] > 1.9
    assert top[0, 2:].isnan().any()


def test_climbers_that_run_out_of_steps_stay_where_they_are(monkeypatch):
    monkeypatch.setattr("mdn.distributions.questions.mode_seeking._MOST_STEPS", 2)
    start = torch.tensor([[[-1.0], [1.0]]], dtype=torch.float64)
    top = climb(valley(), start)
    assert top.isfinite().all()
    assert valley().derivatives(top).height.gt(valley().derivatives(start).height).all()


def test_rows_are_packed_and_spread_again():
    held = torch.tensor([[False, True, False, True], [False, False, False, False]])
    place = in_front(held)
    assert most(held) == 2
    assert most(held[:0]) == most(held[1:]) == 1
    assert place.shape == (2, 2)
    assert place[0].tolist() == [1, 3]
    wide = widen(torch.ones(2, 1, 3), 4, -1.0)
    assert wide.shape == (2, 4, 3)
    assert wide[:, :1].eq(1).all()
    assert wide[:, 1:].eq(-1).all()
    assert widen(torch.ones(2, 1, dtype=torch.bool), 2, False).tolist() == [[True, False]] * 2


def test_parts_hold_every_row_once(monkeypatch):
    monkeypatch.setattr("mdn.distributions.questions.ragged._NUMBERS_AT_ONCE", 10)
    rows = list(range(7))
    assert [rows[part] for part in split(7, 5)] == [[0, 1], [2, 3], [4, 5], [6]]
    assert [rows[part] for part in split(7, 50)] == [[row] for row in rows]
    assert len(split(0, 5)) == 1
