"""Some of the targets: marginal, conditional and projected mixtures, which are mixtures again.

With the targets in the order (b, a), the factor of a component's covariance is

    A = [A_bb   0 ]      z_b = A_bb^-1 (y_b - mu_b)
        [A_ab A_aa]      y_a given y_b ~ N(mu_a + A_ab z_b, A_aa A_aa')

and its weight given y_b is proportional to pi N(y_b; mu_b, A_bb A_bb'). No covariance is formed
and none is inverted.
"""

from collections.abc import Sequence
from typing import TypeVar

import torch
from jaxtyping import Float
from torch import Tensor

from mdn import likelihood
from mdn.parameters import MixtureParameters
from mdn.scale import DiagonalScale
from mdn.triangular import norm

AnySubsets = TypeVar("AnySubsets", bound="Subsets")


class Subsets(MixtureParameters):
    """Questions about some of the targets."""

    def marginal(self: AnySubsets, dims: Sequence[int]) -> AnySubsets:
        """The mixture of some targets, in the order given.

        Raises:
            ValueError: on a target that is not there, or is there twice.
        """
        _check_targets(dims, self.num_targets)
        return type(self)(self.log_pi, self.mu[..., list(dims)], self.scale.select(dims))

    def condition(
        self: AnySubsets, dims: Sequence[int], values: Float[Tensor, "*rows G"]
    ) -> AnySubsets:
        """The mixture of the other targets, in their own order, given the values of some.

        Args:
            dims: which targets are known, in any order.
            values: what they are; leading axes broadcast against the batch.

        Raises:
            ValueError: on a target that is not there or is there twice, where none is left, or
                where values and targets differ in number.
        """
        if values.shape[-1] != len(dims):
            raise ValueError(
                f"values must hold one number for each of dims {list(dims)} in its last axis, got "
                f"shape {tuple(values.shape)}"
            )
        if not dims:
            return self.expand(*torch.broadcast_shapes(values.shape[:-1], self.batch_shape))
        rest = [d for d in range(self.num_targets) if d not in set(dims)]
        if not rest:
            raise ValueError(f"no target is left to predict: all {self.num_targets} are given")
        known = len(dims)
        joint = self.marginal([*dims, *rest])
        given = joint.marginal(range(known))
        whitened = given.scale.whiten_far(values[..., None, :] - given.mu)
        explained = joint.scale.tril()[..., known:, :known] @ whitened[..., None]
        mu = joint.mu[..., known:] + explained.squeeze(-1)
        scale = joint.scale.given(known).map(lambda v: v.expand(*mu.shape[:-2], *v.shape[-2:]))
        log_pi = likelihood.log_responsibilities(values, given.log_pi, given.mu, given.scale)
        return type(self)(log_pi, mu, scale)

    def project(self: AnySubsets, direction: Float[Tensor, " D"]) -> AnySubsets:
        """The mixture over one target, the component of y along a direction: direction' y.

        Raises:
            ValueError: on a direction without one number for each target.
        """
        if direction.shape != (self.num_targets,):
            raise ValueError(
                f"a direction takes one number for each of {self.num_targets} targets, got shape "
                f"{tuple(direction.shape)}"
            )
        std = norm(direction @ self.scale.tril())[..., None]
        return type(self)(self.log_pi, (self.mu @ direction)[..., None], DiagonalScale(std, 1))


def _check_targets(dims: Sequence[int], num_targets: int) -> None:
    if len(set(dims)) < len(dims) or not set(dims) <= set(range(num_targets)):
        raise ValueError(
            f"dims must be different targets from 0 to {num_targets - 1}, got {list(dims)}"
        )
