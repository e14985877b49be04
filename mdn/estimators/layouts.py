"""Families by name, and the shape in which scikit-learn keeps their covariances."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Float64
from numpy.typing import ArrayLike
from torch import Tensor

from mdn.distributions.families import (
    Constant,
    Diagonal,
    Family,
    Full,
    Isotropic,
    SharedIsotropic,
    Tied,
)
from mdn.estimators.validation import check_choice, real_array


@dataclass(frozen=True)
class Layout:
    """A family as users of scikit-learn meet it.

    Attributes:
        build: the family, given its floor and the covariances to start from, if there are any.
        axes: of its covariances, out of K D D; variances, where there are not two D.
    """

    build: Callable[[float, Float[Tensor, "K D D"] | None], Family]
    axes: str

    @property
    def survives_units(self) -> bool:
        """Whether a unit for each target leaves the family what it is."""
        return "D" in self.axes

    def compact(
        self, covariance: Float64[np.ndarray, "K D D"]
    ) -> Float64[np.ndarray, "..."] | np.float64:
        """Return covariances of this family without what is repeated in them."""
        if "DD" not in self.axes:
            covariance = np.diagonal(covariance, axis1=1, axis2=2)
        if "D" not in self.axes:
            covariance = covariance[:, 0]
        return covariance if "K" in self.axes else covariance[0]

    def dense(
        self, values: ArrayLike, num_components: int, num_targets: int
    ) -> Float64[np.ndarray, "K D D"]:
        """Return covariances in full, from the compact form or from the full one.

        Raises:
            ValueError: on any other shape.
        """
        array = real_array("covariances_init", values)
        whole = (num_components, num_targets, num_targets)
        if array.shape == whole:
            return array
        sizes = {"K": num_components, "D": num_targets}
        compact = tuple(sizes[axis] for axis in self.axes)
        if array.shape != compact:
            shapes = " or ".join(dict.fromkeys([str(compact), str(whole)]))
            raise ValueError(f"covariances_init must have shape {shapes}, got {array.shape}")
        array = array if "K" in self.axes else array[None]
        if "DD" in self.axes:
            return np.broadcast_to(array, whole)
        variances = array if "D" in self.axes else array[:, None]
        return np.broadcast_to(variances, whole[:2])[:, :, None] * np.eye(num_targets)


def _constant(min_scale: float, covariance: Float[Tensor, "K D D"] | None) -> Constant:
    if covariance is None:
        raise ValueError(
            "family 'constant' never learns its variance and got none; pass it as covariances_init"
        )
    variance = covariance[0, 0, 0]
    if not torch.allclose(covariance / variance, torch.eye(covariance.shape[-1]).to(covariance)):
        raise ValueError(
            "family 'constant' has one variance for all components and columns; "
            "got covariances_init that are not one number times the identity"
        )
    std = float(variance.sqrt())
    return Constant(min(min_scale, std), std)


LAYOUTS = {
    "full": Layout(lambda floor, _: Full(floor, "covariance"), "KDD"),
    "tied": Layout(lambda floor, _: Tied(floor, "covariance"), "DD"),
    "diagonal": Layout(lambda floor, _: Diagonal(floor), "KD"),
    "isotropic": Layout(lambda floor, _: Isotropic(floor), "K"),
    "shared_isotropic": Layout(lambda floor, _: SharedIsotropic(floor), ""),
    "constant": Layout(_constant, ""),
}


def layout(name: str) -> Layout:
    """Return the layout of a family.

    Raises:
        ValueError: on an unknown name.
    """
    check_choice("family", name, LAYOUTS)
    return LAYOUTS[name]
