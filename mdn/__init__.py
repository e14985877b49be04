"""Learn a conditional density p(y given x): mixture density networks and Gaussian mixtures."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mdn.estimators import GMM, select
    from mdn.model.load import load
    from mdn.regressor import MDNRegressor

__all__ = ["GMM", "MDNRegressor", "load", "select"]

_HOMES = {
    "GMM": "mdn.estimators",
    "MDNRegressor": "mdn.regressor",
    "load": "mdn.model.load",
    "select": "mdn.estimators",
}
"""Where each public name lives: importing `mdn` alone stays light."""


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'mdn' has no attribute {name!r}")
