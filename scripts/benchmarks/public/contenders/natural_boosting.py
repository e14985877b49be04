"""NGBoost (Duan et al. 2020): one Gaussian a row, boosted along the natural gradient.

As its authors ran it on the UCI sets: trees of depth 3, a rate of .01, at most 2000 of them, the
number chosen on a fifth of the training rows, then all rows. More than 20,000 rows: a tenth of them
for each tree.
"""

from importlib import import_module
from typing import Any

import numpy as np
import torch
from sklearn.model_selection import train_test_split

from benchmarks.public.contenders.numbers import number_inputs
from benchmarks.public.contenders.prediction import Machine, Prediction, gaussians, stopwatch
from benchmarks.public.split import Split

_TREES, _RATE, _PATIENCE, _HELD_OUT = 2000, 0.01, 100, 0.2
_MANY_ROWS, _SHARE_OF_MANY = 20_000, 0.1


def predictions(split: Split, machine: Machine) -> Prediction:
    """Return one Gaussian a test row, each target by itself.

    Raises:
        ValueError: on inputs that are not numbers.
    """
    train_x, test_x = (inputs.numpy() for inputs in number_inputs(split, "ngboost"))
    with stopwatch() as seconds:
        models = [_fitted(train_x, column.numpy(), split.seed) for column in split.train.y.T]
    each = [model.pred_dist(test_x).params for model in models]
    mean, std = (
        torch.from_numpy(np.stack([params[name] for params in each], -1)).double()
        for name in ("loc", "scale")
    )
    trees = [len(model.base_models) for model in models]
    return Prediction(gaussians(mean, std), seconds[0], {"trees": trees})


def _fitted(x: np.ndarray[Any, Any], y: np.ndarray[Any, Any], seed: int) -> Any:
    fit, held_out = train_test_split(np.arange(len(x)), test_size=_HELD_OUT, random_state=seed)
    tried = _regressor(_TREES, len(x), seed)
    tried.fit(x[fit], y[fit], x[held_out], y[held_out], early_stopping_rounds=_PATIENCE)
    trees = (tried.best_val_loss_itr or 0) + 1
    return _regressor(trees, len(x), seed).fit(x, y)


def _regressor(trees: int, rows: int, seed: int) -> Any:
    share = _SHARE_OF_MANY if rows > _MANY_ROWS else 1.0
    return import_module("ngboost").NGBRegressor(
        n_estimators=trees,
        learning_rate=_RATE,
        minibatch_frac=share,
        random_state=seed,
        verbose=False,
    )
