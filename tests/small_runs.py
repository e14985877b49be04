"""A small module, rows for it, and a quiet fit."""

from functools import partial

import torch
from lightning.pytorch import LightningDataModule, Trainer

from mdn.data.batches import Batches, Blocks
from mdn.data.table import Table
from mdn.distributions.families import Full
from mdn.fitting.schedules import cosine
from mdn.networks.backbones import MLP
from mdn.networks.kinds import numbers
from mdn.training.module import MDNModule
from mdn.training.recipe import Recipe

BACKBONE = partial(MLP, width=8, depth=1, activation="tanh", dropout=0.0, norm=None, residual=False)


def make_module(**changes):
    kinds, num_targets = numbers(changes.pop("num_inputs", 1)), changes.pop("num_targets", 2)
    settings = dict(
        num_components=3,
        ensemble_size=1,
        first_layer_gain=[1.0],
        family=Full(1e-3, factor="covariance"),
        backbone=BACKBONE,
        optimizer=partial(torch.optim.AdamW, lr=1e-2),
        schedule=partial(cosine, warmup=0.1),
    )
    return MDNModule(kinds, num_targets, recipe=Recipe(**(settings | changes)).resolve())


def make_table(rows=90, weight=None):
    x = torch.linspace(-1, 1, rows, dtype=torch.float64)[:, None]
    noise = torch.randn(rows, 2, dtype=torch.float64)
    y = torch.cat([1e4 + 50 * x, -3 * x], 1) + noise * torch.tensor([20.0, 0.1])
    return Table(x, y, weight, ["x"], ["a", "b"])


def targets_alone(*columns, weight=None):
    """Targets y0, y1, ... and no inputs."""
    y = torch.stack([torch.as_tensor(column, dtype=torch.float64) for column in columns], 1)
    names = [f"y{i}" for i in range(y.shape[1])]
    return Table(torch.zeros(len(y), 0, dtype=torch.float64), y, weight, [], names)


class Rows(LightningDataModule):
    def __init__(self, table, block=1):
        super().__init__()
        self.train_table = table
        self.block = block

    def train_dataloader(self):
        return Blocks(Batches(self.train_table.tensors, 10, seed=0), self.block)

    def val_dataloader(self):
        return Batches(self.train_table.tensors, 40)


def quiet_trainer(**settings):
    """A Trainer that says and writes nothing, but for what its settings ask."""
    quiet = dict(
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        log_every_n_steps=1,
    )
    return Trainer(**(quiet | settings))


def fit(module, data, epochs=2):
    trainer = quiet_trainer(max_epochs=epochs)
    trainer.fit(module, data)
    return trainer
