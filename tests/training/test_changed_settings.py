"""Settings that are others than in the checkpoint that a fit goes on from."""

from functools import partial
from pathlib import Path
from tempfile import mkdtemp

import pytest
import torch
from lightning.pytorch.callbacks import EarlyStopping
from small_runs import Rows, make_module, make_table, quiet_trainer

from mdn.fitting.schedules import constant
from mdn.training.callbacks.best_and_last import LastCheckpoint
from mdn.training.lightning_parts import bare_optimizer_of, schedule_of


@pytest.fixture
def go_on(tmp_path):
    """Train, and go on for one epoch with other settings; return the module and its trainer."""

    def described(**changes):
        module = make_module(**changes)
        module.model.card.model.update(module.settings.describe())
        return module

    def fit(folder, changes, patience=None, epochs=2, ckpt_path=None, **schedule):
        module = described(**changes, **schedule)
        stopping = [] if patience is None else [EarlyStopping("val/nll", patience=patience)]
        last = LastCheckpoint(str(folder), every_seconds=0)
        trainer = quiet_trainer(
            max_epochs=epochs, callbacks=[last, *stopping], enable_checkpointing=True
        )
        trainer.fit(module, Rows(make_table()), ckpt_path=ckpt_path, weights_only=True)
        return module, trainer

    def both(first, then, patience=(None, None), **schedule):
        torch.manual_seed(0)
        before, after = (Path(mkdtemp(dir=tmp_path)) for _ in range(2))
        fit(before, first, patience[0], **schedule)
        return fit(after, then, patience[1], 3, str(before / "last.ckpt"), **schedule)

    return both


def adamw(**settings):
    return {"optimizer": partial(torch.optim.AdamW, **settings)}


def test_another_rate_takes_effect_where_the_schedule_stands(go_on):
    module, _ = go_on(adamw(lr=1e-2), adamw(lr=4e-3, betas=(0.8, 0.9)), schedule=constant)
    groups = bare_optimizer_of(module).param_groups
    assert [group["lr"] for group in groups] == [4e-3] * len(groups)
    assert schedule_of(module).get_last_lr() == [4e-3] * len(groups)
    assert {group["betas"] for group in groups} == {(0.8, 0.9)}
    assert {group["weight_decay"] for group in groups} == {0.0, 0.01}


def test_a_rate_of_its_own_is_left_alone(go_on):
    changes = {"mixture_lr": 1e-3}
    module, _ = go_on(adamw(lr=1e-2) | changes, adamw(lr=4e-3) | changes, schedule=constant)
    rates = {group["lr"] for group in bare_optimizer_of(module).param_groups}
    assert rates == {4e-3, 1e-3}


def test_the_rate_of_the_checkpoint_goes_on_where_nothing_has_changed(go_on):
    module, _ = go_on(adamw(lr=1e-2), adamw(lr=1e-2))
    other, _ = go_on(adamw(lr=1e-2), adamw(lr=1e-2))
    assert schedule_of(module).get_last_lr() == schedule_of(other).get_last_lr()
    assert all(map(torch.equal, module.parameters(), other.parameters()))


def test_another_patience_takes_effect(go_on):
    _, trainer = go_on({}, {}, patience=(60, 7))
    assert trainer.early_stopping_callback.patience == 7
