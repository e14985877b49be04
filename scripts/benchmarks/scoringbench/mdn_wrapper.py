"""Mixture density networks as a wrapper of ScoringBench."""

from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Float64
from torch import Tensor

from mdn import MDNRegressor
from mdn.distributions.abstract import Mixture

from .base import DistributionPrediction, ProbabilisticWrapper

_BODY = np.linspace(0, 1, 201)[1:-1]
_TAIL = np.logspace(-9, np.log10(_BODY[0]), 25)[:-1]
LEVELS = np.concatenate([_TAIL, _BODY, 1 - _TAIL[::-1]])
"""Levels of the quantiles at which bins end: even within, and finer towards both tails."""

_APART = 4 * float(np.finfo(np.float32).eps)
"""How far apart ends are at least, in the largest of a row: the benchmark takes them as float32."""


class MDNWrapper(ProbabilisticWrapper):
    """The default recipe of `mdn`.

    Args:
        random_state: of the fit.
        settings: of the recipe that are not to have their defaults, as `mdn.Recipe.from_settings`
            takes them.
    """

    def __init__(self, random_state: int = 0, settings: dict[str, object] | None = None) -> None:
        self._regressor = MDNRegressor(random_state=random_state, settings=settings)

    def fit(self, X: Any, y: Any) -> "MDNWrapper":
        self._regressor.fit(X, np.asarray(y, dtype=float))
        return self

    def predict(self, X: Any) -> Float[np.ndarray, " N"]:
        return self._regressor.predict(X)

    def predict_distribution(self, X: Any) -> DistributionPrediction:
        return histograms(self._regressor.predict_density(X))


def histograms(mixture: Mixture) -> DistributionPrediction:
    """Return the exact probabilities of bins between quantiles of each row."""
    edges = _apart(mixture.quantile(LEVELS.tolist()).squeeze(-1).T)
    below = torch.stack([mixture.cdf(edge[:, None]).squeeze(-1) for edge in edges.T], -1)
    below[:, 0], below[:, -1] = 0, 1  # what lies beyond the ends belongs to the bins there
    middles = (edges[:, 1:] + edges[:, :-1]) / 2
    mean = mixture.mean.squeeze(-1)
    probas = below.diff(dim=-1).clamp(min=0)
    return DistributionPrediction(*(t.numpy() for t in (probas, edges, middles, mean)))


def _apart(edges: Float64[Tensor, "N E"]) -> Float64[Tensor, "N E"]:
    step = _APART * edges.abs().amax(-1, keepdim=True).clamp(min=1e-30)
    grown = step * torch.arange(edges.shape[-1])
    return (edges - grown).cummax(-1).values + grown
