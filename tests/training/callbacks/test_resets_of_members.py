"""What a reset looks at and forgets: one component, of one member, and no other."""

from functools import partial

import pytest
import torch
from resets import Kill, Weights

from mdn.fitting.singularity import tally
from mdn.training.callbacks.singularity_reset import forget, survey


def test_members_of_an_ensemble_are_judged_and_reset_one_by_one(
    fit, reset, data, make_module, scalars
):
    module = make_module(learning_rate=0.0, ensemble_size=3)
    weights, callback = Weights(), reset()
    fit([Kill(1, [0, 1], member=(2,)), weights, callback], module, max_epochs=3)
    assert callback.resets == {7: 1}
    with torch.no_grad():
        mixtures = module.model.members(data.train_table.x)
    place = mixtures.mu[2, 0, 1]
    assert (place - data.train_table.y).abs().min() < 1e-4
    torch.testing.assert_close(mixtures.mu[2, :, 1], place.expand(96, 1))
    torch.testing.assert_close(mixtures.sigma[2, 0, 1, 0], data.train_table.y.std(correction=0) / 3)
    assert mixtures.pi[2, :, 1].mean() == pytest.approx(0.25, abs=0.02)
    last = module.network.state_dict()
    for name, value in weights.states[-2].items():  # the others are as they were
        if name.startswith("model.network."):
            assert torch.equal(value[:2], last[name.removeprefix("model.network.")][:2])
    logged = scalars()
    assert logged["singularity/resets/7"] == [0, 1]
    assert "singularity/resets/8" in logged
    assert "singularity/resets/9" not in logged


def test_one_look_resets_components_of_several_members(fit, reset, make_module, data):
    killers = [Kill(k, [0], member=(m,)) for m, k in ((0, 2), (0, 1), (1, 0))]
    callback = reset(patience=1)
    module = make_module(learning_rate=0.0, ensemble_size=2)
    fit([*killers, callback], module, max_epochs=2)
    assert callback.resets == {2: 1, 1: 1, 3: 1}
    with torch.no_grad():
        mu = module.model.members(data.train_table.x).mu[:, 0, :, 0]
    places = torch.stack([mu[0, 1], mu[0, 2], mu[1, 0]])
    assert ((places[:, None] - data.train_table.y.T).abs().amin(1) < 1e-4).all()
    assert places[0] != places[1]


def test_a_survey_of_an_ensemble_is_that_of_each_member(fit, make_module, data):
    module = fit([], make_module(ensemble_size=3)).module
    seen = survey(module.model, data.train_table, 0.5)
    with torch.no_grad():
        mixtures = module.model.members(data.train_table.x)
    weight, floor = torch.ones(96).double(), 0.5 * module.model.targets.factor.item()
    for m in range(3):
        sums = tally(mixtures[m], data.train_table.y, weight, floor)
        torch.testing.assert_close(seen.sums[:, m], sums, rtol=1e-4, atol=1e-4)
        log_prob = mixtures[m].log_prob(data.train_table.y) - module.model.targets.log_det()
        torch.testing.assert_close(seen.log_prob[m].double(), log_prob, rtol=0, atol=1e-4)


def test_the_optimizer_forgets_one_member_only(fit, make_module):
    run = fit([], make_module(ensemble_size=3))
    head, optimizers = run.module.network.head, run.trainer.optimizers
    forget(optimizers, head.owned_by(1, 2))
    for value in memories(optimizers[0], head.weights.weight).values():
        forgotten = (value == 0).all(-1)
        assert forgotten.nonzero().tolist() == [[2, 1]]
    for value in memories(optimizers[0], head.components.bias).values():
        assert (value == 0).nonzero().tolist() == [[2, 1], [2, 4]]


@pytest.mark.parametrize("optimizer", [torch.optim.Adam, partial(torch.optim.SGD, momentum=0.9)])
def test_the_optimizer_forgets_one_component_only(fit, make_module, optimizer):
    run = fit([], make_module(optimizer=optimizer))
    head, optimizers = run.module.network.head, run.trainer.optimizers
    before = {k: v.clone() for k, v in memories(optimizers[0], head.components.bias).items()}
    assert all((value != 0).all() for value in before.values())
    forget(optimizers, head.owned_by(1))
    for name, value in memories(optimizers[0], head.components.bias).items():
        mine = torch.tensor([False, True, False] * 2)  # mu, then raw scale
        assert (value[0, mine] == 0).all()
        assert torch.equal(value[0, ~mine], before[name][0, ~mine])
    for value in memories(optimizers[0], head.weights.weight).values():
        assert (value[0, 1] == 0).all()
        assert (value[0, [0, 2]] != 0).any()


def memories(optimizer, parameter):
    state = optimizer.state[parameter]
    return {k: v for k, v in state.items() if torch.is_tensor(v) and v.shape == parameter.shape}


def test_a_survey_in_chunks_is_that_of_all_rows(fit, make_module, data, monkeypatch):
    module = fit([], make_module()).module
    whole = survey(module.model, data.train_table, 0.5)
    monkeypatch.setattr("mdn.training.callbacks.singularity_reset._CHUNK", 10)
    parts = survey(module.model, data.train_table, 0.5)
    torch.testing.assert_close(parts.sums, whole.sums)
    torch.testing.assert_close(parts.log_prob, whole.log_prob)
