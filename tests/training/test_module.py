"""The LightningModule: units, weights, steps, and what it logs."""

from functools import partial

import numpy as np
import pytest
import torch
from scipy import stats
from small_runs import Rows, fit, make_module, make_table, quiet_trainer

from mdn.data.batches import Batches
from mdn.data.table import Table


def test_forward_answers_in_the_users_units():
    module, table = make_module(), make_table()
    module.start(table)
    density = module(table.x).log_prob(table.y)
    standard = module.network(module.model.inputs(table.x)).log_prob(module.model.targets(table.y))
    factors = table.y.numpy().std(0)
    torch.testing.assert_close(
        density, standard.double() - np.log(factors).sum(), atol=1e-4, rtol=0
    )
    assert density.dtype == torch.float64


def test_the_marginal_is_the_gaussian_of_the_training_rows():
    module, table = make_module(), make_table()
    module.start(table)
    y = table.y.numpy()
    wanted = stats.multivariate_normal(y.mean(0), np.cov(y.T, bias=True)).logpdf(y)
    np.testing.assert_allclose(module.model.marginal.log_prob(table.y), wanted, rtol=1e-9)


def test_logged_nll_is_the_mean_over_rows_in_their_units():
    module, data = make_module(), Rows(make_table())
    trainer = fit(module, data)
    x, y = data.train_table.tensors
    wanted = -module(x).log_prob(y).mean().item()
    assert trainer.callback_metrics["val/nll"].item() == pytest.approx(wanted, abs=1e-5)


def test_a_weight_counts_as_repetition():
    weight = torch.arange(90, dtype=torch.float64) % 3
    table = make_table(weight=weight)
    repeated = table[torch.repeat_interleave(torch.arange(90), weight.long())]
    nll = []
    for rows in (table, Table(repeated.x, repeated.y, None, ["x"], ["a", "b"])):
        torch.manual_seed(0)
        module = make_module(start_from_data=False, optimizer=partial(torch.optim.SGD, lr=0.0))
        nll.append(fit(module, Rows(rows), epochs=1).callback_metrics["val/nll"].item())
    assert nll[0] == pytest.approx(nll[1], abs=1e-5)


def test_a_batch_without_weight_teaches_nothing_and_spoils_nothing():
    module, table = make_module(), make_table()
    module.start(table)
    loss = module._loss((*table.tensors, torch.zeros(90, dtype=torch.float64)))
    loss.backward()
    assert loss.item() == 0
    for parameter in module.parameters():
        assert not parameter.grad.any()


def test_blocks_take_the_same_steps_as_single_batches():
    weights = []
    for block in (1, 4):
        torch.manual_seed(0)
        module = make_module()
        trainer = fit(module, Rows(make_table(), block))
        weights.append(torch.cat([p.detach().flatten() for p in module.parameters()]))
        assert module.lr_schedulers().last_epoch == 18  # 9 steps an epoch, and the rate at its end
        assert trainer.optimizers[0].param_groups[0]["lr"] == pytest.approx(0, abs=1e-9)
    torch.testing.assert_close(*weights, atol=0, rtol=0)


def test_biases_do_not_decay_and_parts_have_their_own_rates():
    module = make_module(mixture_lr=1e-3, component_lr=2e-3)
    fit(module, Rows(make_table()), epochs=1)
    groups = module.optimizers().param_groups
    assert {group["initial_lr"] for group in groups} == {1e-2, 1e-3, 2e-3}
    for group in groups:
        assert (group["weight_decay"] == 0) == all(p.ndim == 2 for p in group["params"])


@pytest.mark.parametrize(
    "rates", [{"optimizer": partial(torch.optim.AdamW, lr=1e38)}, {"mixture_lr": 1e31}]
)
def test_rates_beyond_float32_are_refused(rates):
    with pytest.raises(ValueError, match="`lr` must be at most 1e"):
        fit(make_module(**rates), Rows(make_table()))


def test_gradients_are_clipped():
    table = make_table()
    torch.manual_seed(0)
    module = make_module(gradient_clip=1e-3, optimizer=partial(torch.optim.SGD, lr=1.0))
    module.start(table)
    before = torch.cat([p.detach().flatten() for p in module.parameters()])
    data = Rows(table)
    data.train_dataloader = lambda: Batches(table.tensors, 90)
    fit(module, data, epochs=1)
    after = torch.cat([p.detach().flatten() for p in module.parameters()])
    assert (after - before).norm() <= 1.001e-3


def test_bare_loaders_are_refused_before_a_start():
    batches = Batches(make_table().tensors, 10)
    trainer = quiet_trainer(max_epochs=1)
    with pytest.raises(ValueError, match=r"call module\.start\(table\)"):
        trainer.fit(make_module(), batches, batches)


def test_a_trained_module_keeps_its_scaling_when_it_is_trained_on():
    module = make_module()
    fit(module, Rows(make_table()))
    shift = module.model.targets.shift.clone()
    moved = make_table()
    fit(module, Rows(Table(moved.x, moved.y + 5, None, ["x"], ["a", "b"])))
    torch.testing.assert_close(module.model.targets.shift, shift)
