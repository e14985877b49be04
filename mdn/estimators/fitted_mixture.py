"""The answers of an estimator with a fitted mixture."""

import math
from collections.abc import Sequence
from typing import cast

import numpy as np
import torch
from jaxtyping import Float, Float64, Int, Int64
from numpy.random import RandomState
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, DensityMixin
from sklearn.utils import check_random_state, get_tags
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from mdn.distributions.checks import check_fits
from mdn.distributions.mixture import GaussianMixture
from mdn.estimators.validation import check_whole, plain_rows, row_weights, validated
from mdn.fitting.em import observed_patterns
from mdn.networks.units import effective_rows
from mdn.networks.weights import unit_weights

Rows = object
"""[N, D] in any form: scikit-learn converts it, or refuses it in its own words."""

_ROWS_AT_A_TIME = 8192
_NUMBERS_AT_A_TIME = 2**24


class FittedMixture(DensityMixin, BaseEstimator):
    """An estimator that has, or will have, a mixture in the units of its rows.

    Attributes:
        mixture_: without batch axes.
        num_parameters_: free parameters, as the information criteria count them.
    """

    mixture_: GaussianMixture
    num_parameters_: int
    random_state: int | RandomState | None

    def score_samples(self, X: Rows) -> Float64[np.ndarray, " N"]:
        """Return the log density of what is observed of each row, in nats."""
        return torch.cat([part.logsumexp(-1) for part in self._log_joint(X)]).numpy()

    def score(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, X: Rows, y: object = None, sample_weight: ArrayLike | None = None
    ) -> float:
        """Return the mean log density of rows with anything observed, in nats: higher is better."""
        return self._counted_score(X, sample_weight)[1]

    def predict_proba(self, X: Rows) -> Float64[np.ndarray, "N K"]:
        """Return the probability that component k produced each row."""
        return torch.cat([part.softmax(-1) for part in self._log_joint(X)]).numpy()

    def predict(self, X: Rows) -> Int64[np.ndarray, " N"]:
        """Return the component that most probably produced each row."""
        return torch.cat([part.argmax(-1) for part in self._log_joint(X)]).numpy()

    def aic(self, X: Rows, sample_weight: ArrayLike | None = None) -> float:
        """Compute Akaike's information criterion on rows: lower is better.

        Weighted rows count as (sum w)^2 / sum w^2 rows (Kish 1965), as for `bic`.
        """
        num_rows, mean = self._counted_score(X, sample_weight)
        return 2 * (self.num_parameters_ - num_rows * mean)

    def bic(self, X: Rows, sample_weight: ArrayLike | None = None) -> float:
        """Compute Schwarz's information criterion on rows: lower is better."""
        num_rows, mean = self._counted_score(X, sample_weight)
        return self.num_parameters_ * math.log(num_rows) - 2 * num_rows * mean

    def sample(
        self, n_samples: int = 1
    ) -> tuple[Float64[np.ndarray, "N D"], Int64[np.ndarray, " N"]]:
        """Draw rows from the mixture, and return the component of each too.

        Raises:
            ValueError: on fewer than one sample.
        """
        check_is_fitted(self)
        check_whole("n_samples", n_samples)
        mixture = self.mixture_
        check_fits(8.0 * n_samples * (3 * mixture.num_targets + 1), f"n_samples={n_samples}")
        random = check_random_state(self.random_state)
        component = random.choice(mixture.num_components, n_samples, p=mixture.pi.numpy())
        noise = torch.from_numpy(random.standard_normal((n_samples, 1, mixture.num_targets)))
        chosen = torch.from_numpy(component)
        away = mixture.scale.take(chosen).color(noise).squeeze(1)
        return (mixture.mu[chosen] + away).numpy(), component

    def _checked(self, X: Rows, reset: bool, min_samples: int = 1) -> Float64[np.ndarray, "N D"]:
        finite = "allow-nan" if get_tags(self).input_tags.allow_nan else True
        rows = validated(
            self,
            plain_rows(X),
            dtype=np.float64,
            ensure_all_finite=finite,
            force_writeable=True,
            reset=reset,
            ensure_min_samples=min_samples,
        )
        return cast(np.ndarray, rows)

    def _log_joint(self, X: Rows) -> list[Float[Tensor, "N K"]]:
        """Log density of component k and each row, some rows at a time."""
        check_is_fitted(self)
        rows = torch.from_numpy(self._checked(X, reset=False))
        check_fits(8.0 * len(rows) * self.mixture_.num_components, f"answers for {len(rows)} rows")
        return [log_joint(self.mixture_, part) for part in _split(rows, self.mixture_)]

    def _counted_score(self, X: Rows, sample_weight: ArrayLike | None) -> tuple[float, float]:
        """Effective rows, and their mean log density; rows with nothing observed do not count."""
        log_density = torch.from_numpy(self.score_samples(X))
        rows = torch.from_numpy(self._checked(X, reset=False))
        weight = checked_weight(sample_weight, rows)
        counted = (weight > 0) & ~rows.isnan().all(-1)
        if not counted.any():
            raise ValueError("no row of positive weight has anything observed: nothing to score")
        weight = weight[counted]
        return effective_rows(weight), float(weight @ log_density[counted] / weight.sum())


def checked_weight(
    sample_weight: ArrayLike | None, rows: Float[Tensor, "N D"]
) -> Float[Tensor, " N"]:
    """Return row weights brought near one, 1 by default.

    Raises:
        ValueError: on weights that are not finite, negative, all zero, or not one for each row.
    """
    return unit_weights(row_weights(sample_weight, rows.numpy()))


def most_likely_component(mixture: GaussianMixture, y: Float[Tensor, "N D"]) -> Int[Tensor, " N"]:
    """Return the component that most probably produced each row, in which NaN is missing."""
    return torch.cat([log_joint(mixture, part).argmax(-1) for part in _split(y, mixture)])


def _split(y: Float[Tensor, "N D"], mixture: GaussianMixture) -> Sequence[Float[Tensor, "M D"]]:
    at_once = max(1, min(_ROWS_AT_A_TIME, _NUMBERS_AT_A_TIME // mixture.mu.numel()))
    return y.split(at_once)


def log_joint(mixture: GaussianMixture, y: Float[Tensor, "N D"]) -> Float[Tensor, "N K"]:
    """Return the log joint density of component k and what is observed of each row."""
    if not y.isnan().any():
        return mixture.log_pi + mixture.component_log_prob(y)
    joint = mixture.log_pi.expand(len(y), -1).clone()
    for observed, rows in observed_patterns(y):
        dims = observed.nonzero().squeeze(-1).tolist()
        joint[rows] += mixture.marginal(dims).component_log_prob(y[rows][:, dims])
    return joint
