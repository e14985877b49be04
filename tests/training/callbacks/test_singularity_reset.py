import math
from dataclasses import replace

import pytest
import torch
from resets import Kill, Weights

from mdn.data.table import Table
from mdn.distributions.families import Diagonal, Full
from mdn.distributions.mixture import GaussianMixture
from mdn.networks.backbones import NoBackbone
from mdn.networks.kinds import numbers
from mdn.training.em_module import EMModule
from mdn.training.recipe import EMRecipe


def two_clusters():
    generator = torch.Generator().manual_seed(0)
    y = torch.randn(200, 1, generator=generator, dtype=torch.float64)
    y[:100] += 20
    return Table(torch.zeros(200, 0, dtype=torch.float64), y, None, [], ["y"])


@pytest.fixture
def fit_clusters(fit, data, make_module):
    """A density of two clusters, of which one component covers both and the other is lost."""

    def run(callbacks):
        data.tables["train"] = data.tables["val"] = two_clusters()
        module = make_module(
            learning_rate=0.05,
            num_components=2,
            num_inputs=0,
            backbone=NoBackbone,
            start_from_data=False,
        )
        head = module.network.head
        with torch.no_grad():
            head.weights.bias.copy_(torch.tensor([[0.0, -60.0]]))
            head.components.bias.copy_(torch.tensor([[0.0, 0.0, 0.5, -7.0]]))
        return fit(callbacks, module, max_epochs=60)

    return run


def test_a_lost_component_is_lost_without_and_found_with_a_reset(fit_clusters, reset):
    y = two_clusters().y
    components = torch.distributions.Normal(torch.tensor([0.0, 20.0]), 1.0)
    best = -torch.logsumexp(components.log_prob(y) - torch.log(torch.tensor(2.0)), -1).mean()
    alone = fit_clusters([]).trainer.callback_metrics["val/nll"]
    callback = reset(every_n_epochs=5)
    helped = fit_clusters([callback]).trainer.callback_metrics["val/nll"]
    assert alone > best + 0.8
    assert helped < best + 0.05
    assert callback.resets == {1: 1}


def two_clusters_and_an_outlier():
    table = two_clusters()
    return replace(table, x=torch.zeros(201, 0).double(), y=torch.cat([table.y, table.y[:1] + 80]))


@pytest.fixture
def fit_outlier(fit, data):
    """EM from where one component covers both clusters, and one a single row."""

    def run(callbacks):
        data.tables["train"] = data.tables["val"] = two_clusters_and_an_outlier()
        module = EMModule(
            numbers(0), 1, EMRecipe(num_components=2, family=Diagonal(1e-3)).resolve()
        )
        module.start(data.train_table)
        z = module.model.targets(data.train_table.y, torch.float64)
        mu = torch.stack([z[:200].mean(0), z[200]])
        scale = module.model.family.project(
            torch.tensor([[[0.2]], [[0.0]]]).double(), torch.ones(2)
        )
        module.network.head.start(GaussianMixture(torch.zeros(2), mu, scale), shrink=0.0)
        return fit(callbacks, module, max_epochs=40)

    return run


def test_em_too_leaves_a_single_row_behind_and_goes_on(fit_outlier, reset, scalars):
    alone = fit_outlier([])
    callback = reset(patience=1)
    helped = fit_outlier([callback])
    assert alone.module.ascent.converged
    assert helped.module.ascent.converged
    assert callback.resets == {1: 1}
    assert alone.module.mixture.pi[1] == pytest.approx(1 / 201, rel=1e-3)
    assert helped.module.mixture.pi[1] > 0.4
    assert scalars()["singularity/resets/1"][-1] == 1


def test_a_reset_takes_back_that_em_had_converged(fit_outlier, data):
    run = fit_outlier([])
    run.module.reset_component(1, data.train_table.y[0], data.train_table.x)
    assert not run.module.ascent.converged
    assert run.module.mixture.pi[1] == pytest.approx(0.5 / (0.5 + 200 / 201))


def test_a_reset_component_has_an_equal_share_of_the_volume():
    y = torch.randn(60, 3).double() @ torch.tensor([[2.0, 1, 0], [0, 5, 1], [0, 0, 9]]).double()
    table = Table(torch.zeros(60, 0).double(), y, None, [], ["a", "b", "c"])
    family = Full(1e-3, "covariance")
    module = EMModule(numbers(0), 3, EMRecipe(num_components=4, family=family).resolve())
    module.start(table)
    module.reset_component(2, y[0], table.x)
    volume = module(table.x).scale.log_det()[..., 2].mean().item()
    whole = module.model.marginal.scale.log_det().item()
    assert volume == pytest.approx(whole - math.log(4), abs=1e-5)


def test_a_reset_component_starts_at_a_row_with_an_equal_share(
    fit, reset, data, make_module, scalars
):
    module = make_module(learning_rate=0.0)
    weights, callback = Weights(), reset()
    fit([Kill(1, [0, 1]), weights, callback], module, max_epochs=3)
    with torch.no_grad():
        mixtures = module(data.train_table.x)
    place = mixtures.mu[0, 1]
    assert (place - data.train_table.y).abs().min() < 1e-4
    torch.testing.assert_close(mixtures.mu[:, 1], place.expand(96, 1))
    torch.testing.assert_close(mixtures.sigma[0, 1, 0], data.train_table.y.std(correction=0) / 3)
    assert mixtures.pi[:, 1].mean() == pytest.approx(0.25, abs=0.02)  # 1/3 beside the other two
    assert callback.resets == {1: 1}
    logged = scalars()
    assert logged["singularity/resets"] == [0, 1]
    assert logged["singularity/resets/1"] == [0, 1]
    assert logged["singularity/resets/0"] == [0, 0]


def test_patience_spares_a_component_that_recovers(fit, reset, make_module):
    callback = reset(patience=3)
    fit([Kill(1, [0]), callback], make_module(learning_rate=0.0), max_epochs=3)
    assert callback.resets == {}
    assert callback.degenerate_for == {1: 2}


def test_a_healthy_run_is_not_touched(fit, reset, make_module):
    states = []
    for callbacks in ([], [reset(patience=1)]):
        torch.manual_seed(0)
        states.append(fit(callbacks, make_module(), max_epochs=4).module.state_dict())
    for name, value in states[0].items():
        assert torch.equal(value, states[1][name])


def test_a_component_that_no_reset_helps_is_left_alone_with_one_warning(fit, reset, make_module):
    callback = reset(patience=1, max_resets=2)
    with pytest.warns(UserWarning, match="1 of [0-9]+ components were reset 2 times") as caught:
        fit([Kill(1, range(9)), callback], make_module(learning_rate=0.0), max_epochs=6)
    assert len([w for w in caught if "were reset" in str(w.message)]) == 1
    assert callback.resets == {1: 2}


def test_or_ends_the_run_with_advice(fit, reset, make_module):
    callback = reset(patience=1, max_resets=2, on_exhausted="raise")
    with pytest.raises(ValueError, match=r"lower `num_components`, raise `min_scale` \(now"):
        fit([Kill(1, range(9)), callback], make_module(learning_rate=0.0), max_epochs=6)


def test_it_looks_only_in_the_first_part(fit, reset, make_module):
    callback = reset(patience=1, until=0.5)
    fit([Kill(1, range(3, 9)), callback], make_module(learning_rate=0.0), max_epochs=6)
    assert callback.resets == {}


def test_counts_outlive_a_resume(fit, reset, make_module, tmp_path):
    callback = reset(patience=1)
    run = fit([Kill(1, [0]), callback], make_module(learning_rate=0.0), max_epochs=2)
    run.trainer.save_checkpoint(tmp_path / "x.ckpt")
    again = reset(patience=1)
    fit([again], make_module(learning_rate=0.0), str(tmp_path / "x.ckpt"), max_epochs=3)
    assert again.resets == callback.resets == {1: 1}


def test_what_was_given_up_outlives_a_resume_too(reset):
    callback, again = reset(), reset()
    callback.given_up = {3, 1}
    again.load_state_dict(callback.state_dict())
    assert again.given_up == {1, 3}


def test_every_process_follows_the_first(fit, reset, make_module, monkeypatch, data):
    from lightning.pytorch.strategies import SingleDeviceStrategy

    monkeypatch.setattr(SingleDeviceStrategy, "broadcast", lambda self, plan, src=0: plan_of_first)
    plan_of_first = [(2, 7)]
    callback = reset(until=0.4)
    module = fit([callback], make_module(learning_rate=0.0), max_epochs=3).module
    assert callback.resets == {2: 1}
    with torch.no_grad():
        mu = module(data.train_table.x).mu[0, 2]
    torch.testing.assert_close(mu, data.train_table.y[7], rtol=1e-6, atol=0)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"patience": 0}, "patience must be a whole number of at least 1, got 0"),
        ({"on_exhausted": "stop"}, "'stop'"),
    ],
)
def test_wrong_settings_are_refused(reset, changes, message):
    with pytest.raises(ValueError, match=message):
        reset(**changes)
