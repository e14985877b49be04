"""A stand-in for `scoringbench.wrappers.base`: what a wrapper derives from and what it answers."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

from jaxtyping import Float
from numpy import ndarray


@dataclass
class DistributionPrediction:
    """A histogram for each of N rows.

    Attributes:
        probas: the probability of each bin; a row sums to one.
        bin_edges: the ends of the bins, in order.
        bin_midpoints: the middle of each bin.
        mean: the point prediction.
    """

    probas: Float[ndarray, "N B"]
    bin_edges: Float[ndarray, "N B+1"]
    bin_midpoints: Float[ndarray, "N B"]
    mean: Float[ndarray, " N"]


class ProbabilisticWrapper(ABC):
    """A model as that benchmark calls it, with frames of pandas or arrays."""

    @abstractmethod
    def fit(self, X: Any, y: Any) -> "ProbabilisticWrapper":
        """Learn from rows."""

    @abstractmethod
    def predict(self, X: Any) -> Float[ndarray, " N"]:
        """Return a number for each row."""

    @abstractmethod
    def predict_distribution(self, X: Any) -> DistributionPrediction:
        """Return a histogram for each row."""
