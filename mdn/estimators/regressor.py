"""The mixture density network for those who think in scikit-learn."""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from lightning.fabric.utilities.exceptions import MisconfigurationException
from numpy.random import RandomState
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils import Tags, check_random_state
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from mdn.app.automatic import with_sizes
from mdn.app.build import build_module, build_trainer, described
from mdn.app.compose import compose
from mdn.app.errors import COMPOSING_ERRORS, CONFIGURATION_ERRORS, readable
from mdn.app.hydra_messages import composing_message
from mdn.app.recalibrate import recalibrate
from mdn.app.run_log import RunLog
from mdn.app.train import restore_best
from mdn.data.frames import check_eager
from mdn.data.table import Table
from mdn.distributions.mixture import GaussianMixture
from mdn.model.card import ModelCard
from mdn.model.model import Model
from mdn.report.remarks import FEW_ROWS
from mdn.training.memory import MemoryData

_CALLBACKS = ("finite", "singularity_reset", "best_checkpoint", "best_members", "early_stopping")
"""Of those of a training run, the ones that a fit is not the same without."""

_OF_DATA = ("val_fraction", "dequantize", "batch_size", "seed")
"""What is read of the configuration of the data."""

_MOST_NATS_LOST = 1.0
"""What a model may lose to one Gaussian before it is said: short fits lose a little."""

_ROWS: dict[str, Any] = {"multi_output": True, "y_numeric": True, "dtype": np.float64}
"""What rows of x and y have to be."""


class MDNRegressor(RegressorMixin, BaseEstimator):
    """p(y given x) as a Gaussian mixture for each row, trained as the command line trains it.

    What is None has the default of the command line. All answers are in the units of y; for
    several targets they have a last axis for them. Nothing is left on disk.

    Args:
        num_components: K.
        family: "full", "tied", "diagonal", "isotropic", "shared_isotropic" or "constant".
        max_epochs: epochs at most.
        learning_rate: of the optimizer.
        batch_size: rows in a training batch.
        val_fraction: of the rows, on which the best epoch is chosen.
        ensemble_size: networks that are trained side by side and pooled.
        overrides: anything else, as on the command line: ["model.backbone.width=128"].
        progress: show the progress over epochs.
        random_state: of the start, the split, the order of rows and the samples.

    Attributes:
        module_: the trained model, as `mdn.load` returns it.
        n_features_in_: P.
    """

    def __init__(
        self,
        num_components: int | None = None,
        family: str | None = None,
        max_epochs: int | None = None,
        learning_rate: float | None = None,
        batch_size: int | None = None,
        val_fraction: float | None = None,
        ensemble_size: int | None = None,
        overrides: Sequence[str] = (),
        progress: bool = False,
        random_state: int | RandomState | None = None,
    ) -> None:
        self.num_components = num_components
        self.family = family
        self.max_epochs = max_epochs
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.val_fraction = val_fraction
        self.ensemble_size = ensemble_size
        self.overrides = overrides
        self.progress = progress
        self.random_state = random_state

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> "MDNRegressor":
        """Train on rows X [N, P] and y [N] or [N, D], arrays or frames.

        Raises:
            ValueError: on a setting out of range, and on rows from which nothing can be learnt.
        """
        check_eager(X)
        check_eager(y)
        rows: Any = validate_data(self, X, y, ensure_min_samples=2, **_ROWS)
        x, targets = rows
        self._one_target = targets.ndim == 1
        table = self._table(x, targets.reshape(len(x), -1), sample_weight)
        seed = int(check_random_state(self.random_state).randint(2**31))
        with TemporaryDirectory() as folder, torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            with _bad_settings_are_value_errors():
                config = compose("train", self._overrides(seed), Path(folder))
                self.module_ = _train(config, table, self.progress)
        return self

    def predict_density(self, X: Any) -> GaussianMixture:
        """p(y given x): one mixture a row, with all its answers."""
        x = self._checked(X)
        return self.module_.predict(x)

    def predict_uncertainty(
        self, X: Any
    ) -> tuple[Float[np.ndarray, "..."], Float[np.ndarray, "..."]]:
        """The standard deviation of y in two parts, [N] each: aleatoric and epistemic.

        The first is the noise in y, the second how much the members of an ensemble differ in its
        mean; their squares sum to the variance. Of one network the second is 0.
        """
        x = self._checked(X)
        aleatoric, epistemic = self.module_.predict_members(x).std_split()
        return self._answer(aleatoric), self._answer(epistemic)

    def predict(self, X: Any) -> Float[np.ndarray, "..."]:
        """The mean of y, [N]."""
        return self._answer(self.predict_density(X).mean)

    def predict_quantiles(
        self, X: Any, levels: Sequence[float] = (0.05, 0.5, 0.95)
    ) -> Float[np.ndarray, "..."]:
        """The quantiles of y, [N, levels]."""
        return self._answer(self.predict_density(X).quantile(levels).movedim(0, 1))

    def predict_interval(self, X: Any, level: float = 0.9) -> Float[np.ndarray, "..."]:
        """The ends of the central interval of y, [N, 2]."""
        return self._answer(torch.stack(self.predict_density(X).interval(level), 1))

    def sample(self, X: Any, num_samples: int = 1) -> Float[np.ndarray, "..."]:
        """Independent samples of y, [N, num_samples]."""
        seed = int(check_random_state(self.random_state).randint(2**31))
        generator = torch.Generator().manual_seed(seed)
        return self._answer(self.predict_density(X).sample((num_samples,), generator).movedim(0, 1))

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """The mean log density of y, in nats a row."""
        check_is_fitted(self)
        check_eager(X)
        check_eager(y)
        rows: Any = validate_data(self, X, y, reset=False, **_ROWS)
        x, targets = rows
        targets = torch.from_numpy(targets.reshape(len(x), -1).astype(np.float64))
        wanted = len(self.module_.card.targets)
        if targets.shape[1] != wanted:
            raise ValueError(f"y has {targets.shape[1]} targets, it was fitted with {wanted}")
        log_prob = self.module_.predict(x).log_prob(targets).numpy()
        return float(np.average(log_prob, weights=sample_weight))

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        tags.regressor_tags.poor_score = True  # a score is a log density
        tags.non_deterministic = self.random_state is None
        return tags

    def _checked(self, X: Any) -> Any:
        check_is_fitted(self)
        check_eager(X)
        return validate_data(self, X, reset=False, dtype=np.float64)

    def _answer(self, values: torch.Tensor) -> Float[np.ndarray, "..."]:
        return (values.squeeze(-1) if self._one_target else values).numpy()

    def _overrides(self, seed: int) -> list[str]:
        settings = {
            "model.num_components": self.num_components,
            "model.ensemble_size": self.ensemble_size,
            "family": self.family,
            "trainer.max_epochs": self.max_epochs,
            "optimizer.lr": self.learning_rate,
            "data.batch_size": self.batch_size,
            "data.val_fraction": self.val_fraction,
        }
        given = [f"{key}={value}" for key, value in settings.items() if value is not None]
        # The rows are here and not in a file: of the data only the numbers are read.
        return ["data=file", "data.path=memory", f"seed={seed}", *given, *self.overrides]

    def _table(self, x: np.ndarray, y: np.ndarray, sample_weight: Any) -> Table:
        weight = None
        if sample_weight is not None:
            checked = _check_sample_weight(
                sample_weight, x, dtype=np.float64, ensure_non_negative=True
            )
            weight = torch.from_numpy(checked)
        inputs = [str(name) for name in getattr(self, "feature_names_in_", [])]
        inputs = inputs or [f"x{i}" for i in range(x.shape[1])]
        targets = [f"y{i}" for i in range(y.shape[1])]
        rows, values = (torch.from_numpy(v.astype(np.float64)) for v in (x, y))
        return Table(rows, values, weight, inputs, targets)


@contextmanager
def _bad_settings_are_value_errors() -> Iterator[None]:
    try:
        yield
    except COMPOSING_ERRORS as error:
        raise ValueError(composing_message("train", error)) from error
    except (*CONFIGURATION_ERRORS, MisconfigurationException) as error:
        raise ValueError(readable(error)) from error


def _train(config: dict[str, Any], table: Table, progress: bool) -> Model:
    kept = (*_CALLBACKS, "progress") if progress else _CALLBACKS
    callbacks = {name: node for name, node in config["callbacks"].items() if name in kept}
    settings = config["trainer"] | {"enable_progress_bar": progress}
    data = MemoryData(table, **{name: config["data"][name] for name in _OF_DATA})
    config = with_sizes(config | {"callbacks": callbacks, "trainer": settings}, data)
    module = build_module(config["model"], table.x.shape[1], table.y.shape[1])
    module.model.card = ModelCard(table.input_names, table.target_names, described(config["model"]))
    with closing(RunLog(config["run_dir"])) as log:
        trainer = build_trainer(config, log)
        trainer.fit(module, data)
    restore_best(trainer, module)
    if config["recalibrate"]:
        recalibrate(module.model, data.val_table)
    model = module.model.cpu().eval()
    _warn_if_useless(model, data.val_table)
    return model


@torch.no_grad()
def _warn_if_useless(model: Model, held_out: Table) -> None:
    """Say where a model is far worse than one Gaussian that ignores the inputs."""
    losses = -(model(held_out.x).log_prob(held_out.y) - model.marginal.log_prob(held_out.y))
    weight = torch.ones_like(losses) if held_out.weight is None else held_out.weight
    lost = (weight @ losses / weight.sum()).item()
    if len(held_out) >= FEW_ROWS and not lost <= _MOST_NATS_LOST:  # nor is it NaN
        warnings.warn(
            f"the model is worse than one Gaussian that ignores the inputs, by {lost:.3g} nats per "
            f"row on {len(held_out)} rows held back; do not use it: give it more rows, train it "
            "longer, or choose fewer components or another family",
            stacklevel=4,
        )
