"""Seconds until a test NLL is reached: runs of this project, and a network as tutorials have it.

The tutorial's network has the same width, depth and number of components; it is trained by Adam at
1e-3 on standardised columns from a default DataLoader, through torch.distributions. What is to be
reached is its own best score within a minute, which comes sooner or later as chance has it: there
are several seeds, of networks and of splits. Scoring the test rows is not counted.
"""

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
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

from benchmarks.report import Row
from benchmarks.settings import Settings
from mdn.app.automatic import with_sizes
from mdn.app.build import build_data, build_module, build_trainer
from mdn.app.compose import compose
from mdn.app.run_log import RunLog
from mdn.training.datamodule import TableModule
from mdn.training.mixture_module import MixtureModule

Curve = list[tuple[float, float]]
"""(seconds so far, test NLL) after each epoch."""

CONTENDERS = {
    "default": [],
    "one network": ["model.ensemble_size=1"],
    "one network, 10 epochs": ["model.ensemble_size=1", "trainer.max_epochs=10"],
}
"""Runs of this project, by their overrides."""

_TUTORIAL_SECONDS = 60.0
"""How long the tutorial's network is trained."""
_SEEDS = range(3)


def rows(settings: Settings) -> Iterator[Row]:
    """A row for each problem and run; files that are not there are left out."""
    torch.set_num_threads(settings.threads[0])
    for name, overrides in problems(settings.data).items():
        theirs = [curve_of(curve_of_tutorial, [*overrides, f"seed={seed}"]) for seed in _SEEDS]
        for contender, more in CONTENDERS.items():
            ours = [curve_of(curve_of_run, [*overrides, *more, f"seed={seed}"]) for seed in _SEEDS]
            yield {"problem": name, "run": contender} | compare(theirs, ours)


def curve_of(train: Callable[[TableModule, dict[str, Any]], Curve], overrides: list[str]) -> Curve:
    """The course of a training on the data, and with the sizes, of a run with these overrides."""
    with tempfile.TemporaryDirectory() as folder:
        config = compose("train", [*overrides, *_QUIET], Path(folder))
        data = build_data(config["data"])
        seed_everything(config["seed"], verbose=False)
        return train(data, with_sizes(config, data))


def compare(theirs: list[Curve], ours: list[Curve]) -> Row:
    """How soon each of our curves gets as low as its rival ever does."""
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


_QUIET = ["callbacks.progress.lines=1", "~callbacks.density_plot", "~callbacks.early_stopping"]


def problems(folder: Path | None) -> dict[str, list[str]]:
    """Overrides for each problem: two synthetic ones, and one for each CSV file of a folder."""
    found = {name: [f"data={name}", "data.train_rows=10000"] for name in _SYNTHETIC}
    files = sorted(folder.rglob("*.csv")) if folder else []
    return found | {
        file.stem: ["data=file", f"data.path={file}", "data.targets=[-1]"] for file in files
    }


_SYNTHETIC = ("inverse_sinusoid", "skew_normal")


def seconds_to(nll: float, curve: Curve) -> float:
    """When a curve first is as low; infinite if it never is."""
    return next((seconds for seconds, score in curve if score <= nll), float("inf"))


class Scorer(Callback):
    """Scores the test rows after each epoch, and stops the clock for it."""

    def __init__(self, data: TableModule) -> None:
        self.test = data.tables["test"]
        self.curve: Curve = []
        self.seconds = 0.0

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._since = time.perf_counter()

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.seconds += time.perf_counter() - self._since
        module: Any = pl_module
        was_training = module.training
        with torch.no_grad():
            nll = -module.eval()(self.test.x).log_prob(self.test.y).mean().item()
        module.train(was_training)
        self.curve.append((self.seconds, nll))


def curve_of_run(data: TableModule, config: dict[str, Any]) -> Curve:
    """The course of a run of this project."""
    module: MixtureModule = build_module(config["model"], data.num_inputs, data.num_targets)
    scorer = Scorer(data)
    with closing(RunLog(config["run_dir"])) as log:
        trainer = build_trainer(config, log)
        trainer.callbacks.insert(0, scorer)  # pyright: ignore[reportAttributeAccessIssue]
        begin = time.perf_counter()
        module.start(data.train_table)
        scorer.seconds = time.perf_counter() - begin
        trainer.fit(module, data)
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


def curve_of_tutorial(data: TableModule, config: dict[str, Any]) -> Curve:
    """The course of the tutorial's training, its scores in the units of the data."""
    units: MixtureModule = build_module(config["model"], data.num_inputs, data.num_targets)
    units.start(data.train_table)
    x, y, test_x, test_y = (
        scale(values)
        for name in ("train", "test")
        for scale, values in (
            (units.inputs, data.tables[name].x),
            (units.targets, data.tables[name].y),
        )
    )
    backbone = config["model"]["backbone"]
    network = TutorialNetwork(
        data.num_inputs, backbone["width"], backbone["depth"], config["model"]["num_components"]
    )
    loader = DataLoader(TensorDataset(x, y.squeeze(-1)), data.batch_size, shuffle=True)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    curve, seconds = [], 0.0
    while seconds < _TUTORIAL_SECONDS:
        begin = time.perf_counter()
        _tutorial_epoch(network, loader, optimizer)
        seconds += time.perf_counter() - begin
        with torch.no_grad():
            nll = -network(test_x).log_prob(test_y.squeeze(-1)).mean().item()
        curve.append((seconds, nll - units.targets.log_det().item()))
    return curve


def _tutorial_epoch(
    network: TutorialNetwork, loader: DataLoader, optimizer: torch.optim.Optimizer
) -> None:
    for x, y in loader:
        loss = -network(x).log_prob(y).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
