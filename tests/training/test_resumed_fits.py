"""A fit that stops behind any batch, or within a validation, goes on as if it had not stopped."""

import shutil
from functools import partial

import pytest
import torch
from lightning.pytorch import Callback
from lightning.pytorch.callbacks import EarlyStopping
from small_runs import BACKBONE, Rows, make_module, make_table, quiet_trainer

from mdn.data.batches import Batches, Blocks, Share
from mdn.data.members import held_out_batches, learned_batches, rows_held_out
from mdn.data.splits.folds import CrossFit, folded
from mdn.distributions.families import Diagonal
from mdn.fitting.objectives import NLLWithCRPS, Regularizer
from mdn.networks.kinds import numbers
from mdn.training.callbacks.best_and_last import BestCheckpoint, LastCheckpoint
from mdn.training.callbacks.best_members import BestMembers
from mdn.training.callbacks.finite import FiniteLoss
from mdn.training.callbacks.singularity_reset import SingularityReset
from mdn.training.em_module import EMModule
from mdn.training.recipe import EMRecipe

RANDOM = dict(
    backbone=partial(BACKBONE, dropout=0.3),
    regularizer=Regularizer(input_noise=0.1, target_noise=0.1),
    objective=NLLWithCRPS(),
)


class Stops(Callback):
    """Keeps the checkpoints that a stop would leave, each in a folder of its own."""

    def __init__(self, last, folder):
        self.last, self.folder, self.count = last, folder, 0

    def on_train_batch_end(self, trainer, pl_module, *_):
        self.keep(trainer)

    def on_validation_batch_end(self, trainer, pl_module, *_):
        self.keep(trainer)

    def on_train_epoch_start(self, trainer, pl_module):
        if self.last.path.exists():
            self.copy(f"{self.count:03d}_epoch")

    def keep(self, trainer):
        self.last.save_now(trainer)
        self.copy(f"{self.count:03d}_{'val' if trainer.validating else 'train'}")
        self.count += 1

    def copy(self, name):
        shutil.copytree(self.last.path.parent, self.folder / name)


class Scores(Callback):
    """What is logged of each epoch."""

    def __init__(self):
        self.seen = []

    def on_train_epoch_start(self, trainer, pl_module):
        self.look(trainer)

    def on_train_end(self, trainer, pl_module):
        self.look(trainer)

    def look(self, trainer):
        self.seen.append({name: float(value) for name, value in trainer.callback_metrics.items()})


class Data(Rows):
    """Rows of which a fifth are validated on, in two batches."""

    def __init__(self, rows=60, block=2, batch_size=10):
        super().__init__(make_table(rows), block)
        self.tables = {"train": self.train_table, "val": self.train_table}
        self.batch_size = batch_size

    def train_dataloader(self):
        trainer = self.trainer
        batches = Batches(
            self.train_table.tensors, self.batch_size, seed=0, epoch=lambda: trainer.current_epoch
        )
        return Blocks(batches, self.block)

    def val_dataloader(self):
        return Batches(self.train_table.tensors, 30)


class Folds(Data):
    """Rows of which each member holds out an eighth, validated on in two batches."""

    def __init__(self, block=2):
        super().__init__(block=block)
        self.train_table = folded(self.train_table, CrossFit(True, MEMBERS), [], 0)

    def train_dataloader(self):
        trainer = self.trainer
        share = Share(lambda: trainer.current_epoch)
        return learned_batches(self.train_table, MEMBERS, 10, 0, share).in_blocks(self.block)

    def val_dataloader(self):
        held_out = rows_held_out(self.train_table, MEMBERS)
        return held_out_batches(held_out, MEMBERS, 4 * MEMBERS, Share())


def callbacks_in(folder):
    return [
        FiniteLoss(),
        SingularityReset(every_n_epochs=1, until=1.0, patience=1),
        BestCheckpoint(str(folder)),
        LastCheckpoint(str(folder), every_seconds=0.0),
        BestMembers(),
        EarlyStopping("val/nll", patience=2),
    ]


def mdn(**changes):
    return make_module(**changes)


def em(**changes):
    recipe = EMRecipe(num_components=3, family=Diagonal(1e-3), tol=0.0, **changes)
    return EMModule(numbers(1), 2, recipe.resolve())


def run(make, folder, *more, ckpt_path=None, block=2, epochs=3, **settings):
    """Fit, and tell all that must be alike."""
    torch.manual_seed(0)
    callbacks = callbacks_in(folder)
    scores = Scores()
    stops = [Stops(callbacks[3], each) for each in more]
    trainer = quiet_trainer(
        callbacks=[*stops, *callbacks, scores],
        enable_checkpointing=True,
        max_epochs=epochs,
        **settings,
    )
    module = make()
    data = Folds if make is CROSS_FITTED else Data
    trainer.fit(module, data(block=block), ckpt_path=ckpt_path, weights_only=True)
    best = torch.load(folder / "best.ckpt", weights_only=True)["state_dict"]
    last = torch.load(folder / "last.ckpt", weights_only=True)
    return {
        "weights": module.state_dict(),
        "best": best,
        "last": last["state_dict"],
        "optimizer": last["optimizer_states"],
        "schedule": last["lr_schedulers"],
        "loops": last["loops"]["fit_loop"],
        "steps": trainer.global_step,
        "scores": scores.seen[-1],
        "stopping": callbacks[5].state_dict(),
        "resets": callbacks[1].state_dict(),
        "usual norms": callbacks[0].state_dict()["usual"],
    }


def assert_alike(one, other):
    for key in (key for key in one if one[key] is not None):
        torch.testing.assert_close(one[key], other[key], rtol=0, atol=0, msg=key)


MEMBERS = 3
CROSS_FITTED = partial(mdn, ensemble_size=MEMBERS, gradient_clip=None, **RANDOM)

KINDS = {
    "plain": mdn,
    "random": partial(mdn, **RANDOM),
    "ensemble": partial(mdn, ensemble_size=3, first_layer_gain=[1.0, 2.0], **RANDOM),
    "unclipped": partial(mdn, gradient_clip=None, **RANDOM),
    "cross-fitted": CROSS_FITTED,
    "em": em,
}


def check_stops(tmp_path, make, wanted, **settings):
    """Stop everywhere, and go on from some of the places."""
    whole, kept = run(make, tmp_path / "whole", **settings), tmp_path / "kept"
    assert_alike(run(make, tmp_path / "other", kept, **settings), whole)
    stops = sorted(kept.iterdir())
    assert len(stops) > 10
    within = [*kept.glob("*_epoch/best.ckpt")]  # at the end of a validation
    for path in [*(stop / "last.ckpt" for stop in stops[wanted]), *within[wanted]]:
        resumed = run(make, tmp_path / "on" / path.relative_to(kept), ckpt_path=path, **settings)
        assert_alike(resumed, whole)


@pytest.mark.parametrize("kind", ["unclipped", "cross-fitted", "em"])
def test_it_goes_on_behind_a_batch_within_a_validation_and_behind_an_epoch(tmp_path, kind):
    check_stops(tmp_path, KINDS[kind], slice(7, 11))


@pytest.mark.slow(reason="16 fits, resumed from each of about 18 places")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "settings",
    [{}, {"check_val_every_n_epoch": 2}, {"val_check_interval": 2}, {"limit_train_batches": 2}],
    ids=lambda settings: "".join(settings) or "usual",
)
def test_it_goes_on_from_everywhere(tmp_path, kind, settings):
    check_stops(tmp_path, KINDS[kind], slice(None), **settings)
