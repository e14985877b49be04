"""Noise of the right size on rows, and a reward that is the entropy."""

import math

import pytest
import torch
from leaves import gradients, numbers, with_numbers
from scipy import stats

from mdn.fitting.objectives import Regularizer
from mdn.networks.encoder import Encoder
from mdn.networks.kinds import Boolean, Category, Number

ROWS = 100_000
OFF = Regularizer(input_noise=0.0, target_noise=0.0, entropy=0.0)


def test_noise_is_normal_of_the_size_asked_for_and_its_own_on_every_number():
    x, y = torch.full((ROWS, 2), 5.0), torch.full((ROWS, 3), -1.0)
    noisy = Regularizer(input_noise=0.3, target_noise=0.1, entropy=0.0).disturb(x, y, 1)
    noise = torch.cat([noisy[0] - x, noisy[1] - y], -1)[0].double()
    size = torch.tensor([0.3, 0.3, 0.1, 0.1, 0.1]).double()
    torch.testing.assert_close(
        torch.cov((noise / size).T), torch.eye(5).double(), atol=0.02, rtol=0
    )
    for column, std in zip(noise.T, size, strict=True):
        assert stats.kstest(column.numpy(), stats.norm(0, std.item()).cdf).pvalue > 1e-3


def test_noise_is_drawn_anew():
    x, y = torch.zeros(5, 2), torch.zeros(5, 1)
    noise = Regularizer(input_noise=0.3, target_noise=0.1, entropy=0.0)
    assert not torch.equal(noise.disturb(x, y, 1)[0], noise.disturb(x, y, 1)[0])


def test_switched_off_it_leaves_rows_losses_and_the_generator_alone(make_mixture):
    x, y, loss, mixture = torch.randn(5, 2), torch.randn(5, 1), torch.randn(5), make_mixture(5)
    state = torch.get_rng_state()
    same_x, same_y = OFF.disturb(x, y, 1)
    assert same_x is x
    assert same_y is y
    assert OFF.penalize(mixture, loss) is loss
    assert torch.equal(torch.get_rng_state(), state)


def test_the_reward_is_the_entropy_of_the_weights(make_mixture):
    mixture, loss = make_mixture(2, 4, components=5), torch.randn(2, 4, dtype=torch.float64)
    entropy = torch.from_numpy(stats.entropy(mixture.pi.numpy(), axis=-1))
    found = Regularizer(0.0, 0.0, entropy=0.3).penalize(mixture, loss)
    torch.testing.assert_close(found, loss - 0.3 * entropy)


def test_the_reward_pulls_towards_even_weights(make_mixture):
    mixture, zero = make_mixture(components=4), torch.zeros((), dtype=torch.float64)

    def loss(free):
        log_pi, *others = numbers(free)
        even = with_numbers(free, log_pi.log_softmax(-1), *others)
        return Regularizer(0.0, 0.0, entropy=1.0).penalize(even, zero)

    log_pi = mixture.log_pi
    wanted = mixture.pi * (log_pi - (mixture.pi * log_pi).sum())
    torch.testing.assert_close(gradients(loss, mixture)[0], wanted)
    assert loss(mixture).item() >= -math.log(4)


@pytest.mark.parametrize("name", ["input_noise", "target_noise", "entropy"])
def test_negative_numbers_are_refused(name):
    settings = {"input_noise": 0.0, "target_noise": 0.0, "entropy": 0.0}
    with pytest.raises(ValueError, match=f"{name} must be a number of at least 0, got -0.1"):
        Regularizer(**(settings | {name: -0.1}))


def test_members_have_noise_of_their_own_of_the_levels_in_turn():
    x, y = torch.randn(ROWS, 2), torch.randn(ROWS, 1)
    noise = Regularizer(input_noise=0.3, target_noise=[0, 0.1, 2.0], entropy=0.0)
    noisy_x, noisy_y = noise.disturb(x, y, 4)
    by_x, by_y = (noisy_x - x).double(), (noisy_y - y).double()[..., 0]
    assert noisy_x.shape == (4, ROWS, 2)
    assert noisy_y.shape == (4, ROWS, 1)
    assert torch.equal(noisy_y[0], y)
    assert torch.equal(noisy_y[3], y)
    size = torch.tensor([0.3] * 8 + [0.1, 2.0]).double()
    drawn = torch.cat([by_x.movedim(1, 0).flatten(1), by_y[1:3].T], 1) / size
    torch.testing.assert_close(torch.cov(drawn.T), torch.eye(10).double(), atol=0.02, rtol=0)
    for column in drawn.T:
        assert stats.kstest(column.numpy(), stats.norm.cdf).pvalue > 1e-3


def test_without_noise_members_share_the_rows_themselves():
    x, y = torch.zeros(5, 2), torch.zeros(5, 1)
    assert OFF.disturb(x, y, 3) == (x, y)
    same, noisy = Regularizer([0, 0.0], [0.0, 1.0], 0.0).disturb(x, y, 2)
    assert same is x
    assert noisy.shape == (2, 5, 1)


def test_one_network_draws_as_it_did():
    x, y = torch.zeros(5, 2), torch.zeros(5, 1)
    torch.manual_seed(4)
    noisy = Regularizer(0.3, [0.1], 0.0).disturb(x, y, 1)
    torch.manual_seed(4)
    torch.testing.assert_close(noisy, (0.3 * torch.randn(1, 5, 2), 0.1 * torch.randn(1, 5, 1)))


@pytest.mark.parametrize("name", ["input_noise", "target_noise"])
def test_levels_out_of_range_are_refused(name):
    settings = {"input_noise": 0.0, "target_noise": 0.0, "entropy": 0.0}
    with pytest.raises(ValueError, match=f"{name} must be a number of at least 0, got -0.1"):
        Regularizer(**(settings | {name: [0.0, -0.1]}))
    with pytest.raises(
        ValueError, match=rf"{name} must be a number or a list of numbers, got \[\]"
    ):
        Regularizer(**(settings | {name: []}))


def test_more_levels_than_members_are_refused():
    noise = Regularizer(0.0, [0.0, 0.1, 0.2], 0.0)
    noise.check_members(3)
    with pytest.raises(ValueError, match=r"target_noise has 3 levels and `ensemble_size` is 2"):
        noise.check_members(2)


INPUTS = Encoder((Number(missing=True), Category(("a", "b"), other=True), Boolean()))


def test_dropped_values_count_as_missing():
    rows = torch.ones(10, 3, dtype=torch.float64)
    rows[:4, 0] = torch.nan
    encoder = Encoder(INPUTS.kinds).fit(rows)
    x = torch.ones(4000, 3, dtype=torch.float64)
    dropped = Regularizer(drop_values=0.5, drop_levels=0.0).drop(x, encoder)
    assert dropped[:, 1:].eq(1).all()  # these never had a gap
    assert dropped[:, 0].isnan().double().mean().item() == pytest.approx(0.12, abs=0.03)
    assert dropped.nan_to_num(nan=1.0).eq(1).all()


def test_dropped_levels_count_as_ones_that_were_never_seen():
    x = torch.ones(4000, 3, dtype=torch.float64)
    x[0, 1] = torch.nan
    dropped = Regularizer(drop_levels=1.0).drop(x, INPUTS)
    assert dropped[:, [0, 2]].eq(1).all()
    assert dropped[0, 1].isnan()
    assert dropped[1:, 1].eq(2).double().mean().item() == pytest.approx(2 / 22, abs=0.03)
    assert set(dropped[1:, 1].tolist()) == {1.0, 2.0}


def test_numbers_without_gaps_are_never_dropped():
    x = torch.ones(3, 3, dtype=torch.float64)
    assert Regularizer().drop(x, Encoder([Number()] * 3)) is x
    assert Regularizer(drop_levels=0.0, drop_values=0.0).drop(x, INPUTS) is x
    with pytest.raises(ValueError, match="drop_levels must be a number from 0 to 1"):
        Regularizer(drop_levels=2.0)
