"""An epoch of training: this project's run, a bare loop, and Lightning as tutorials use it.

All three train the same network on the same rows with the same optimizer, likelihood, clipping and
validation. The bare loop does nothing else; the run logs, checkpoints and watches the components;
the tutorial way collates row by row and logs every step.
"""

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback, ModelCheckpoint
from lightning.pytorch.loggers import TensorBoardLogger
from torch import Tensor, nn
from torch.optim import AdamW
from torch.utils.data import DataLoader, TensorDataset

from benchmarks.report import Row
from benchmarks.settings import Settings
from mdn.app.build import build_data, build_module, build_trainer
from mdn.app.compose import compose
from mdn.app.run_log import RunLog
from mdn.fitting.schedules import cosine
from mdn.training.datamodule import TableModule
from mdn.training.module import MDNModule

ROWS, INPUTS, BATCH = 100_000, 10, 256
EPOCHS = 4
"""The first warms up and is not counted."""
_ROUNDS = 5


def rows(settings: Settings) -> Iterator[Row]:
    """A row for each number of threads and contender."""
    with tempfile.TemporaryDirectory() as folder:
        data, config = make_problem(Path(folder))
        for threads in settings.threads:
            torch.set_num_threads(threads)
            yield from measure(data, config, threads)


def measure(data: TableModule, config: dict[str, Any], threads: int) -> Iterator[Row]:
    """Seconds of an epoch for each contender, and how many times the bare loop's they are."""
    rounds = [
        {name: median(epochs(data, config)) for name, epochs in CONTENDERS.items()}
        for _ in range(_ROUNDS)
    ]
    for name in CONTENDERS:
        seconds = [each[name] for each in rounds]
        yield {
            "rows": ROWS,
            "batch": BATCH,
            "threads": threads,
            "contender": name,
            "seconds an epoch": median(seconds),
            "fastest": min(seconds),
            "slowest": max(seconds),
            "times the bare loop": median(each[name] / each["bare loop"] for each in rounds),
        }


def make_problem(folder: Path) -> tuple[TableModule, dict[str, Any]]:
    """The rows, and the configuration of a run over them."""
    x, y = _make_rows()
    np.savez(folder / "rows.npz", x=x, y=y)
    config = compose(
        "train",
        [
            "data=file",
            f"data.path={folder / 'rows.npz'}",
            "data.targets=[y0]",
            "data.test_fraction=0.01",
            f"data.batch_size={BATCH}",
            "model.num_components=5",
            "model.ensemble_size=1",
            "model.backbone.depth=2",
            "model.backbone.residual=false",
            f"trainer.max_epochs={EPOCHS}",
            "callbacks.progress.lines=1",
            "~callbacks.density_plot",
        ],
        folder,
    )
    return build_data(config["data"]), config


def _make_rows() -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    x = random.normal(size=(ROWS, INPUTS))
    y = np.sin(2 * x[:, :1]) + (0.1 + 0.2 * (x[:, 1:2] > 0)) * random.normal(size=(ROWS, 1))
    return x, y


class Clock(Callback):
    """Seconds of each epoch, validation and checkpoints included."""

    def __init__(self) -> None:
        self.marks: list[float] = []

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.marks.append(time.perf_counter())

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.marks.append(time.perf_counter())

    @property
    def seconds(self) -> list[float]:
        """One entry for each epoch after the first."""
        return np.diff(self.marks)[1:].tolist()


def epochs_of_run(data: TableModule, config: dict[str, Any]) -> list[float]:
    """Epoch times of a training run with everything on."""
    clock, run_dir = Clock(), tempfile.mkdtemp(dir=config["run_dir"])
    with closing(RunLog(run_dir)) as log:
        trainer = build_trainer(config | {"run_dir": run_dir}, log)
        trainer.callbacks.insert(0, clock)  # pyright: ignore[reportAttributeAccessIssue]
        trainer.fit(_started(data, config), data)
    return clock.seconds


def epochs_of_bare_loop(data: TableModule, config: dict[str, Any]) -> list[float]:
    """Epoch times of the same steps on tensors, and nothing else."""
    module = _started(data, config)
    network, (x, y, val_x, val_y) = module.network, _standardized(module, data)
    optimizer = AdamW(network.parameters(), lr=1e-2, fused=True)
    schedule = cosine(optimizer, EPOCHS * (len(x) // BATCH + 1), 0.05)
    seconds = []
    for _ in range(EPOCHS):
        start = time.perf_counter()
        for rows in torch.randperm(len(x)).split(BATCH):
            loss = -network(x[rows]).log_prob(y[rows]).mean()
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), 1.0, foreach=True)
            optimizer.step()
            schedule.step()
        with torch.no_grad():
            network(val_x).log_prob(val_y).mean().item()
        seconds.append(time.perf_counter() - start)
    return seconds[1:]


class Tutorial(LightningModule):
    """The same network as tutorials train it."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def training_step(self, batch: list[Tensor], batch_index: int) -> Tensor:
        return self._logged(batch, "train/nll")

    def validation_step(self, batch: list[Tensor], batch_index: int) -> None:
        self._logged(batch, "val/nll")

    def _logged(self, batch: list[Tensor], name: str) -> Tensor:
        x, y = batch
        loss = -self.network(x).log_prob(y).mean()
        self.log(name, loss)
        return loss

    def configure_optimizers(self) -> AdamW:
        return AdamW(self.parameters(), lr=1e-2)


def epochs_of_tutorial(data: TableModule, config: dict[str, Any]) -> list[float]:
    """Epoch times with the default DataLoader and a log entry for each step."""
    module, clock = _started(data, config), Clock()
    x, y, val_x, val_y = _standardized(module, data)
    trainer = Trainer(
        accelerator="cpu",
        max_epochs=EPOCHS,
        gradient_clip_val=1.0,
        logger=TensorBoardLogger(config["run_dir"], name="tutorial"),
        callbacks=[clock, ModelCheckpoint(config["run_dir"], monitor="val/nll")],
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(
        Tutorial(module.network),
        DataLoader(TensorDataset(x, y), BATCH, shuffle=True),
        DataLoader(TensorDataset(val_x, val_y), BATCH),
    )
    return clock.seconds


def _started(data: TableModule, config: dict[str, Any]) -> MDNModule:
    module: Any = build_module(config["model"], data.num_inputs, data.num_targets)
    module.start(data.train_table)
    return module


def _standardized(module: MDNModule, data: TableModule) -> list[Tensor]:
    return [
        values
        for name in ("train", "val")
        for values in (module.inputs(data.tables[name].x), module.targets(data.tables[name].y))
    ]


CONTENDERS: dict[str, Callable[[TableModule, dict[str, Any]], list[float]]] = {
    "bare loop": epochs_of_bare_loop,
    "this project": epochs_of_run,
    "Lightning, default loader": epochs_of_tutorial,
}
