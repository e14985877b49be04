"""Means, variances and covariances on the scale of the user, from those of components there."""

import itertools

import torch
from jaxtyping import Bool, Float, Int
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

        With the same weights they have the moments of each target, and no other answer. Moments
        that are beyond the largest number are 0 here, and infinite in the answers.
        """
        mean, std = self._of_components
        scale = DiagonalScale(std.masked_fill(std.isinf(), 0.0), self.num_targets)
        known = mean.masked_fill(mean.isinf(), 0.0)
        return GaussianMixture(self.log_pi, known, scale, self.target_names)

    @property
    def _of_components(self) -> tuple[Float[Tensor, "*batch K D"], Float[Tensor, "*batch K D"]]:
        """Mean and standard deviation of each target under each component."""
        columns = zip(self.base.mu.unbind(-1), self.base.sigma.unbind(-1), strict=True)
        moments = [t.moments(*each) for t, each in zip(self.transforms, columns, strict=True)]
        return torch.stack([m for m, _ in moments], -1), torch.stack([s for _, s in moments], -1)

    def _beyond(self, moment: Float[Tensor, "*batch K D"]) -> Bool[Tensor, "*batch D"]:
        """Which targets have a component, with a weight, whose moment is beyond all numbers."""
        return (moment.isinf() & (self.pi > 0)[..., None]).any(-2)

    @property
    def mean(self) -> Float[Tensor, "*batch D"]:
        """E[y]; infinite where the mean of a component is beyond the largest number."""
        return self.matched.mean.masked_fill(self._beyond(self._of_components[0]), torch.inf)

    @property
    def std(self) -> Float[Tensor, "*batch D"]:
        """Standard deviation of each target; infinite as `mean`."""
        return self.matched.std.masked_fill(self._beyond(self._of_components[1]), torch.inf)

    @property
    def covariance(self) -> Float[Tensor, "*batch D D"]:
        """Cov[y].

        Raises:
            ValueError: on two targets that are both on a logit scale, and where one is beyond the
                largest number.
        """
        if self._beyond(self._of_components[1]).any():
            raise ValueError(
                "a covariance is beyond the largest number, because a component is so wide on a "
                "log scale; ask for quantiles"
            )
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

    def most_likely(self) -> tuple[Int[Tensor, "*batch"], Float[Tensor, "*batch D"]]:
        component, mean = self.base.most_likely()[0], self._of_components[0]
        return component, mean.take_along_dim(component[..., None, None], -2).squeeze(-2)

    def std_split(self) -> tuple[Float[Tensor, "*batch D"], Float[Tensor, "*batch D"]]:
        parts = zip(self.matched.std_split(), self._of_components[::-1], strict=True)
        noise, doubt = (
            split.masked_fill(self._beyond(moment).any(0), torch.inf) for split, moment in parts
        )
        return noise, doubt

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
