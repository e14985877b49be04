"""The network: members side by side, whose pooled densities are one mixture.

Members share nothing but the rows that they see. They differ in where they begin, in what dropout
leaves of them, and in the noise on their rows. With M members of K components the pool is the
average of M densities, a mixture of M K components (Lakshminarayanan et al. 2017, for mixtures
instead of Gaussians). One network is M = 1.
"""

import math
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from mdn.distributions.mixture import GaussianMixture, check_gaussian
from mdn.networks.head import MixtureHead
from mdn.networks.stacked_layers import OneByOne
from mdn.networks.stacking import stack


class MixtureNetwork(nn.Module):
    """x -> p(y given x): M backbones and M mixture heads, stacked.

    The first axis of every parameter is the members.

    Args:
        backbones: one for each member, of one class and one shape; they are copied.
        heads: one for each member, for as many features.
        one_by_one: run whole backbones one after the other, where their layers cannot be stacked.

    Attributes:
        num_members: M.

    Raises:
        ValueError: on no member, or not one head for each backbone.
    """

    def __init__(
        self,
        backbones: Sequence[nn.Module],
        heads: Sequence[MixtureHead],
        one_by_one: bool = False,
    ) -> None:
        super().__init__()
        if not 1 <= len(backbones) == len(heads):
            raise ValueError(
                "a network takes at least one backbone, and one head for each, got "
                f"{len(backbones)} backbones and {len(heads)} heads"
            )
        self.num_members = len(backbones)
        self.backbone = OneByOne(*backbones) if one_by_one else stack(backbones)
        self.head = MixtureHead.join(heads)

    def features(self, x: Float[Tensor, "*batch P"]) -> Float[Tensor, "M *_ F"]:
        """Return what the heads look at, [M, *batch, F].

        Args:
            x: rows for all members, or for each its own: [M, N, P].
        """
        features = self.backbone(x if x.ndim == 3 else self._for_all(x))
        # The head's gradient has rows last, where activations take eight times as long to derive;
        # to pass through one axis it has to be laid out as the features are.
        return features.flatten().view(features.shape)

    def per_member(self, x: Float[Tensor, "*batch P"]) -> GaussianMixture:
        """Return p(y given x) of each member, with batch axes [M, *batch].

        Without features one row stands for all: [M, 1].

        Args:
            x: rows for all members, or for each its own: [M, N, P].
        """
        return check_gaussian(self.head(self.features(x)))

    def forward(self, x: Float[Tensor, "*batch P"]) -> GaussianMixture:
        mixtures = check_gaussian(self.head(self.backbone(self._for_all(x))))
        if self.num_members == 1:
            return mixtures.map(lambda stored: stored[0])
        return mixtures.pool()

    def pool(self, log_prob: Float[Tensor, " M *batch"]) -> Float[Tensor, "*batch"]:
        """Return the log density of the pool, from each member's."""
        if self.num_members == 1:
            return log_prob[0]
        return torch.logsumexp(log_prob, 0) - math.log(self.num_members)

    def gradient_norms(self, parameters: Sequence[nn.Parameter]) -> Float[Tensor, " M"]:
        """Return the norm of each member's gradient, over all of its parameters."""
        gradients = [p.grad for p in parameters if p.grad is not None]
        norms = [torch.linalg.vector_norm(gradient.flatten(1), dim=1) for gradient in gradients]
        return torch.linalg.vector_norm(torch.stack(norms), dim=0)

    def clip(
        self, parameters: Sequence[nn.Parameter], norms: Float[Tensor, " M"], max_norm: float
    ) -> None:
        """Shorten each member's gradient to a norm.

        Args:
            parameters: that have a gradient.
            norms: of the gradient of each member.
            max_norm: the largest that is left.
        """
        factor = (max_norm / (norms + 1e-6)).clamp(max=1.0)
        for gradient in (p.grad for p in parameters if p.grad is not None):
            gradient.mul_(factor.view(-1, *(1,) * (gradient.ndim - 1)))

    def _for_all(self, x: Float[Tensor, "*batch P"]) -> Float[Tensor, "M *batch P"]:
        return x.expand(self.num_members, *x.shape)
