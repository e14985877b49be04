"""An epoch of training: this project's run, a bare loop, and Lightning as tutorials use it.

All three train the same network on the same rows with the same optimizer, likelihood, clipping and
validation. The bare loop does nothing else; the run logs, checkpoints and watches the components;
the tutorial way collates row by row and logs every step.
"""

import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from statistics import median

import numpy as np
import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback, ModelCheckpoint
from lightning.pytorch.loggers import TensorBoardLogger
from torch import Tensor, nn
from torch.optim import AdamW
from torch.utils.data import DataLoader, TensorDataset

from benchmarks import runs
from benchmarks.options import Options
from benchmarks.output import Row
from mdn.app.run import Run
from mdn.fitting.schedules import cosine
from mdn.model.model import Model
from mdn.training.datamodule import TableModule

ROWS, INPUTS, BATCH = 100_000, 10, 256
EPOCHS = 4
"""The first warms up and is not counted."""
_ROUNDS = 5


def rows(options: Options) -> Iterator[Row]:
    """Yield a row for each number of threads and contender."""
    with tempfile.TemporaryDirectory() as folder:
        data, run = make_problem(Path(folder))
        for threads in options.threads:
            torch.set_num_threads(threads)
            yield from measure(data, run, threads)


def measure(data: TableModule, run: Run, threads: int) -> Iterator[Row]:
    """Yield the seconds per epoch of each contender, and their ratio to the bare loop's."""
    rounds = [
        {name: median(epochs(data, run)) for name, epochs in CONTENDERS.items()}
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


def make_problem(folder: Path) -> tuple[TableModule, Run]:
    """Return the rows, and the configuration of a run on them."""
    x, y = _make_rows()
    np.savez(folder / "rows.npz", x=x, y=y)
    overrides = [
        f"data.batch_size={BATCH}",
        "model.num_components=5",
        "model.ensemble_size=1",
        "backbone.depth=2",
        "backbone.residual=false",
        f"trainer.max_epochs={EPOCHS}",
    ]
    source = runs.file_overrides(folder / "rows.npz", test_fraction=0.01)
    return runs.prepared([*source, *overrides, *runs.QUIET], folder)


def _make_rows() -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    x = random.normal(size=(ROWS, INPUTS))
    y = np.sin(2 * x[:, :1]) + (0.1 + 0.2 * (x[:, 1:2] > 0)) * random.normal(size=(ROWS, 1))
    return x, y


class Clock(Callback):
    """Measures the seconds of each epoch, with its validation and checkpoints."""

    def __init__(self) -> None:
        self.marks: list[float] = []

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.marks.append(time.perf_counter())

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.marks.append(time.perf_counter())

    @property
    def seconds(self) -> list[float]:
        """Return one entry for each epoch after the first."""
        return np.diff(self.marks)[1:].tolist()


def epochs_of_run(data: TableModule, run: Run) -> list[float]:
    """Return the epoch times of a training run with everything on."""
    clock, folder = Clock(), tempfile.mkdtemp(dir=str(run.run_dir))
    runs.train(runs.started(data, run), data, replace(run, run_dir=Path(folder)), clock)
    return clock.seconds


def epochs_of_bare_loop(data: TableModule, run: Run) -> list[float]:
    """Return the epoch times of the same steps on tensors, with nothing around them."""
    model = runs.started(data, run).model
    network, (x, y, val_x, val_y) = model.network, _standardized(model, data)
    optimizer = AdamW(network.parameters(), lr=1e-2, fused=True)
    schedule = cosine(optimizer, EPOCHS * (len(x) // BATCH + 1), 0.05)
    seconds = []
    for _ in range(EPOCHS):
        begin = time.perf_counter()
        for chosen in torch.randperm(len(x)).split(BATCH):
            loss = -network(x[chosen]).log_prob(y[chosen]).mean()
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), 1.0, foreach=True)
            optimizer.step()
            schedule.step()
        with torch.no_grad():
            network(val_x).log_prob(val_y).mean().item()
        seconds.append(time.perf_counter() - begin)
    return seconds[1:]


class Tutorial(LightningModule):
    """The same network, trained the way tutorials do it."""

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


def epochs_of_tutorial(data: TableModule, run: Run) -> list[float]:
    """Return the epoch times with the default DataLoader and a log entry for each step."""
    model, clock = runs.started(data, run).model, Clock()
    x, y, val_x, val_y = _standardized(model, data)
    trainer = Trainer(
        accelerator="cpu",
        max_epochs=EPOCHS,
        gradient_clip_val=1.0,
        logger=TensorBoardLogger(str(run.run_dir), name="tutorial"),
        callbacks=[clock, ModelCheckpoint(str(run.run_dir), monitor="val/nll")],
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(
        Tutorial(model.network),
        DataLoader(TensorDataset(x, y), BATCH, shuffle=True),
        DataLoader(TensorDataset(val_x, val_y), BATCH),
    )
    return clock.seconds


def _standardized(model: Model, data: TableModule) -> list[Tensor]:
    tables = runs.tables_of(data)
    return [
        values
        for table in (tables["train"], tables["val"])
        for values in (model.inputs(table.x), model.targets(table.y))
    ]


CONTENDERS: dict[str, Callable[[TableModule, Run], list[float]]] = {
    "bare loop": epochs_of_bare_loop,
    "this project": epochs_of_run,
    "Lightning, default loader": epochs_of_tutorial,
}
