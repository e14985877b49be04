"""A few small tables, and a datamodule of them."""

import torch
from lightning.pytorch import LightningDataModule
from torch.utils.data import DataLoader, TensorDataset

from mdn.data.table import Table


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
