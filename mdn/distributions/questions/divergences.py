"""Entropy of a mixture, and its distance from another.

Neither has a closed form. With divergences between single components, which do,

    entropy >= sum_i pi_i H_i - sum_i pi_i log sum_j pi_j exp(-B_ij)
    entropy <= sum_i pi_i H_i - sum_i pi_i log sum_j pi_j exp(-KL_ij)

with Bhattacharyya's and Kullback and Leibler's divergence (Kolchinsky & Tracey 2017), and the
second is held below the entropy of the Gaussian with the same covariance. The divergence
of a mixture from another is approached by the variational formula of Hershey & Olsen (2007),

    sum_i pi_i log [ sum_j pi_j exp(-KL(f_i, f_j)) / sum_j omega_j exp(-KL(f_i, g_j)) ]

which is exact for equal mixtures and for single components, and is no bound; or by samples.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from mdn.distributions.arguments import whole
from mdn.distributions.parameters import AnyMixture, MixtureParameters
from mdn.distributions.questions.moments import Moments
from mdn.distributions.questions.ragged import split
from mdn.distributions.target_names import agreed
from mdn.distributions.triangular import lower_factor


class Divergences(Moments):
    """Questions of information, in nats."""

    def entropy_bounds(self) -> tuple[Float[Tensor, "*batch"], Float[Tensor, "*batch"]]:
        """Return a lower and an upper bound of the entropy."""
        flat, numbers = self.flatten(), self.num_components**2 * self.num_targets**2
        parts = [flat[part]._entropy_bounds() for part in split(len(flat), numbers)]
        lower, upper = (torch.cat(v).reshape(self.batch_shape) for v in zip(*parts, strict=True))
        return lower, upper

    def _entropy_bounds(self) -> tuple[Float[Tensor, " R"], Float[Tensor, " R"]]:
        per_target = 0.5 * (1 + math.log(2 * math.pi))
        inside = (self.pi * (self.scale.log_det() + self.num_targets * per_target)).sum(-1)
        lower = inside - self._mean_log_overlap(_bhattacharyya(self))
        upper = inside - self._mean_log_overlap(_kullback_leibler(self, self))
        factor = lower_factor(self._covariance_root())
        gaussian = factor.diagonal(dim1=-2, dim2=-1).log().sum(-1)
        return lower, torch.minimum(upper, gaussian + self.num_targets * per_target)

    def kl_to(self, other: object) -> Float[Tensor, "*out"]:
        """Approximate the Kullback-Leibler divergence from another mixture, E[log p - log q].

        By the variational formula at the top of this module: deterministic and differentiable.

        Raises:
            ValueError: on a mixture with other targets, or whose batch does not broadcast.
        """
        other = _alike(self, other)
        p, q = _broadcast(self, other), _broadcast(other, self)
        numbers = p.num_components * max(p.num_components, q.num_components) * p.num_targets**2
        shape, p, q = p.batch_shape, p.flatten(), q.flatten()
        parts = [p[part]._kl_to(q[part]) for part in split(len(p), numbers)]
        return torch.cat(parts).reshape(shape)

    def _kl_to(self, other: MixtureParameters) -> Float[Tensor, " R"]:
        within = self._mean_log_overlap(_kullback_leibler(self, self))
        return within - self._mean_log_overlap(_kullback_leibler(self, other), other.log_pi)

    def kl_by_samples(
        self,
        other: object,
        num_samples: int = 10_000,
        generator: torch.Generator | None = None,
    ) -> tuple[Float[Tensor, "*out"], Float[Tensor, "*out"]]:
        """Estimate the Kullback-Leibler divergence by samples, with its standard error.

        Raises:
            ValueError: as `kl_to`, and on fewer than two samples, which have no standard error.
        """
        other = _alike(self, other)
        num_samples = whole("num_samples", num_samples, 2)
        with torch.no_grad():
            parts = _broadcast(self, other).sample_in_parts(num_samples, generator)
            ratio = torch.cat([self.log_prob(y) - other.log_prob(y) for y in parts])
        mean = ratio.mean(0)
        # Not `std`, which warns of an empty batch.
        variance = (ratio - mean).square().sum(0) / (num_samples - 1)
        return mean, (variance / num_samples).sqrt()

    def _mean_log_overlap(
        self, divergence: Float[Tensor, "*out I J"], log_pi: Float[Tensor, "*batch J"] | None = None
    ) -> Float[Tensor, "*out"]:
        """sum_i pi_i log sum_j pi_j exp(-divergence_ij), with the other's weights where given."""
        others = self.log_pi if log_pi is None else log_pi
        weight = self.pi
        # What has no weight has no part in it, be its divergence infinite.
        divergence = torch.where(weight[..., None] > 0, divergence, 0)
        return (weight * torch.logsumexp(others[..., None, :] - divergence, -1)).sum(-1)


def _alike(p: MixtureParameters, q: object) -> MixtureParameters:
    if not isinstance(q, MixtureParameters):
        raise TypeError(f"a divergence is from another mixture, got {type(q).__name__}")
    pairs = zip(reversed(p.batch_shape), reversed(q.batch_shape), strict=False)
    if p.num_targets != q.num_targets or any(a != b and 1 not in (a, b) for a, b in pairs):
        shapes = [(*m.batch_shape, m.num_targets) for m in (p, q)]
        raise ValueError(
            "a divergence is between mixtures of the same targets whose batches broadcast, got "
            f"shapes (*batch, targets) {shapes[0]} and {shapes[1]}"
        )
    agreed((p.target_names, q.target_names))
    return q


def _broadcast(p: AnyMixture, q: MixtureParameters) -> AnyMixture:
    return p.expand(*torch.broadcast_shapes(p.batch_shape, q.batch_shape))


def _kullback_leibler(p: MixtureParameters, q: MixtureParameters) -> Float[Tensor, "*out I J"]:
    """Divergence of each component of p from each of q."""
    p = _broadcast(p, q)
    mean, factor = _seen_from(q, p)
    twice = mean.square().sum(-1) + factor.square().sum((-2, -1)) - p.num_targets
    return twice.movedim(0, -2) / 2 + _log_det_ratio(q, p)


def _bhattacharyya(p: MixtureParameters) -> Float[Tensor, "*batch K K"]:
    """Distance between each two components.

    The covariance between them is taken where one of them has the identity: no digit is lost then,
    however narrow both are.
    """
    mean, factor = _seen_from(p, p)
    identity = torch.eye(p.num_targets, dtype=factor.dtype, device=factor.device)
    between = lower_factor(torch.cat([identity.expand_as(factor), factor], -1) * 0.5**0.5)
    whitened = torch.linalg.solve_triangular(between, mean[..., None], upper=False)
    joint = between.diagonal(dim1=-2, dim2=-1).log().sum(-1)
    each = whitened.square().sum((-2, -1)) / 8 + joint
    return each.movedim(0, -2) + _log_det_ratio(p, p) / 2


def _seen_from(
    q: MixtureParameters, p: MixtureParameters
) -> tuple[Float[Tensor, "I *out J D"], Float[Tensor, "I *out J D D"]]:
    """Means and factors of the components of p where component j of q is a standard normal."""
    # The components of p lead, where q's scale broadcasts against them.
    mean = p.mu.movedim(-2, 0)[..., None, :] - q.mu
    factor = p.scale.tril().expand(*p.mu.shape, -1).movedim((-1, -3), (0, 1))[..., None, :]
    factor = factor.expand(*factor.shape[:-2], q.num_components, -1)
    return q.scale.whiten(mean), q.scale.whiten(factor).movedim(0, -1)


def _log_det_ratio(q: MixtureParameters, p: MixtureParameters) -> Float[Tensor, "*out I J"]:
    return q.scale.log_det()[..., None, :] - p.scale.log_det()[..., :, None]
