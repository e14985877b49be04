"""What a fitted estimator answers."""

import math
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Float64, Int64
from numpy.random import RandomState
from sklearn.base import BaseEstimator, DensityMixin
from sklearn.utils import check_random_state, get_tags
from sklearn.utils.validation import check_is_fitted, validate_data
from torch import Tensor

from mdn.mixture import GaussianMixture

Rows = Any
"""[N, D] in any form: scikit-learn converts it, or refuses it in its own words."""

_ROWS_AT_A_TIME = 8192


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
        """Log density of each row, in nats; of what is observed, where NaN is missing."""
        return self._log_joint(X).logsumexp(-1).numpy()

    def score(self, X: Rows, y: object = None) -> float:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Mean log density of rows, in nats: higher is better."""
        return float(self.score_samples(X).mean())

    def predict_proba(self, X: Rows) -> Float64[np.ndarray, "N K"]:
        """Probability that component k produced each row."""
        return self._log_joint(X).softmax(-1).numpy()

    def predict(self, X: Rows) -> Int64[np.ndarray, " N"]:
        """The component that most probably produced each row."""
        return self._log_joint(X).argmax(-1).numpy()

    def aic(self, X: Rows) -> float:
        """Akaike's information criterion on rows: lower is better."""
        return 2 * (self.num_parameters_ - float(self.score_samples(X).sum()))

    def bic(self, X: Rows) -> float:
        """Schwarz's information criterion on rows: lower is better."""
        log_density = self.score_samples(X)
        return self.num_parameters_ * math.log(len(log_density)) - 2 * float(log_density.sum())

    def sample(
        self, n_samples: int = 1
    ) -> tuple[Float64[np.ndarray, "N D"], Int64[np.ndarray, " N"]]:
        """Rows drawn from the mixture, and the component of each.

        Raises:
            ValueError: on fewer than one sample.
        """
        check_is_fitted(self)
        if n_samples < 1:
            raise ValueError(f"n_samples must be at least 1, got {n_samples}")
        random = check_random_state(self.random_state)
        mixture = self.mixture_
        component = random.choice(mixture.num_components, n_samples, p=mixture.pi.numpy())
        noise = torch.from_numpy(random.standard_normal((n_samples, 1, mixture.num_targets)))
        chosen = torch.from_numpy(component)
        away = mixture.scale.take(chosen).colour(noise).squeeze(1)
        return (mixture.mu[chosen] + away).numpy(), component

    def _checked(self, X: Rows, **checks: Any) -> Float64[np.ndarray, "N D"]:
        finite = "allow-nan" if get_tags(self).input_tags.allow_nan else True
        rows: Any = validate_data(
            self, X, dtype=np.float64, ensure_all_finite=finite, force_writeable=True, **checks
        )
        return rows

    def _log_joint(self, X: Rows) -> Float[Tensor, "N K"]:
        check_is_fitted(self)
        rows = self._checked(X, reset=False)
        parts = torch.from_numpy(rows).split(_ROWS_AT_A_TIME)
        return torch.cat([log_joint(self.mixture_, part) for part in parts])


def log_joint(mixture: GaussianMixture, y: Float[Tensor, "N D"]) -> Float[Tensor, "N K"]:
    """Log density of component k and what is observed of each row."""
    observed = ~y.isnan()
    if observed.all():
        return mixture.log_pi + mixture.component_log_prob(y)
    joint = mixture.log_pi.expand(len(y), -1).clone()
    patterns, which = torch.unique(observed, dim=0, return_inverse=True)
    for i, seen in enumerate(patterns):
        if seen.any():
            rows, dims = which == i, seen.nonzero().squeeze(-1).tolist()
            joint[rows] += mixture.marginal(dims).component_log_prob(y[rows][:, dims])
    return joint
