"""Seconds until a test NLL is reached: runs of this project, and a network as tutorials write it.

The tutorial's network has the same width, depth and number of components. It is trained by Adam at
1e-3 on standardized columns from a default DataLoader, through torch.distributions. The NLL to
reach is its own best within a minute. That depends on chance, so there are several seeds, each for
the networks and the split. Scoring the test rows is not counted.
"""

import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

import sklearn.cluster  # noqa: F401, so that no contender's clock counts an import
import torch
from jaxtyping import Float
from lightning.pytorch import LightningModule, Trainer, seed_everything
from lightning.pytorch.callbacks import Callback
from torch import Tensor, distributions, nn
from torch.utils.data import DataLoader, TensorDataset

from benchmarks import runs
from benchmarks.options import Options
from benchmarks.output import Row
from mdn.app.run import Run
from mdn.data.table import Table
from mdn.distributions.open_settings import decided
from mdn.model.evaluation_mode import evaluation_mode
from mdn.training.datamodule import TableModule

Curve = list[tuple[float, float]]
"""(seconds so far, test NLL) after each epoch."""

CONTENDERS = {
    "default": [],
    "one network": ["model.ensemble_size=1"],
    "one network, 10 epochs": ["model.ensemble_size=1", "trainer.max_epochs=10"],
}
"""Runs of this project, by their overrides."""

_SYNTHETIC = ("inverse_sinusoid", "skew_normal")
_TUTORIAL_SECONDS = 60.0
_SEEDS = range(3)


def rows(options: Options) -> Iterator[Row]:
    """Yield a row for each problem and run."""
    torch.set_num_threads(options.threads[0])
    for name, overrides in problems(options.data).items():
        theirs = [curve_of(curve_of_tutorial, [*overrides, f"seed={seed}"]) for seed in _SEEDS]
        for contender, more in CONTENDERS.items():
            ours = [curve_of(curve_of_run, [*overrides, *more, f"seed={seed}"]) for seed in _SEEDS]
            yield {"problem": name, "run": contender} | compare(theirs, ours)


def problems(folder: Path | None) -> dict[str, list[str]]:
    """Return the overrides of each problem: two synthetic ones, and the CSV files of a folder."""
    synthetic = {name: [f"data={name}", "data.train_rows=10000"] for name in _SYNTHETIC}
    files = sorted(folder.rglob("*.csv")) if folder else []
    return synthetic | {
        file.stem: ["data=file", f"data.path={file}", "data.targets=[-1]"] for file in files
    }


def curve_of(train: Callable[[TableModule, Run], Curve], overrides: list[str]) -> Curve:
    """Return the curve of a training on the rows, and with the sizes, of these overrides."""
    with tempfile.TemporaryDirectory() as folder:
        data, run = runs.prepared([*overrides, *runs.ALL_EPOCHS], Path(folder))
        seed_everything(run.seed, verbose=False)
        return train(data, run)


def compare(theirs: list[Curve], ours: list[Curve]) -> Row:
    """Return how soon each of our curves reaches the least NLL of its rival."""
    best = [min(nll for _, nll in curve) for curve in theirs]
    rival = [seconds_to(nll, curve) for nll, curve in zip(best, theirs, strict=True)]
    seconds = [seconds_to(nll, curve) for nll, curve in zip(best, ours, strict=True)]
    sooner = [a / b for a, b in zip(rival, seconds, strict=True)]
    return {
        "test NLL to reach": median(best),
        "tutorial, seconds": median(rival),
        "seconds": median(seconds),
        "times sooner": median(sooner),
        "least": min(sooner),
        "most": max(sooner),
        "best": median(min(nll for _, nll in curve) for curve in ours),
    }


def seconds_to(nll: float, curve: Curve) -> float:
    """Return when a curve first is as low; infinity if it never is."""
    return next((seconds for seconds, score in curve if score <= nll), float("inf"))


class Scorer(Callback):
    """Scores the test rows after each epoch, and stops the clock meanwhile."""

    def __init__(self, test: Table, seconds: float) -> None:
        self.test = test
        self.curve: Curve = []
        self.seconds = seconds

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._since = time.perf_counter()

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.seconds += time.perf_counter() - self._since
        with evaluation_mode(pl_module):
            nll = -pl_module(self.test.x).log_prob(self.test.y).mean().item()
        self.curve.append((self.seconds, nll))


def curve_of_run(data: TableModule, run: Run) -> Curve:
    """Return the curve of a run of this project."""
    module = runs.untrained(data, run)
    begin = time.perf_counter()
    module.start(data.train_table.sample)
    scorer = Scorer(runs.tables_of(data)["test"], time.perf_counter() - begin)
    runs.train(module, data, run, scorer)
    return scorer.curve


class TutorialNetwork(nn.Module):
    """Tanh layers, softmax weights, exponential standard deviations, one target."""

    def __init__(self, num_inputs: int, width: int, depth: int, num_components: int) -> None:
        super().__init__()
        widths = [num_inputs] + [width] * depth
        layers = (nn.Sequential(nn.Linear(a, b), nn.Tanh()) for a, b in pairwise(widths))
        self.body = nn.Sequential(*layers)
        self.logits = nn.Linear(width, num_components)
        self.mu = nn.Linear(width, num_components)
        self.log_sigma = nn.Linear(width, num_components)

    def forward(self, x: Float[Tensor, "N P"]) -> distributions.MixtureSameFamily:
        features = self.body(x)
        return distributions.MixtureSameFamily(
            distributions.Categorical(logits=self.logits(features)),
            distributions.Normal(self.mu(features), self.log_sigma(features).exp()),
        )


def curve_of_tutorial(data: TableModule, run: Run) -> Curve:
    """Return the curve of the tutorial's training, scored in the units of the data."""
    model = runs.started(data, run).model
    tables = runs.tables_of(data)
    (x, y), (test_x, test_y) = (
        (model.inputs(table.x), model.targets(table.y).squeeze(-1))
        for table in (tables["train"], tables["test"])
    )
    network = _tutorial_network(len(data.kinds), run.recipe.describe())
    batch_size = decided("batch_size", data.batch_size)
    loader = DataLoader(TensorDataset(x, y), batch_size, shuffle=True)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    curve, seconds = [], 0.0
    while seconds < _TUTORIAL_SECONDS:
        begin = time.perf_counter()
        _tutorial_epoch(network, loader, optimizer)
        seconds += time.perf_counter() - begin
        with torch.no_grad():
            nll = -network(test_x).log_prob(test_y).mean().item()
        curve.append((seconds, nll - model.targets.log_det().item()))
    return curve


def _tutorial_network(num_inputs: int, model: dict[str, Any]) -> TutorialNetwork:
    backbone = model["backbone"]
    sizes = backbone["width"], backbone["depth"], model["num_components"]
    return TutorialNetwork(num_inputs, *sizes)


def _tutorial_epoch(
    network: TutorialNetwork, loader: DataLoader, optimizer: torch.optim.Optimizer
) -> None:
    for x, y in loader:
        loss = -network(x).log_prob(y).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
