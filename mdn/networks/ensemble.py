"""Several networks trained side by side, whose pooled densities are one mixture.

Members share nothing but the rows that they see. What tells them apart is where they begin, what
dropout leaves of each, and noise on the rows, of which each has its own. With M members of K
components the pool is the average of M densities, a mixture of M K components (Lakshminarayanan et
al. 2017, for mixtures instead of Gaussians).
"""

import math
from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from mdn.distributions.mixture import GaussianMixture
from mdn.networks.network import MixtureDensityNetwork, MixtureNetwork
from mdn.networks.stacked import stacked


class Ensemble(MixtureNetwork):
    """x -> p(y given x), the average of what several networks say.

    Args:
        members: networks of one shape; they are copied.

    Raises:
        ValueError: on fewer than two.
    """

    def __init__(self, members: Sequence[MixtureDensityNetwork]) -> None:
        if len(members) < 2:
            raise ValueError(f"an ensemble takes at least two networks, got {len(members)}")
        super().__init__()
        backbone: Any = stacked([member.backbone for member in members])
        head: Any = stacked([member.head for member in members])
        self.backbone, self.head = backbone, head
        self.members = (len(members),)

    def features(self, x: Float[Tensor, "*batch P"]) -> Float[Tensor, "..."]:
        features = self.backbone(x if x.ndim == 3 else self._for_all(x))
        # The head's gradient has rows last, where activations take eight times as long to derive;
        # to pass through one axis it has to be laid out as the features are.
        return features.flatten().view(features.shape)

    def forward(self, x: Float[Tensor, "*batch P"]) -> GaussianMixture:
        return self.head(self.backbone(self._for_all(x))).pool()

    def _for_all(self, x: Float[Tensor, "*batch P"]) -> Float[Tensor, "M *batch P"]:
        return x.expand(*self.members, *x.shape)

    def pool(self, log_prob: Float[Tensor, "..."]) -> Float[Tensor, "*batch"]:
        return torch.logsumexp(log_prob, 0) - math.log(len(log_prob))

    def clip(self, parameters: list[nn.Parameter], max_norm: float) -> None:
        gradients = [p.grad for p in parameters if p.grad is not None]
        norms = [torch.linalg.vector_norm(gradient.flatten(1), dim=1) for gradient in gradients]
        norm = torch.linalg.vector_norm(torch.stack(norms), dim=0)
        factor = (max_norm / (norm + 1e-6)).clamp(max=1.0)
        for gradient in gradients:
            gradient.mul_(factor.view(-1, *(1,) * (gradient.ndim - 1)))
