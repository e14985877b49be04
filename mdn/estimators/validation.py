"""Checks of what users pass to an estimator: rows, settings, and where to start."""

from collections.abc import Callable, Iterable
from numbers import Integral, Real
from typing import cast

import numpy as np
import torch
from jaxtyping import Float, Float64
from numpy.typing import ArrayLike
from sklearn.utils.validation import _check_sample_weight, validate_data
from torch import Tensor

from mdn.distributions.checks import check_not_negative, check_positive

_SYMMETRY = 1e-8
"""How far correlations may differ from their mirror images."""


validated = cast(Callable[..., object], validate_data)
"""scikit-learn's check of rows, whose arguments it does not annotate."""


def plain_rows(X: object) -> object:
    """Return rows in a form that scikit-learn can check.

    Raises:
        TypeError: on a polars LazyFrame, whose rows are not there yet.
    """
    if type(X).__name__ == "LazyFrame":
        raise TypeError("X is a LazyFrame, whose rows are not read yet; pass X.collect()")
    if isinstance(X, Tensor):
        # numpy knows neither gradients, nor other devices, nor bfloat16.
        X = X.detach().cpu()
        return X.double().numpy() if X.is_floating_point() else X.numpy()
    return X


def row_weights(sample_weight: object, rows: np.ndarray) -> Float64[Tensor, " N"]:
    """Return a copy of the weights of rows, 1 by default: lists, arrays, series and tensors.

    Raises:
        ValueError: on weights that are not finite, negative, all zero, or not one for each row.
    """
    weight = _check_sample_weight(
        plain_rows(sample_weight), rows, dtype=np.float64, ensure_non_negative=True
    )
    return torch.from_numpy(np.array(weight))  # those of a series may not be written to


def check_whole(name: str, value: object) -> None:
    """Refuse what is not a whole number of at least 1; numpy's are welcome.

    Raises:
        ValueError: on anything else.
    """
    if isinstance(value, bool) or not isinstance(value, Integral) or value < 1:
        raise ValueError(f"{name} must be a whole number of at least 1, got {value!r}")


def check_tolerance(name: str, value: object) -> None:
    """Refuse what is not a finite number of at least 0.

    Raises:
        ValueError: on anything else.
    """
    if not isinstance(value, Real):
        raise ValueError(f"{name} must be a number of at least 0, got {value!r}")
    check_not_negative(name, float(value))


def check_scale(name: str, value: object) -> None:
    """Refuse what is not a finite number above 0.

    Raises:
        ValueError: on anything else.
    """
    if not isinstance(value, Real):
        raise ValueError(f"{name} must be a positive number, got {value!r}")
    check_positive(name, float(value))


def check_choice(name: str, value: object, known: Iterable[str]) -> None:
    """Refuse what is not one of some names.

    Raises:
        ValueError: on anything else.
    """
    if not isinstance(value, str) or value not in known:
        raise ValueError(f"{name} must be one of {list(known)}, got {value!r}")


def check_flag(name: str, value: object) -> None:
    """Refuse what is neither True nor False.

    Raises:
        ValueError: on anything else.
    """
    if not isinstance(value, bool | np.bool_):
        raise ValueError(f"{name} must be True or False, got {value!r}")


def real_array(name: str, value: ArrayLike) -> np.ndarray:
    """Return an array of finite real numbers, in float64.

    Raises:
        ValueError: on anything else.
    """
    try:
        array = np.asarray(plain_rows(value))
        real = array if array.dtype.kind in "fiub" else array.astype(object).astype(np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} must be real numbers in a regular array: {error}") from None
    if not np.isfinite(real).all():
        raise ValueError(f"{name} must be finite, got NaN or infinite values")
    return real.astype(np.float64)


def means_to_start_from(value: ArrayLike, shape: tuple[int, int]) -> Float[Tensor, "K D"]:
    """Return `means_init` as a tensor.

    Raises:
        ValueError: on what are not finite numbers of that shape.
    """
    return _shaped("means_init", value, shape)


def weights_to_start_from(value: ArrayLike, num_components: int) -> Float[Tensor, " K"]:
    """Return `weights_init` as a tensor.

    Raises:
        ValueError: on what are not positive numbers that sum to 1.
    """
    pi = _shaped("weights_init", value, (num_components,))
    if (pi <= 0).any() or abs(float(pi.sum()) - 1) > 1e-6:
        raise ValueError(f"weights_init must be positive and sum to 1, got {pi.tolist()}")
    return pi


def check_covariances(covariance: Float[Tensor, "K D D"]) -> None:
    """Refuse matrices that are no covariances, whatever their units.

    Raises:
        ValueError: on matrices that are not symmetric and positive definite.
    """
    std = covariance.diagonal(dim1=-2, dim2=-1).clamp(min=0).sqrt()
    correlation = covariance / std[..., :, None] / std[..., None, :]
    valid = bool((std > 0).all()) and bool(correlation.isfinite().all())
    if valid:
        least = covariance.shape[-1] * torch.finfo(covariance.dtype).eps
        symmetric = torch.allclose(correlation, correlation.mT, rtol=0, atol=_SYMMETRY)
        valid = symmetric and bool((torch.linalg.eigvalsh(correlation) > least).all())
    if not valid:
        raise ValueError("covariances_init must be symmetric and positive definite")


def _shaped(name: str, value: ArrayLike, shape: tuple[int, ...]) -> Tensor:
    array = real_array(name, value)
    if array.shape != shape:
        raise ValueError(f"{name} must be finite and have shape {shape}, got {array.shape}")
    return torch.from_numpy(array)
