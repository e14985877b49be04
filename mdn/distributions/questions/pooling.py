"""Several mixtures made one, and one made smaller.

The average of densities is the mixture of all their components, each weight times its member's
share. Averaging parameters instead is a different distribution, between the modes. The variance
of the pool is the mean of the members' variances (noise) plus the variance of their means
(disagreement).
"""

import functools
import math
from collections.abc import Sequence
from dataclasses import replace
from numbers import Real
from typing import TypeVar

import torch
from jaxtyping import Float
from torch import Tensor

from mdn.distributions.numbers import Numbers, as_tensor
from mdn.distributions.questions.moments import Moments
from mdn.distributions.scale import CovarianceFactor, DiagonalScale, Scale
from mdn.distributions.target_names import agreed
from mdn.distributions.triangular import norm

AnyPooling = TypeVar("AnyPooling", bound="Pooling")


class Pooling(Moments):
    """Questions about several mixtures as one."""

    def merge(
        self: AnyPooling, others: Sequence[AnyPooling], weights: Numbers | None = None
    ) -> AnyPooling:
        """Return the pooled mixture, the weighted average of the densities.

        Args:
            others: mixtures with the same batch and targets, each with any number of components.
            weights: one for this mixture and one for each other, in any units; equal by default.

        Raises:
            ValueError: where weights and mixtures, or the mixtures, do not fit together.
        """
        members = _members(self, others)
        log_share = _shares(members, weights).log()
        merged = replace(
            self,
            log_pi=torch.cat([m.log_pi + log_share[i] for i, m in enumerate(members)], -1),
            mu=torch.cat([m.mu for m in members], -2),
            scale=_joined([m.scale for m in members], [m.num_components for m in members]),
            target_names=agreed(m.target_names for m in members),
            origin=self.origin and self.origin.without_members(),
        )
        return guards_last(merged, [(m.num_learned, m.guards) for m in members])

    def pool(self: AnyPooling) -> AnyPooling:
        """Average the densities along the first batch axis, on which an ensemble's members lie.

        Batch axes [M, *batch] become [*batch], and K components M K: those of the first member,
        then those of the second, and so on; guards come last.

        Raises:
            ValueError: without such an axis.
        """
        members, *batch = self._with_members()

        def side_by_side(stored: Float[Tensor, "M *batch _ P"]) -> Float[Tensor, "*batch _ P"]:
            if stored.shape[-1] == 0:  # ONNX cannot reshape an empty tensor
                return stored.new_zeros(*batch, members * self.num_components, 0)
            # What components share differs between members. Rows stay last in memory.
            stored = stored.expand(members, *batch, self.num_components, stored.shape[-1])
            turned = stored.movedim((-1, 0, -2), (0, 1, 2)).flatten(1, 2)
            return turned.movedim((0, 1), (-1, -2))

        log_pi = side_by_side(self.log_pi[..., None]).squeeze(-1) - math.log(members)
        mu, scale = side_by_side(self.mu), self._in_full().scale.map(side_by_side)
        origin = self.origin and self.origin.pool()
        pooled = replace(self, log_pi=log_pi, mu=mu, scale=scale, origin=origin)
        return guards_last(pooled, [(self.num_learned, self.guards)] * members)

    def covariance_split(
        self,
    ) -> tuple[Float[Tensor, "*batch D D"], Float[Tensor, "*batch D D"]]:
        """Split the covariance of `pool` into the aleatoric part, noise, and the epistemic, doubt.

        By the law of total variance the first is the mean of the members' covariances, the second
        the covariance of their means.

        Raises:
            ValueError: as `pool`.
        """
        members, *_ = self._with_members()
        away = self._members_away()
        disagreement = away[..., :, None] * away[..., None, :]
        return self.covariance.sum(0) / members, disagreement.sum(0) / members

    def std_split(self) -> tuple[Float[Tensor, "*batch D"], Float[Tensor, "*batch D"]]:
        """Return the roots of the diagonals of `covariance_split`, whose squares sum up.

        Raises:
            ValueError: as `pool`.
        """
        members, *_ = self._with_members()
        parts = self.std, self._members_away()
        noise, doubt = (norm(part.movedim(0, -1)) / members**0.5 for part in parts)
        return noise, doubt

    def _members_away(self) -> Float[Tensor, "M *batch D"]:
        """Measure the means of the members from the mean of their pool."""
        means = self._offset(self._near()[:1])
        return means - means.mean(0)

    def _with_members(self) -> torch.Size:
        if not self.batch_shape:
            raise ValueError(
                "members are pooled along the first batch axis, got one mixture with none; "
                "a model gives its members by model.members(x)"
            )
        if self.batch_shape[0] == 0:
            raise ValueError("members are pooled along the first batch axis, got no member in it")
        return self.batch_shape

    def variance_split(
        self: AnyPooling, others: Sequence[AnyPooling], weights: Numbers | None = None
    ) -> tuple[Float[Tensor, "*batch D"], Float[Tensor, "*batch D"]]:
        """Split the variance of the pooled mixture into an aleatoric and an epistemic part.

        The first is the mean of the members' variances, the second the variance of their means.

        Raises:
            ValueError: as `merge`.
        """
        members = _members(self, others)
        share = _shares(members, weights).view(-1, *(1,) * (self.mu.ndim - 1))
        near = self._near()
        means = torch.stack([m._offset(near) for m in members])
        variances = torch.stack([m.std for m in members]).square()
        away = means - (share * means).sum(0)
        return (share * variances).sum(0), (share * away.square()).sum(0)

    def prune(self: AnyPooling, tolerance: float) -> AnyPooling:
        """Leave out the components whose weight is below `tolerance` everywhere.

        The rest is renormalized. A component that has weight in one mixture of a batch stays in
        all, and the heaviest always stays. A tolerance of 0 keeps all.

        Raises:
            ValueError: on a negative tolerance.
        """
        if not (isinstance(tolerance, Real) and tolerance >= 0):
            raise ValueError(
                f"prune takes the smallest weight to keep, at least 0, got {tolerance!r}"
            )
        if 0 in self.batch_shape:
            return self
        lightest = math.log(tolerance) if tolerance > 0 else -math.inf
        heaviest = self.log_pi.reshape(-1, self.num_components).amax(0)
        keep = (heaviest >= min(lightest, heaviest.max().item())).nonzero().squeeze(-1)
        guards = int((keep >= self.num_learned).sum())
        return replace(
            self,
            guards=guards if guards < len(keep) else 0,
            log_pi=torch.log_softmax(self.log_pi[..., keep], -1),
            mu=self.mu[..., keep, :],
            scale=self.scale.map(lambda v: v if v.shape[-2] == 1 else v[..., keep, :]),
        )


def guards_last(mixture: AnyPooling, parts: Sequence[tuple[int, int]]) -> AnyPooling:
    """Move the guards behind what was learned in a mixture that others were joined to.

    Args:
        mixture: with the components of all parts, one part after another.
        parts: of each part, how many components were learned, and how many are a guard.
    """
    if not any(guards for _, guards in parts):
        return mixture
    is_guard = [each for learned, guards in parts for each in [0] * learned + [1] * guards]
    order = sorted(range(len(is_guard)), key=is_guard.__getitem__)
    return replace(
        mixture,
        log_pi=mixture.log_pi[..., order],
        mu=mixture.mu[..., order, :],
        scale=mixture.scale.map(lambda v: v if v.shape[-2] == 1 else v[..., order, :]),
        guards=sum(is_guard),
    )


def _members(first: AnyPooling, others: Sequence[AnyPooling]) -> list[AnyPooling]:
    """The mixtures to pool, all in the widest of their types."""
    listed = not isinstance(others, Pooling)
    members = [first, *others] if listed else []
    if not listed or not all(isinstance(member, Pooling) for member in members):
        kinds = [type(other).__name__ for other in members[1:]] if listed else type(others).__name__
        raise TypeError(f"a mixture is pooled with a list of other mixtures, got {kinds}")
    agreed(member.target_names for member in members)
    kind = functools.reduce(torch.promote_types, [member.mu.dtype for member in members])
    return [m if m.mu.dtype == kind else m.to(dtype=kind) for m in members]


def _shares(members: Sequence[Pooling], weights: Numbers | None) -> Float[Tensor, " M"]:
    shapes = [(*m.batch_shape, m.num_targets) for m in members]
    if len(set(shapes)) > 1:
        raise ValueError(f"mixtures to pool must agree in batch and targets, got shapes {shapes}")
    share = as_tensor([1.0] * len(members) if weights is None else weights, "weights").double()
    right = share.shape == (len(members),) and bool((share.isfinite() & (share >= 0)).all())
    if not right or share.max() == 0:
        raise ValueError(
            f"pooling takes one weight of at least 0 for each of {len(members)} mixtures, this "
            f"one first, finite and not all 0, got {weights}"
        )
    # The largest first, as the sum of the largest numbers is infinite.
    share = share / share.max()
    return (share / share.sum()).to(members[0].mu)


def _joined(scales: Sequence[Scale], counts: Sequence[int]) -> Scale:
    # Uncorrelated scales join to a diagonal one with nothing shared; any other to a Cholesky
    # factor.
    pairs = list(zip(scales, counts, strict=True))
    if not any(scale.correlated for scale in scales):
        std = [s.std.expand(*s.std.shape[:-2], count, -1) for s, count in pairs]
        return DiagonalScale(torch.cat(std, -2), scales[0].num_targets)
    trils = [(s.tril(), count) for s, count in pairs]
    return CovarianceFactor.from_tril(
        torch.cat([t.expand(*t.shape[:-3], count, -1, -1) for t, count in trils], -3)
    )
