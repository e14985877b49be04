"""Objectives and regularisers in a run: what is minimised, and what is logged."""

from dataclasses import dataclass
from functools import partial

import pytest
import torch
from small_runs import Rows, fit, make_module, make_table

from mdn.data.batches import Batches
from mdn.fitting.objectives import (
    NLL,
    BetaNLL,
    NaturalGradientEM,
    NLLWithCRPS,
    Objective,
    Regularizer,
)

OBJECTIVES = [NLL(), NaturalGradientEM(0.1), NLLWithCRPS(1.0, 4)]
STILL = partial(torch.optim.SGD, lr=0.0)


class WholeTable(Rows):
    def train_dataloader(self):
        return Batches(self.train_table.tensors, 90, seed=0)


def trained(epochs=1, weight=None, **changes):
    torch.manual_seed(0)
    module = make_module(start_from_data=False, **changes)
    torch.manual_seed(1)
    data = WholeTable(make_table(weight=weight))
    return module, fit(module, data, epochs).callback_metrics, data.train_table


@pytest.mark.parametrize("size", [1, 2])
@pytest.mark.parametrize("objective", OBJECTIVES, ids=lambda o: type(o).__name__)
def test_whatever_is_minimised_the_nll_is_logged(objective, size):
    module, logged, table = trained(objective=objective, optimizer=STILL, ensemble_size=size)
    nll = -module(table.x).log_prob(table.y).mean().item()
    assert logged["train/nll"].item() == pytest.approx(nll, abs=1e-4)
    assert logged["val/nll"].item() == pytest.approx(nll, abs=1e-4)


@dataclass(frozen=True)
class Doubled(Objective):
    """Twice the likelihood, and no word of it in what is logged."""

    def loss(self, mixture, y):
        loss, nll = NLL()(mixture, y)
        return 2 * loss, nll


@pytest.mark.parametrize("size", [1, 2])
@pytest.mark.parametrize("weight", [None, torch.arange(90, dtype=torch.float64) % 3])
def test_it_is_the_objective_that_is_descended(weight, size):
    steps = []
    for objective in (NLL(), Doubled()):
        settings = dict(objective=objective, ensemble_size=size, gradient_clip=None)
        start = torch.nn.utils.parameters_to_vector(
            trained(weight=weight, optimizer=STILL, **settings)[0].parameters()
        )
        descent = partial(torch.optim.SGD, lr=1e-2)
        module = trained(weight=weight, optimizer=descent, **settings)[0]
        steps.append(torch.nn.utils.parameters_to_vector(module.parameters()) - start)
    assert steps[0].norm() > 1e-4
    torch.testing.assert_close(steps[1], 2 * steps[0], rtol=1e-3, atol=1e-7)


def test_noise_is_for_training_only():
    noise = Regularizer(input_noise=0.0, target_noise=3.0, entropy=0.0)
    module, logged, table = trained(regularizer=noise, optimizer=STILL)
    clean = -module(table.x).log_prob(table.y).mean().item()
    assert logged["val/nll"].item() == pytest.approx(clean, abs=1e-4)
    assert logged["train/nll"].item() > clean + 1


@pytest.mark.parametrize("size", [1, 2])
def test_a_reward_for_entropy_evens_the_weights(size):
    spread = []
    for entropy in (0.0, 10.0):
        reward = Regularizer(0.0, 0.0, entropy)
        module, _, table = trained(30, regularizer=reward, ensemble_size=size)
        pi = module.model.members(table.x).pi
        spread.append((pi - 1 / pi.shape[-1]).abs().mean().item())
    assert spread[1] < 0.5 * spread[0]


def test_every_objective_learns():
    before = trained(optimizer=STILL)[1]["val/nll"].item()
    for objective in OBJECTIVES:
        assert trained(30, objective=objective)[1]["val/nll"].item() < before - 0.5
    one = dict(num_components=1, objective=BetaNLL(0.5))
    before = trained(optimizer=STILL, **one)[1]["val/nll"].item()
    assert trained(30, **one)[1]["val/nll"].item() < before - 0.5


def test_beta_nll_of_several_components_ends_the_run_with_what_to_do():
    with pytest.raises(ValueError, match=r"set `num_components=1`"):
        trained(objective=BetaNLL(0.5))


@pytest.mark.parametrize("objective", [*OBJECTIVES, BetaNLL(0.5)], ids=lambda o: type(o).__name__)
def test_each_member_learns_from_its_own_noise_as_it_would_alone(objective):
    """Gradients of an ensemble are those of one network after the other, on the rows it saw."""
    components = 1 if isinstance(objective, BetaNLL) else 3
    noise = Regularizer(input_noise=[0.4, 0.0], target_noise=[0.0, 0.7], entropy=0.1)
    table = make_table(weight=torch.rand(90, dtype=torch.float64))
    settings = dict(objective=objective, start_from_data=False, num_components=components)
    together = make_module(ensemble_size=3, regularizer=noise, **settings).double()
    together.start(table)
    torch.manual_seed(7)
    model = together.model
    x, y = model.inputs(table.x, torch.float64), model.targets(table.y, torch.float64)
    seen = [rows.clone() for rows in noise.disturb(x, y, 3)]
    state = torch.get_rng_state()
    torch.manual_seed(7)
    together._loss(table.tensors).backward()
    assert torch.equal(seen[0][1], x)
    assert torch.equal(seen[1][2], y)
    for m in range(3):
        alone = make_module(regularizer=Regularizer(0.0, 0.0, 0.1), **settings).double()
        alone.network.load_state_dict(
            {k: v[m : m + 1] for k, v in together.network.state_dict().items()}
        )
        torch.set_rng_state(state)
        alone._loss([seen[0][m], seen[1][m], table.weight]).backward()
        for name, parameter in alone.network.named_parameters():
            found = together.network.get_parameter(name).grad[m : m + 1]
            torch.testing.assert_close(found, parameter.grad, msg=lambda text, n=name: n + text)


def test_more_levels_of_noise_than_members_are_refused_at_once():
    with pytest.raises(ValueError, match=r"set `ensemble_size=2` or more"):
        make_module(regularizer=Regularizer(0.0, [0.0, 0.02], 0.0))
