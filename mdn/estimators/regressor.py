"""The mixture density network as a scikit-learn estimator."""

from collections.abc import Mapping, Sequence
from typing import no_type_check

import narwhals as nw
import numpy as np
import torch
from jaxtyping import Float
from numpy.random import RandomState
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils import Tags, check_random_state
from sklearn.utils.validation import check_is_fitted

from mdn.data.frames import check_eager
from mdn.data.from_memory import table_of_inputs
from mdn.data.table import Table
from mdn.distributions.abstract import Mixture
from mdn.estimators.fitted_mixture import Rows
from mdn.estimators.raw_rows import checked_pair, checked_rows, checked_targets, named_frame
from mdn.estimators.validation import row_weights
from mdn.training.fit import fit_data
from mdn.training.memory import held_in_memory
from mdn.training.recipe import Recipe


class MDNRegressor(RegressorMixin, BaseEstimator):
    """p(y given x) as a mixture for each row, trained as the command line trains it.

    Arguments that are None have the default of `mdn.Recipe`. All answers are in the units of y; for
    several targets they have a last axis for them. Nothing is left on disk.

    Args:
        num_components: K.
        family: "full", "tied", "diagonal", "isotropic", "shared_isotropic" or "constant".
        max_epochs: epochs at most.
        learning_rate: of the optimizer.
        batch_size: rows in a training batch.
        val_fraction: of the rows, on which the best epoch is chosen; None for rows of each
            network's own, as `mdn.Recipe` has it.
        ensemble_size: networks that are trained side by side and pooled.
        settings: anything else that `mdn.Recipe.from_settings` takes: {"backbone.width": 128}.
        progress: show the progress over epochs.
        random_state: of the start, the split, the order of rows and the samples.

    Attributes:
        module_: the trained model, as `mdn.load` returns it.
        n_features_in_: columns of X, of which the model may have left out some.
    """

    n_features_in_: int

    @no_type_check  # scikit-learn wants constructors that take anything; fit checks
    def __init__(
        self,
        num_components: int | None = None,
        family: str | None = None,
        max_epochs: int | None = None,
        learning_rate: float | None = None,
        batch_size: int | None = None,
        val_fraction: float | None = None,
        ensemble_size: int | None = None,
        settings: Mapping[str, object] | None = None,
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
        self.settings = settings
        self.progress = progress
        self.random_state = random_state

    def fit(self, X: Rows, y: Rows, sample_weight: ArrayLike | None = None) -> "MDNRegressor":
        """Train on rows X [N, P] and y [N] or [N, D], arrays or frames.

        A frame may hold text, dates, truth values and gaps; row names, identifiers and free text in
        it are no inputs. An array may hold NaN where a value is missing.

        Raises:
            ValueError: on a setting out of range, and on rows from which nothing can be learned.
        """
        rows, targets = checked_pair(self, X, y)
        self._one_target = targets.ndim == 1
        self._target_names = _names_in(y)
        table = self._table(rows, targets.reshape(len(targets), -1), sample_weight)
        seed = int(check_random_state(self.random_state).randint(2**31))
        recipe = self._recipe(seed)
        self.module_ = fit_data(recipe, held_in_memory(recipe, table), self.progress, {})
        return self

    def predict_density(self, X: Rows) -> Mixture:
        """Return p(y given x): one mixture a row, with all its answers.

        The columns of a frame may be in any order.
        """
        rows = self._checked(X)
        return self.module_.predict(rows)

    def predict_uncertainty(
        self, X: Rows
    ) -> tuple[Float[np.ndarray, "..."], Float[np.ndarray, "..."]]:
        """Return the standard deviation of y in two parts, [N] each: aleatoric and epistemic.

        The first is the noise in y. The second says how much the members of an ensemble differ in
        its mean, and is 0 for one network. Their squares sum to the variance.
        """
        rows = self._checked(X)
        aleatoric, epistemic = self.module_.predict_members(rows).std_split()
        return self._answer(aleatoric), self._answer(epistemic)

    def predict(self, X: Rows) -> Float[np.ndarray, "..."]:
        """Return the mean of y, [N]."""
        return self._answer(self.predict_density(X).mean)

    def predict_quantiles(
        self, X: Rows, levels: Sequence[float] = (0.05, 0.5, 0.95)
    ) -> Float[np.ndarray, "..."]:
        """Return the quantiles of y, [N, levels]."""
        return self._answer(self.predict_density(X).quantile(levels).movedim(0, 1))

    def predict_interval(self, X: Rows, level: float = 0.9) -> Float[np.ndarray, "..."]:
        """Return the ends of the central interval of y, [N, 2]."""
        return self._answer(torch.stack(self.predict_density(X).interval(level), 1))

    def sample(self, X: Rows, num_samples: int = 1) -> Float[np.ndarray, "..."]:
        """Draw independent samples of y, [N, num_samples]."""
        seed = int(check_random_state(self.random_state).randint(2**31))
        generator = torch.Generator().manual_seed(seed)
        return self._answer(self.predict_density(X).sample((num_samples,), generator).movedim(0, 1))

    def score(self, X: Rows, y: Rows, sample_weight: ArrayLike | None = None) -> float:
        """Return the mean log density of y, in nats a row.

        Raises:
            ValueError: on columns of y that do not have the names of the targets.
        """
        check_is_fitted(self)
        check_eager(y)
        if self._target_names is not None:
            y = _named(y, self._target_names)
        x, targets = self._checked(X), checked_targets(X, y)
        weight = row_weights(sample_weight, targets)
        targets = torch.from_numpy(targets.reshape(len(targets), -1).astype(np.float64))
        wanted = len(self.module_.card.targets)
        if targets.shape[1] != wanted:
            raise ValueError(f"y has {targets.shape[1]} targets, it was fitted with {wanted}")
        log_prob = self.module_.predict(x).log_prob(targets).numpy()
        return float(np.average(log_prob, weights=weight.numpy()))

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        tags.regressor_tags.poor_score = True  # a score is a log density
        tags.input_tags.allow_nan = True
        tags.non_deterministic = self.random_state is None
        return tags

    def _checked(self, X: Rows) -> Rows:
        check_is_fitted(self)
        rows = checked_rows(self, X)
        return rows if named_frame(rows) is not None else np.asarray(rows)[:, self._columns]

    def _answer(self, values: torch.Tensor) -> Float[np.ndarray, "..."]:
        return (values.squeeze(-1) if self._one_target else values).numpy()

    def _recipe(self, seed: int) -> Recipe:
        arguments = {
            "num_components": self.num_components,
            "ensemble_size": self.ensemble_size,
            "family": self.family,
            "max_epochs": self.max_epochs,
            "optimizer.lr": self.learning_rate,
            "batch_size": self.batch_size,
            "val_fraction": self.val_fraction,
        }
        given = {name: value for name, value in arguments.items() if value is not None}
        settings = dict(self.settings or {})
        chosen = {} if self.random_state is None else {"seed": self.random_state}
        _check_once(given | chosen, settings)
        return Recipe.from_settings({"seed": seed} | given | settings)

    def _table(self, X: Rows, y: np.ndarray, sample_weight: ArrayLike | None) -> Table:
        """Make a table; keep which columns of X are inputs."""
        targets = torch.from_numpy(y.astype(np.float64))
        weight = None if sample_weight is None else row_weights(sample_weight, y)
        names = self._target_names or [f"y{i}" for i in range(y.shape[1])]
        frame = named_frame(X)
        if frame is None:
            inputs = [f"x{i}" for i in range(self.n_features_in_)]
            self._columns = list(range(self.n_features_in_))
            rows = torch.from_numpy(np.asarray(X).copy())
            return Table(rows, targets, weight, inputs, names)
        table = table_of_inputs(frame, targets, weight, names)
        self._columns = [frame.columns.index(name) for name in table.input_names]
        return table


def _names_in(y: object) -> list[str] | None:
    """Return the names of a frame or a named column, where all are text."""
    frame = nw.from_native(y, allow_series=True, pass_through=True)
    names = frame.columns if isinstance(frame, nw.DataFrame) else [getattr(frame, "name", None)]
    texts = [name for name in names if isinstance(name, str) and name]
    return texts if len(texts) == len(names) else None


def _named(y: Rows, targets: list[str]) -> Rows:
    """Pick the targets out of a frame; what has no names is in their order."""
    names = _names_in(y)
    if names is None or names == targets:
        return y
    missing = [name for name in targets if name not in names]
    if missing:
        raise ValueError(
            f"the model was fitted to targets {targets}, and y lacks {missing}; it has {names}"
        )
    frame = nw.from_native(y, pass_through=True)
    return frame.select(targets).to_native() if isinstance(frame, nw.DataFrame) else y


def _check_once(arguments: Mapping[str, object], settings: Mapping[str, object]) -> None:
    twice = sorted(arguments.keys() & settings.keys())
    if twice:
        raise ValueError(
            f"{twice[0]} is given twice, {arguments[twice[0]]!r:.100} by an argument and "
            f"{settings[twice[0]]!r:.100} in settings; leave out one of them"
        )
