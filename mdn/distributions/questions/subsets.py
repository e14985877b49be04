"""Some of the targets: marginal, conditional and projected mixtures, which are mixtures again.

With the targets in the order (b, a), the factor of a component's covariance is

    A = [A_bb   0 ]      z_b = A_bb^-1 (y_b - mu_b)
        [A_ab A_aa]      y_a given y_b ~ N(mu_a + A_ab z_b, A_aa A_aa')

and its weight given y_b is proportional to pi N(y_b; mu_b, A_bb A_bb'). No covariance is formed
and none is inverted.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TypeVar

import torch
from jaxtyping import Float
from torch import Tensor

from mdn.distributions import likelihood
from mdn.distributions.arguments import Dims, Known, targets
from mdn.distributions.named_values import stacked
from mdn.distributions.numbers import Numbers
from mdn.distributions.parameters import MixtureParameters
from mdn.distributions.scale import DiagonalScale
from mdn.distributions.target_names import chosen
from mdn.distributions.triangular import norm
from mdn.distributions.values import Values, as_direction, as_values

AnySubsets = TypeVar("AnySubsets", bound="Subsets")


class Subsets(MixtureParameters):
    """Questions about some of the targets."""

    def marginal(self: AnySubsets, dims: Dims) -> AnySubsets:
        """Return the mixture of some targets, in the order given.

        Args:
            dims: numbers or names of targets, or one of them.

        Raises:
            ValueError: on no target, and on one that is not there or is there twice.
        """
        dims = targets(dims, self.num_targets, self.target_names)
        if not dims:
            raise ValueError("a marginal keeps at least one target, got none")
        return self._marginal(dims)

    def _marginal(self: AnySubsets, dims: list[int]) -> AnySubsets:
        names = chosen(self.target_names, dims)
        mu, scale = self.mu[..., dims], self.scale.select(dims)
        return replace(self, mu=mu, scale=scale, target_names=names)

    def condition(self: AnySubsets, dims: Dims | Known, values: Values | None = None) -> AnySubsets:
        """Return the mixture of the other targets, in their own order, given the values of some.

        Args:
            dims: numbers or names of the targets that are known, in any order; or a mapping from
                them to their values, such as {"price": 3.2} or {"price": prices}.
            values: what they are, [*rows, len(dims)], read as `mdn.distributions.values` says.

        Raises:
            TypeError: on values that are not real numbers, and on values beside a mapping.
            ValueError: on a target that is not there or is there twice, where none is left, or
                where values and targets differ in number.
        """
        return self._condition(*known_targets(dims, values))

    def _condition(self: AnySubsets, dims: Dims, values: Values) -> AnySubsets:
        known = targets(dims, self.num_targets, self.target_names)
        mixture, values = as_values(self, values, "values", known)
        return mixture._given(known, values)

    def _given(self: AnySubsets, dims: list[int], values: Float[Tensor, "*rows G"]) -> AnySubsets:
        if not dims:
            return self.expand(*torch.broadcast_shapes(values.shape[:-1], self.batch_shape))
        rest = [d for d in range(self.num_targets) if d not in set(dims)]
        if not rest:
            raise ValueError(f"no target is left to predict: all {self.num_targets} are given")
        known = len(dims)
        joint = self._marginal([*dims, *rest])
        given = joint._marginal(list(range(known)))
        whitened, unit = given.scale.whiten_in_units(values[..., None, :] - given.mu)
        explained = joint.scale.tril()[..., known:, :known] @ whitened[..., None]
        mu = joint.mu[..., known:] + explained.squeeze(-1) * unit
        scale = joint.scale.given(known).map(lambda v: v.expand(*mu.shape[:-2], *v.shape[-2:]))
        log_pi = likelihood.log_responsibilities(values, given.log_pi, given.mu, given.scale)
        names = chosen(self.target_names, rest)
        return replace(self, log_pi=log_pi, mu=mu, scale=scale, target_names=names)

    def project(self: AnySubsets, direction: Values) -> AnySubsets:
        """Return the mixture over one target without a name, direction' y.

        Raises:
            TypeError: on what is not real numbers.
            ValueError: on a direction without one finite number for each target, or of zeros.
        """
        mixture, direction = as_direction(self, direction)
        if not direction.isfinite().all() or not direction.any():
            raise ValueError(f"a direction is finite and not all 0, got {direction.tolist()}")
        return mixture._project(direction)

    def _project(self: AnySubsets, direction: Float[Tensor, " D"]) -> AnySubsets:
        std = norm(direction @ self.scale.tril())[..., None]
        mu, scale = (self.mu @ direction)[..., None], DiagonalScale(std, 1)
        return replace(self, mu=mu, scale=scale, target_names=None)


def known_targets(dims: Dims | Known, values: Values | None) -> tuple[Dims, Values]:
    """Return the targets that are known and their values, from either form of `condition`.

    Raises:
        TypeError: on targets without values, and on values beside a mapping.
    """
    if isinstance(dims, Mapping):
        return [*dims], _alone(dims.values(), values)
    if values is None:
        raise TypeError(
            "condition takes targets and their values, or a mapping from targets to values; "
            f"got a {type(dims).__name__} alone: of a frame, give names and columns, "
            "condition(names, frame[names])"
        )
    return dims, values


def _alone(known: Iterable[Numbers], values: Values | None) -> Tensor:
    if values is not None:
        raise TypeError("condition takes a mapping alone, or targets and their values; got both")
    return stacked(known, "values")
