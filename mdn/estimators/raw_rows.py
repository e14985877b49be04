"""Rows of inputs as users have them: frames with text, dates and gaps, or arrays of numbers."""

from typing import cast

import narwhals as nw
import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.utils import check_consistent_length
from sklearn.utils.validation import check_array

from mdn.data.frames import check_eager
from mdn.estimators.fitted_mixture import Rows
from mdn.estimators.validation import validated


def named_frame(X: Rows) -> nw.DataFrame | None:
    """Return a frame whose columns have names; None of anything else.

    Raises:
        TypeError: on a frame whose rows are not there yet.
    """
    check_eager(X)
    frame = nw.from_native(X, pass_through=True)
    if isinstance(frame, nw.DataFrame) and all(isinstance(name, str) for name in frame.columns):
        return frame
    return None


def checked_pair(estimator: BaseEstimator, X: Rows, y: Rows) -> tuple[Rows, np.ndarray]:
    """Return rows to fit to, as a frame or as numbers, and their targets.

    Raises:
        ValueError: on what scikit-learn refuses, missing values and text of a frame aside.
    """
    check_eager(y)
    if named_frame(X) is None:
        settings = {"y": y, "multi_output": True, "y_numeric": True, "ensure_min_samples": 2}
        return cast(tuple[Rows, np.ndarray], _numbers(estimator, X, reset=True, **settings))
    validated(estimator, X, reset=True, skip_check_array=True)
    return X, checked_targets(X, y, min_samples=2)


def checked_targets(X: Rows, y: Rows, min_samples: int = 1) -> np.ndarray:
    """Return targets, [N] or [N, D], of rows.

    Raises:
        ValueError: on what are not finite numbers, one or more for each row.
    """
    check_eager(y)
    targets = check_array(
        cast(ArrayLike, y), ensure_2d=False, ensure_min_samples=min_samples, input_name="y"
    )
    check_consistent_length(X, targets)
    return targets


def checked_rows(estimator: BaseEstimator, X: Rows) -> Rows:
    """Return rows to predict for: a frame, whose columns may be in any order, or numbers.

    Raises:
        ValueError: if the columns are not those of the fit.
    """
    frame, names = named_frame(X), getattr(estimator, "feature_names_in_", None)
    if frame is None or names is None:
        return _numbers(estimator, X, reset=False)
    if set(names) <= set(frame.columns):
        return frame.select(list(names)).to_native()
    return validated(estimator, X, reset=False, skip_check_array=True)  # says which are not there


def _numbers(estimator: BaseEstimator, X: Rows, **settings: object) -> object:
    taken = {"dtype": np.float64, "ensure_all_finite": "allow-nan"}
    try:
        return validated(estimator, X, **taken, **settings)
    except ValueError as error:
        if "could not convert" not in str(error):
            raise
        raise ValueError(
            f"X holds text ({error}), and tells no kinds of columns; give a frame whose columns "
            "have names"
        ) from None
