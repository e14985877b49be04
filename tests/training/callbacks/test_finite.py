import math
import os
import re

import pytest
import torch
from lightning.pytorch.callbacks import Callback
from small_tables import Rows, make_table
from torch import nn

from mdn.data.batches import Batches
from mdn.distributions.families import Full
from mdn.fitting.objectives import BetaNLL, NaturalGradientEM, NLLWithCRPS, Regularizer
from mdn.networks.backbones import NoBackbone
from mdn.training.callbacks.best_and_last import BestCheckpoint, LastCheckpoint
from mdn.training.callbacks.finite import TAG, FiniteLoss
from mdn.training.callbacks.outcome import outcomes

SKIPPED = "training loss or its gradient is not finite"


def weights_are_finite(module):
    return all(bool(p.isfinite().all()) for p in module.parameters())


def numbers(module):
    return {name: value.clone() for name, value in module.state_dict().items()}


class Spoiling(nn.Module):
    """A layer that has no finite answer while `broken`, or no finite gradient."""

    broken = None
    num_features = 4

    def __init__(self, num_inputs):
        super().__init__()
        self.linear = nn.Linear(num_inputs, 4)
        self.norm = nn.BatchNorm1d(4)

    def forward(self, x):
        rows = x[..., :1] > 1.5  # standardized: about the last tenth
        if Spoiling.broken == "loss":  # and the batch norm remembers it
            x = torch.where(rows, torch.nan, x)
        x = self.norm(self.linear(x)).tanh()
        if Spoiling.broken == "gradient":  # sqrt(0) is 0, and its derivative infinite
            return x + torch.where(rows, (x - x).abs().sqrt(), 0.0)
        return x


class Break(Callback):
    """Makes the layer useless for some calls, counted over the run."""

    def __init__(self, calls, how="loss"):
        self.calls, self.how, self.at = calls, how, 0

    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
        Spoiling.broken = self.how if self.at in self.calls else None
        self.at += 1

    def on_train_batch_end(self, *_):
        Spoiling.broken = None


@pytest.fixture(autouse=True)
def mended():
    yield
    Spoiling.broken = None


class Record(Callback):
    """The numbers of the module and what its optimizer remembers, before and after each step."""

    def __init__(self):
        self.before, self.after = [], []

    def _seen(self, trainer, module):
        state = trainer.optimizers[0].state_dict()["state"]
        memory = [value.clone() for each in state.values() for value in each.values()]
        return numbers(module), memory

    def on_train_batch_start(self, trainer, pl_module, *_):
        self.before.append(self._seen(trainer, pl_module))

    def on_train_batch_end(self, trainer, pl_module, *_):
        self.after.append(self._seen(trainer, pl_module))


@pytest.mark.parametrize("value", [math.nan, 1e300])
def test_the_first_broken_batch_may_end_the_run_with_its_number(fit, data, make_module, value):
    module = make_module()
    module.start(data.train_table)
    data.tables["train"].y[70] = value
    with pytest.raises(ValueError, match="not finite at epoch 0, batch 2: rows hold NaN, inf"):
        fit([FiniteLoss(max_skips=0)], module)
    assert weights_are_finite(module)


@pytest.mark.parametrize("how", ["loss", "gradient"])
@pytest.mark.parametrize("optimizer", [torch.optim.AdamW, torch.optim.SGD, torch.optim.RMSprop])
def test_a_step_without_a_finite_gradient_is_left_out_and_told(fit, make_module, how, optimizer):
    record, guard = Record(), FiniteLoss()
    module = make_module(backbone=Spoiling, optimizer=optimizer)
    with pytest.warns(
        UserWarning, match=f"{SKIPPED} at epoch 1, batch 1: . of 32 rows have none; look"
    ):
        run = fit([guard, Break({4}, how), record], module)
    (weights, memory), (weights_after, memory_after) = record.before[4], record.after[4]
    torch.testing.assert_close(weights_after, weights, rtol=0, atol=0)
    torch.testing.assert_close(memory_after, memory, rtol=0, atol=0)
    assert weights_are_finite(module)
    assert run.trainer.global_step == 9  # the learning rate follows its schedule
    assert outcomes(run.trainer) == {TAG: 1}
    assert math.isfinite(run.trainer.callback_metrics["train/nll"])


class SpoilMember(Callback):
    """Plants a NaN into the gradient of the second member at one step."""

    def __init__(self, step):
        self.step = step

    def on_fit_start(self, trainer, pl_module):
        def spoiled(gradient):
            second = torch.tensor(1)
            return gradient.index_fill(0, second, torch.nan) if self._now(trainer) else gradient

        pl_module.network.head.components.bias.register_hook(spoiled)

    def _now(self, trainer):
        return trainer.global_step == self.step


def test_only_the_member_concerned_skips_a_step(fit, make_module):
    record, module = Record(), make_module(ensemble_size=3, gradient_clip=1.0)
    with pytest.warns(UserWarning, match="epoch 1, batch 1, for 1 of 3 members: no row has none"):
        run = fit([SpoilMember(4), FiniteLoss(), record], module)
    (before, memory), (after, memory_after) = record.before[4], record.after[4]
    for name, _ in module.named_parameters():
        changed = (after[name] != before[name]).flatten(1).any(1)
        assert changed.tolist() == [True, False, True]
    for earlier, later in zip(memory, memory_after, strict=True):
        assert earlier.ndim == 0 or (earlier[1] == later[1]).all()
    assert run.trainer.callback_metrics["train/nll"].isfinite()


def test_several_in_a_row_end_the_run_with_the_best_epoch(fit, make_module, tmp_path):
    callbacks = [
        FiniteLoss(max_skips=2),
        Break(range(5, 99)),
        BestCheckpoint(f"{tmp_path}/checkpoints"),
    ]
    end = (
        r"That makes 3 steps in a row. The best checkpoint so far was saved at epoch [01], val/nll"
    )
    with pytest.warns(UserWarning, match=SKIPPED), pytest.raises(ValueError, match=end):
        fit(callbacks, make_module(backbone=Spoiling))


def test_more_than_half_of_an_epoch_ends_the_run(fit, make_module):
    guard = FiniteLoss(max_skips=1)
    with pytest.raises(ValueError, match=r"That makes 2 of 3 steps of this epoch"):
        fit([guard, Break({0, 2})], make_module(backbone=Spoiling))


class Blocked(Rows):
    def train_dataloader(self):
        batches = Batches(self.train_table.tensors, 10, 0, lambda: self.trainer.current_epoch)
        return batches.in_blocks(4)


def test_the_rows_are_named(make_trainer, make_module, data):
    blocked = Blocked(data.tables)
    module = make_module(backbone=Spoiling)
    with pytest.warns(UserWarning, match=f"{SKIPPED} at epoch 0, batch") as warned:
        make_trainer([FiniteLoss(), Break({1})]).fit(module, blocked)
    message = next(str(each.message) for each in warned if SKIPPED in str(each.message))
    row = int(re.search(r"row (\d+) of the training part", message)[1])
    x, y = (values[row].item() for values in data.train_table.tensors)
    assert f"(x={x:.6g}, y0={y:.6g})" in message


class Diverge(Callback):
    def on_train_epoch_start(self, trainer, pl_module):
        if trainer.current_epoch == 1:
            pl_module.network.head.components.bias.data.fill_(torch.nan)


def test_a_diverged_run_is_told_so(fit):
    with pytest.raises(ValueError, match=r"epoch 1, batch 0: the training has diverged; lower"):
        fit([Diverge(), FiniteLoss()])


def test_nothing_of_a_diverged_run_is_saved(fit, make_module, tmp_path):
    directory = str(tmp_path / "checkpoints")
    callbacks = [FiniteLoss(), LastCheckpoint(directory, "last", 0.0)]
    with pytest.raises(ValueError, match="the training has diverged; lower `lr`"):
        fit(callbacks, make_module(1e30))
    assert not os.path.exists(directory) or not os.listdir(directory)


def test_weights_that_are_not_finite_are_not_saved(fit, tmp_path):
    class Ruin(Callback):
        def on_train_epoch_end(self, trainer, pl_module):
            pl_module.network.head.components.bias.data.fill_(torch.inf)

    with pytest.raises(ValueError, match="weights are not finite at epoch 0, and are not saved"):
        fit([Ruin(), FiniteLoss(), LastCheckpoint(f"{tmp_path}/checkpoints", "last", 0.0)])
    assert not (tmp_path / "checkpoints" / "last.ckpt").exists()


SETTINGS = {
    "beta_nll": dict(objective=BetaNLL(0.5), num_components=1),
    "crps": dict(objective=NLLWithCRPS(0.5)),
    "ngem": dict(objective=NaturalGradientEM(), family=Full(1e-3, factor="covariance")),
    "regularizer": dict(regularizer=Regularizer(input_noise=0.1, target_noise=0.1, entropy=0.1)),
    "clipped": dict(gradient_clip=1.0),
    "ensemble": dict(ensemble_size=3),
}


@pytest.mark.parametrize("changes", SETTINGS.values(), ids=SETTINGS)
def test_every_objective_skips(fit, make_module, changes):
    module = make_module(backbone=Spoiling, **changes)
    with pytest.warns(UserWarning, match=SKIPPED):
        run = fit([FiniteLoss(), Break({4})], module)
    assert weights_are_finite(module)
    assert run.trainer.callback_metrics["val/nll"].isfinite()


def test_half_precision_skips(fit, make_module):
    module = make_module(backbone=Spoiling)
    with pytest.warns(UserWarning, match=f"{SKIPPED} at epoch 1, batch 1: . of 32 rows"):
        fit([FiniteLoss(), Break({4})], module, precision="bf16-mixed")
    assert weights_are_finite(module)


def test_rows_that_lack_targets_skip(make_trainer, make_module):
    tables = {name: make_table(96, 2) for name in ("train", "val")}
    for table in tables.values():
        table.y[::3, 0] = torch.nan
    module = make_module(backbone=Spoiling, num_targets=2)
    with pytest.warns(UserWarning, match=f"{SKIPPED} at epoch 1, batch 1: . of 32 rows"):
        make_trainer([FiniteLoss(), Break({4})]).fit(module, Rows(tables))
    assert module.misses_targets
    assert weights_are_finite(module)


def test_a_mixture_without_inputs_skips(fit, make_module, data):
    module = make_module(backbone=NoBackbone)
    module.start(data.train_table)
    data.tables["train"].y[40] = torch.nan
    with pytest.warns(UserWarning, match=SKIPPED):
        fit([FiniteLoss()], module)
    assert weights_are_finite(module)


def test_counts_go_on_where_a_run_is_resumed(fit, make_module, tmp_path):
    last = LastCheckpoint(f"{tmp_path}/checkpoints", "last", 0.0)
    first = [FiniteLoss(max_skips=3), Break({4, 5}), last]
    with pytest.warns(UserWarning, match=SKIPPED):
        fit(first, make_module(backbone=Spoiling), max_epochs=2)
    last = LastCheckpoint(f"{tmp_path}/again", "last", 0.0)
    again = [FiniteLoss(max_skips=3), Break({0, 1}), last]
    end = r"epoch 2, batch 1.*That makes 4 steps in a row"
    with pytest.raises(ValueError, match=end):
        fit(again, make_module(backbone=Spoiling), f"{tmp_path}/checkpoints/last.ckpt")


class SpoilTargets(Callback):
    """Multiplies the targets of some batches."""

    def __init__(self, *calls):
        self.calls, self.at = calls, 0

    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
        if self.at in self.calls:
            batch[1].mul_(1e5)
        self.at += 1


def test_a_spike_is_skipped_once_where_nothing_clips_it(fit, make_module):
    record, module = Record(), make_module()
    told = "gradient is a thousand times as large as usual at epoch 8, batch 1; set `gradient_clip`"
    with pytest.warns(UserWarning, match=told):
        run = fit([SpoilTargets(25, 26), FiniteLoss(), record], module, max_epochs=9)
    torch.testing.assert_close(record.after[25], record.before[25], rtol=0, atol=0)
    assert any((record.after[26][0][k] != v).any() for k, v in record.before[26][0].items())
    assert outcomes(run.trainer) == {TAG: 1}


def test_a_spike_that_is_clipped_is_learned_from(fit, make_module):
    module = make_module(gradient_clip=1.0)
    run = fit([SpoilTargets(25), FiniteLoss()], module, max_epochs=9)
    assert outcomes(run.trainer) == {}


@pytest.mark.parametrize("steps", [2, 50])
def test_where_looking_costs_it_looks_seldom_but_before_anything_is_saved(
    fit, data, make_module, monkeypatch, tmp_path, steps
):
    monkeypatch.setattr("mdn.training.callbacks.finite.is_free", lambda module: False)
    module, directory = make_module(), str(tmp_path / "checkpoints")
    module.start(data.train_table)
    data.tables["train"].y[40] = torch.nan  # of batch 1
    with pytest.raises(ValueError, match="epoch 0, batch 1: rows hold NaN, inf"):
        fit([FiniteLoss(steps, 0), LastCheckpoint(directory, "last", 0.0)], module)
    assert not os.path.exists(directory) or not os.listdir(directory)


def test_what_is_skipped_is_logged(fit, make_module, scalars):
    with pytest.warns(UserWarning, match=SKIPPED):
        fit([FiniteLoss(), Break({4})], make_module(backbone=Spoiling))
    assert scalars()[TAG] == [1, 1]


def test_a_sound_run_ends_as_ever(fit, scalars):
    run = fit([FiniteLoss(every_n_steps=1)])
    assert run.trainer.current_epoch == 3
    assert outcomes(run.trainer) == {}
    assert TAG not in scalars()


@pytest.mark.parametrize("name", ["every_n_steps", "max_skips"])
def test_numbers_out_of_range_are_refused(name):
    with pytest.raises(ValueError, match=f"{name} must be a whole number of at least"):
        FiniteLoss(**{name: -1})
