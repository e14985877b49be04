"""Means, variances and covariances on the scale of the user, from those of components there."""

import itertools

import torch
from jaxtyping import Float
from torch import Tensor

from mdn.distributions.arguments import Levels, probability
from mdn.distributions.mixture import GaussianMixture
from mdn.distributions.scale import DiagonalScale
from mdn.distributions.transformed.parameters import TransformedParameters


class TransformedMoments(TransformedParameters):
    """Moments of the targets, and of their tails."""

    @property
    def matched(self) -> GaussianMixture:
        """The uncorrelated Gaussian components that have the means and variances of these.

        With the same weights they have the moments of each target, and no other answer.
        """
        columns = zip(self.base.mu.unbind(-1), self.base.sigma.unbind(-1), strict=True)
        moments = [t.moments(*each) for t, each in zip(self.transforms, columns, strict=True)]
        mean, std = (torch.stack(each, -1) for each in zip(*moments, strict=True))
        scale = DiagonalScale(std, self.num_targets)
        return GaussianMixture(self.log_pi, mean, scale, self.target_names)

    @property
    def mean(self) -> Float[Tensor, "*batch D"]:
        return self.matched.mean

    @property
    def std(self) -> Float[Tensor, "*batch D"]:
        return self.matched.std

    @property
    def covariance(self) -> Float[Tensor, "*batch D D"]:
        """Cov[y].

        Raises:
            ValueError: on two targets that are both on a logit scale.
        """
        found = self.matched.covariance.clone()
        for i, j in itertools.combinations(range(self.num_targets), 2):
            within = (self.pi * self._within(i, j)).sum(-1)
            found[..., i, j] += within
            found[..., j, i] += within
        return found

    def _within(self, i: int, j: int) -> Float[Tensor, "*batch K"]:
        """The covariance of two targets within each component."""
        mu, sigma = self.base.mu, self.base.sigma
        own, others = ((mu[..., d], sigma[..., d]) for d in (i, j))
        covariance = self.base.scale.covariance()[..., i, j].expand(mu.shape[:-1])
        return self.transforms[i].cross_covariance(self.transforms[j], own, others, covariance)

    def most_likely(self) -> tuple[Tensor, Tensor]:
        return self.matched.most_likely()

    def std_split(self) -> tuple[Float[Tensor, "*batch D"], Float[Tensor, "*batch D"]]:
        return self.matched.std_split()

    def covariance_split(
        self,
    ) -> tuple[Float[Tensor, "*batch D D"], Float[Tensor, "*batch D D"]]:
        """Split the covariance of `pool` into the aleatoric part, noise, and the epistemic, doubt.

        Raises:
            ValueError: as `covariance`, and as `pool`.
        """
        _, doubt = self.matched.covariance_split()
        return self.covariance.mean(0), doubt

    def expected_shortfall(self, level: Levels, upper: bool = False) -> Float[Tensor, "*batch D"]:
        """Return the mean of each target over the lowest, or the highest, share of outcomes.

        Raises:
            ValueError: on a level that is not a probability, or is zero.
        """
        level = probability(level)
        if level in (0, 1):
            return self.mean if level else self.base.expected_shortfall(level, upper)
        means = [
            transform.expected_shortfall(self.base.marginal([d]), level, upper)
            for d, transform in enumerate(self.transforms)
        ]
        return torch.stack(means, -1)
