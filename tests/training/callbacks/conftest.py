"""A small real run for callbacks to look at: `fit(callbacks, ...)` returns its Trainer."""

from functools import partial
from types import SimpleNamespace

import pytest
import small_runs
import torch
from lightning.pytorch.callbacks import Callback, ModelCheckpoint, ProgressBar
from lightning.pytorch.loggers import TensorBoardLogger
from small_runs import quiet_trainer
from small_tables import Rows, make_table

from mdn.distributions.families import Diagonal
from mdn.fitting.schedules import constant
from mdn.fitting.singularity import Thresholds
from mdn.training.callbacks.singularity_reset import SingularityReset


class Spoil(Callback):
    """Throws the weights away after some epoch: from there on nothing is best."""

    def __init__(self, epoch):
        self.epoch = epoch

    def on_train_epoch_start(self, trainer, pl_module):
        if trainer.current_epoch == self.epoch:
            pl_module.network.head.components.bias.data += 3


@pytest.fixture
def spoil():
    return Spoil


@pytest.fixture
def data():
    return Rows({"train": make_table(96), "val": make_table(64, seed=1)})


@pytest.fixture
def make_module():
    def make(learning_rate=1e-2, optimizer=torch.optim.Adam, **changes):
        settings = dict(
            num_targets=1,
            family=Diagonal(1e-3),
            optimizer=partial(optimizer, lr=learning_rate),
            schedule=constant,
            gradient_clip=None,
        )
        return small_runs.make_module(**(settings | changes))

    return make


@pytest.fixture
def make_trainer(tmp_path):
    """A Trainer that is silent but for TensorBoard and the callbacks under test."""

    def make(callbacks, **settings):
        defaults = dict(
            max_epochs=3,
            logger=TensorBoardLogger(tmp_path, name="", version="", default_hp_metric=False),
            enable_progress_bar=any(isinstance(c, ProgressBar) for c in callbacks),
            enable_checkpointing=any(isinstance(c, ModelCheckpoint) for c in callbacks),
        )
        return quiet_trainer(callbacks=callbacks, **(defaults | settings))

    return make


@pytest.fixture
def fit(make_trainer, make_module, data):
    def run(callbacks, module=None, ckpt_path=None, **settings):
        trainer = make_trainer(callbacks, **settings)
        module = module or make_module()
        trainer.fit(module, data, ckpt_path=ckpt_path, weights_only=True)
        return SimpleNamespace(trainer=trainer, module=module)

    return run


@pytest.fixture
def scalars(tmp_path):
    """Every value that a run wrote to TensorBoard, by tag, in order."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    def read():
        events = EventAccumulator(str(tmp_path)).Reload()
        return {tag: [e.value for e in events.Scalars(tag)] for tag in events.Tags()["scalars"]}

    return read


@pytest.fixture
def reset():
    def make(**changes):
        settings = dict(
            every_n_epochs=1,
            until=1.0,
            patience=2,
            max_resets=3,
            on_exhausted="warn",
            seed=0,
            thresholds=Thresholds(min_mass=0.01, min_rows=10, floor_factor=2.0, floor_share=0.5),
        )
        return SingularityReset(**(settings | changes))

    return make
