"""A small real run for callbacks to look at: `fit(callbacks, ...)` returns its Trainer."""

from functools import partial
from types import SimpleNamespace

import pytest
import torch
from lightning.pytorch import LightningDataModule, Trainer
from lightning.pytorch.callbacks import Callback, ModelCheckpoint, ProgressBar
from lightning.pytorch.loggers import TensorBoardLogger
from torch.utils.data import DataLoader, TensorDataset

from mdn.data.table import Table
from mdn.families import Diagonal
from mdn.module import MDNModule
from mdn.networks import MLP
from mdn.objectives import NLL, Regularizer
from mdn.schedules import constant

BACKBONE = partial(MLP, width=8, depth=1, activation="tanh", dropout=0.0, norm=None, residual=False)


class Rows(LightningDataModule):
    """The same few tables as a datamodule of the project has."""

    def __init__(self, tables: dict[str, Table]):
        super().__init__()
        self.tables = tables

    @property
    def train_table(self):
        return self.tables["train"]

    def _loader(self, name):
        return DataLoader(TensorDataset(*self.tables[name].tensors), batch_size=32)

    def train_dataloader(self):
        return self._loader("train")

    def val_dataloader(self):
        return self._loader("val")


def make_table(rows: int, targets: int = 1, seed: int = 0) -> Table:
    generator = torch.Generator().manual_seed(seed)
    x = torch.rand(rows, 1, generator=generator, dtype=torch.float64)
    noise = torch.randn(rows, targets, generator=generator, dtype=torch.float64)
    names = [f"y{j}" for j in range(targets)]
    return Table(x, 10 + 5 * x + noise, None, ["x"], names)


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
    def make(
        learning_rate=1e-2,
        components=3,
        optimizer=torch.optim.Adam,
        inputs=1,
        backbone=BACKBONE,
        members=1,
    ):
        return MDNModule(
            num_inputs=inputs,
            num_targets=1,
            num_components=components,
            ensemble_size=members,
            sharpness=[1.0],
            family=Diagonal(1e-3),
            backbone=backbone,
            optimizer=partial(optimizer, lr=learning_rate),
            schedule=constant,
            start_from_data=True,
            mixture_lr=None,
            component_lr=None,
            gradient_clip=None,
            objective=NLL(),
            regularizer=Regularizer(0.0, 0.0, 0.0),
        )

    return make


@pytest.fixture
def make_trainer(tmp_path):
    """A Trainer that is silent but for the callbacks under test."""

    def make(callbacks, **settings):
        defaults = dict(
            accelerator="cpu",
            max_epochs=3,
            logger=TensorBoardLogger(tmp_path, name="", version="", default_hp_metric=False),
            enable_progress_bar=any(isinstance(c, ProgressBar) for c in callbacks),
            enable_checkpointing=any(isinstance(c, ModelCheckpoint) for c in callbacks),
            enable_model_summary=False,
            num_sanity_val_steps=0,
            log_every_n_steps=1,
        )
        return Trainer(callbacks=callbacks, **(defaults | settings))

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
