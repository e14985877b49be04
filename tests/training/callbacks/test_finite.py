import os

import pytest
import torch
from lightning.pytorch.callbacks import Callback

from mdn.training.callbacks.best_and_last import LastCheckpoint
from mdn.training.callbacks.finite import FiniteLoss


def weights_are_finite(module):
    return all(bool(p.isfinite().all()) for p in module.parameters())


@pytest.mark.parametrize("value", [float("nan"), 1e300])
def test_a_broken_batch_ends_the_run_with_its_number_before_it_does_harm(
    fit, data, make_module, value
):
    module = make_module()
    module.start(data.train_table)
    data.tables["train"].y[70] = value
    with pytest.raises(ValueError, match="not finite at epoch 0, batch 2: rows hold NaN, inf"):
        fit([FiniteLoss(every_n_steps=50)], module)
    assert weights_are_finite(module)


class Diverge(Callback):
    def on_train_epoch_start(self, trainer, pl_module):
        if trainer.current_epoch == 1:
            pl_module.network.head.components.bias.data.fill_(torch.nan)


def test_a_diverged_run_is_told_so(fit):
    with pytest.raises(ValueError, match=r"epoch 1, batch 0: the training has diverged; lower"):
        fit([Diverge(), FiniteLoss(every_n_steps=50)])


@pytest.mark.parametrize("steps", [2, 50])
def test_where_looking_costs_it_looks_seldom_but_before_anything_is_saved(
    fit, data, make_module, monkeypatch, tmp_path, steps
):
    monkeypatch.setattr("lightning.pytorch.Trainer.world_size", 2)
    module, directory = make_module(), str(tmp_path / "checkpoints")
    module.start(data.train_table)
    data.tables["train"].y[40] = torch.nan  # of batch 1, and batch 0 is looked at
    with pytest.raises(ValueError, match="epoch 0, batches 1 to 2: rows hold NaN, inf"):
        fit([FiniteLoss(steps), LastCheckpoint(directory, "last", 0.0)], module)
    assert not os.path.exists(directory) or not os.listdir(directory)


def test_a_sound_run_ends_as_ever(fit):
    assert fit([FiniteLoss(every_n_steps=1)]).trainer.current_epoch == 3


def test_no_steps_are_refused():
    with pytest.raises(
        ValueError, match="every_n_steps must be a whole number of at least 1, got 0"
    ):
        FiniteLoss(0)


def test_batches_are_counted_on_in_a_run_that_goes_on_inside_an_epoch():
    before, after = FiniteLoss(), FiniteLoss()
    before._first, before._batches = 3, [[], []]
    after.load_state_dict(before.state_dict())
    assert after._first == 5
