"""Learn a conditional density p(y given x): mixture density networks and Gaussian mixtures."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mdn.data.table import Table
    from mdn.distributions.mixture import GaussianMixture
    from mdn.estimators import GMM, select
    from mdn.estimators.regressor import MDNRegressor
    from mdn.model.load import load
    from mdn.model.model import Model
    from mdn.model.registry import register
    from mdn.training.fit import fit
    from mdn.training.recipe import EMRecipe, Recipe

    __version__: str

__all__ = [
    "GMM",
    "EMRecipe",
    "GaussianMixture",
    "MDNRegressor",
    "Model",
    "Recipe",
    "Table",
    "__version__",
    "fit",
    "load",
    "register",
    "select",
]

_HOMES = {
    "EMRecipe": "mdn.training.recipe",
    "GMM": "mdn.estimators",
    "GaussianMixture": "mdn.distributions.mixture",
    "MDNRegressor": "mdn.estimators.regressor",
    "Model": "mdn.model.model",
    "Recipe": "mdn.training.recipe",
    "Table": "mdn.data.table",
    "fit": "mdn.training.fit",
    "load": "mdn.model.load",
    "register": "mdn.model.registry",
    "select": "mdn.estimators",
}
"""Where each public name lives: importing `mdn` alone stays light."""


def __getattr__(name: str) -> object:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    if name == "__version__":
        return _version()
    raise AttributeError(f"module 'mdn' has no attribute {name!r}")


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("mdn")
    except PackageNotFoundError:  # a clone that is not installed
        return "0+unknown"
