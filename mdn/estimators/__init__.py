"""Gaussian mixtures for those who think in scikit-learn."""

from mdn.estimators.gmm import GMM
from mdn.estimators.selection import Selection, select

__all__ = ["GMM", "Selection", "select"]
