"""The random numbers of a training step follow from its number, and are nobody else's."""

from functools import partial

import pytest
import torch
from small_runs import BACKBONE, Rows, fit, make_module, make_table

from mdn.fitting.objectives import NLLWithCRPS, Regularizer
from mdn.training.random_steps import step_draws

CPU = torch.device("cpu")


def drawn(seed=0, step=0, process=0, device=CPU):
    with step_draws(seed, step, process, device):
        return torch.rand(4, device=device), torch.rand(2)


def test_draws_follow_from_seed_step_and_process(device):
    def same(one, other):
        return all(map(torch.equal, one, other))

    first = drawn(device=device)
    torch.rand(3)
    assert same(drawn(device=device), first)
    for change in ({"seed": 1}, {"step": 1}, {"process": 1}):
        assert not same(drawn(**change, device=device), first)


def test_no_two_steps_have_the_same_draws():
    assert len({tuple(drawn(step=step)[0].tolist()) for step in range(2000)}) == 2000


def test_draws_around_a_step_are_as_without_it(device):
    torch.manual_seed(3)
    alone = torch.rand(5), torch.rand(5, device=device)
    torch.manual_seed(3)
    drawn(device=device)
    torch.testing.assert_close((torch.rand(5), torch.rand(5, device=device)), alone, rtol=0, atol=0)


def test_state_comes_back_after_an_error():
    torch.manual_seed(3)
    alone = torch.rand(5)
    torch.manual_seed(3)
    with pytest.raises(KeyError), step_draws(0, 0, 0, CPU):
        raise KeyError
    assert torch.equal(torch.rand(5), alone)


RANDOM = [
    {"backbone": partial(BACKBONE, dropout=0.3)},
    {"regularizer": Regularizer(input_noise=0.1)},
    {"regularizer": Regularizer(target_noise=0.1)},
    {"objective": NLLWithCRPS()},
]


@pytest.mark.parametrize("changes", RANDOM, ids=lambda changes: next(iter(changes)))
def test_a_fit_depends_on_no_draw_before_it(changes):
    table, weights = make_table(), []
    for before in (0, 5):
        torch.manual_seed(0)
        module = make_module(**changes)
        module.start(table)
        torch.rand(before)
        state = torch.get_rng_state()
        fit(module, Rows(table, block=4))
        assert torch.equal(torch.get_rng_state(), state)
        weights.append(module.state_dict())
    torch.testing.assert_close(*weights, rtol=0, atol=0)
