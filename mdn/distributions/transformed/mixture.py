"""Mixtures of targets that are learned on another scale, asked on the scale of the user.

The targets z = g(y), one map each, have a Gaussian mixture q. Then y has the density q(g(y)) times
the derivatives of g, its quantiles are those of z mapped back, and its moments are sums over
components. As a function of z the density of y is a Gaussian mixture again, for g' is a sum of
c exp(a z), and

    exp(a'z) N(z; m, S) = exp(a'm + a'Sa / 2) N(z; m + Sa, S)

so its modes are found as those of any mixture.
"""

import itertools
from collections.abc import Sequence
from dataclasses import replace

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from mdn.distributions.abstract import Mixture
from mdn.distributions.arguments import Dims, Known, Levels, SampleShape, targets
from mdn.distributions.mixture import GaussianMixture
from mdn.distributions.numbers import Numbers
from mdn.distributions.questions.modes import ModeList
from mdn.distributions.questions.pooling import guards_last
from mdn.distributions.questions.probabilities import Probabilities
from mdn.distributions.questions.subsets import known_targets
from mdn.distributions.transformed.moments import TransformedMoments
from mdn.distributions.transformed.transforms import Transform
from mdn.distributions.values import Values, as_values, takes_values


def transformed(base: GaussianMixture, transforms: Sequence[Transform]) -> Mixture:
    """Return the mixture on the scale of the user; the same one where no scale differs."""
    if all(transform.is_identity for transform in transforms):
        return base
    return TransformedMixture(base, tuple(transforms))


class TransformedMixture(Probabilities, TransformedMoments):
    """A batch of mixtures whose components are Gaussian on other scales than the targets."""

    def __init_subclass__(cls) -> None:
        raise TypeError(f"{cls.__name__} must not derive from TransformedMixture, which is final")

    @takes_values
    def log_prob(self, y: Float[Tensor, "*rows D"]) -> Float[Tensor, "*out"]:
        possible, z, log_slope = self.with_slope(y)
        return torch.where(possible, self.base.log_prob(z) + log_slope.sum(-1), -torch.inf)

    @takes_values
    def observed_log_prob(self, y: Float[Tensor, "*rows D"]) -> Float[Tensor, "*out"]:
        possible, z, log_slope = self.with_slope(y)
        observed = self.base.observed_log_prob(z) + log_slope.nansum(-1)
        return torch.where(possible, observed, -torch.inf)

    @takes_values
    def component_log_prob(self, y: Float[Tensor, "*rows D"]) -> Float[Tensor, "*out K"]:
        """Return the log density of y under each component, in nats, without the weights."""
        possible, z, log_slope = self.with_slope(y)
        each = self.base.component_log_prob(z) + log_slope.sum(-1, keepdim=True)
        return torch.where(possible[..., None], each, -torch.inf)

    @takes_values
    def log_responsibilities(self, y: Float[Tensor, "*rows D"]) -> Float[Tensor, "*out K"]:
        """Return the log probability that component k produced y; NaN where none can."""
        possible, z, _ = self.with_slope(y)
        return torch.where(possible[..., None], self.base.log_responsibilities(z), torch.nan)

    @takes_values
    def observed_log_responsibilities(self, y: Float[Tensor, "*rows D"]) -> Float[Tensor, "*out K"]:
        """Return the log probability that component k produced the targets that a row has."""
        possible, z, _ = self.with_slope(y)
        found = self.base.observed_log_responsibilities(z)
        return torch.where(possible[..., None], found, torch.nan)

    def with_slope(
        self, y: Float[Tensor, "*rows D"]
    ) -> tuple[Bool[Tensor, "*rows"], Float[Tensor, "*rows D"], Float[Tensor, "*rows D"]]:
        """Return which rows are possible, z (harmless in the others), and each log g'(y)."""
        possible = self._each(lambda transform, values: transform.holds(values), y)
        y = torch.where(possible, y, self._inverse(y.new_zeros(self.num_targets)))
        log_slope = self._each(lambda transform, values: transform.log_slope(values), y)
        return possible.all(-1), self.learned(y), log_slope

    @takes_values
    def cdf(self, y: Float[Tensor, "*rows D"], upper: bool = False) -> Float[Tensor, "*out D"]:
        return self.base.cdf(self.learned(y), upper)

    @takes_values
    def log_cdf(self, y: Float[Tensor, "*rows D"], upper: bool = False) -> Float[Tensor, "*out D"]:
        """Return the log of `cdf`; -inf beyond the ends of the support alone."""
        z = -self.learned(y) if upper else self.learned(y)
        found = self.base.log_cdf(torch.where(z.isinf(), 0, -z if upper else z), upper)
        return torch.where(z.isinf(), torch.where(z > 0, 0, -torch.inf), found)

    @takes_values
    def icdf(self, p: Float[Tensor, "*rows D"], upper: bool = False) -> Float[Tensor, "*out D"]:
        """Return the value that a target stays below with probability p; exceeds where `upper`."""
        return self._inverse(self.base.icdf(p, upper))

    def _mass(
        self, low: Float[Tensor, "*rows D"], high: Float[Tensor, "*rows D"]
    ) -> Float[Tensor, "*out D"]:
        return self.base._mass(self.learned(low), self.learned(high))

    def quantile(self, levels: Levels) -> Float[Tensor, "*out D"]:
        return self._inverse(self.base.quantile(levels))

    @property
    def median(self) -> Float[Tensor, "*batch D"]:
        return self._inverse(self.base.median)

    def interval(
        self, level: Levels
    ) -> tuple[Float[Tensor, "*batch D"], Float[Tensor, "*batch D"]]:
        lower, upper = self.base.interval(level)
        return self._inverse(lower), self._inverse(upper)

    def sample(
        self, shape: SampleShape = (), generator: torch.Generator | None = None
    ) -> Float[Tensor, "*out D"]:
        return self._inverse(self.base.sample(shape, generator))

    def sample_with_component(
        self, shape: SampleShape = (), generator: torch.Generator | None = None
    ) -> tuple[Float[Tensor, "*out D"], Int[Tensor, "*out"]]:
        """Draw independent samples, and say which component each came from, without gradient."""
        z, component = self.base.sample_with_component(shape, generator)
        return self._inverse(z), component

    def rsample(
        self, shape: SampleShape = (), generator: torch.Generator | None = None
    ) -> Float[Tensor, "*out D"]:
        """Draw samples with gradients of the parameters, as `GaussianMixture.rsample` does."""
        return self._inverse(self.base.rsample(shape, generator))

    def marginal(self, dims: Dims) -> Mixture:
        """Return the mixture of some targets, Gaussian where none is on another scale."""
        chosen = targets(dims, self.num_targets, self.target_names)
        return transformed(self.base.marginal(chosen), [self.transforms[d] for d in chosen])

    def condition(self, dims: Dims | Known, values: Values | None = None) -> Mixture:
        """Return the mixture of the other targets given the values of some.

        Args:
            dims: as `GaussianMixture.condition` takes them.
            values: the same.

        Raises:
            ValueError: as there, and on a value that its target cannot have.
        """
        dims, values = known_targets(dims, values)
        known = targets(dims, self.num_targets, self.target_names)
        mixture, values = as_values(self, values, "values", known)
        given = [mixture.transforms[d] for d in known]
        for transform, column in zip(given, values.unbind(-1), strict=True):
            transform.check_holds(column, "values")
        columns = [t.forward(v) for t, v in zip(given, values.unbind(-1), strict=True)]
        rest = [t for d, t in enumerate(self.transforms) if d not in known]
        z = torch.stack(columns, -1) if columns else values
        return transformed(mixture.base.condition(known, z), rest)

    def merge(self, others: Sequence[Mixture], weights: Numbers | None = None) -> Mixture:
        """Return the pooled mixture, as `GaussianMixture.merge` does.

        Raises:
            ValueError: as there, and on a mixture that is on other scales.
        """
        if any(getattr(other, "transforms", None) != self.transforms for other in others):
            raise ValueError("mixtures on different scales of the targets are not one mixture")
        bases = [other.base for other in others if isinstance(other, TransformedMixture)]
        return replace(self, base=self.base.merge(bases, weights))

    def modes(self) -> ModeList:
        """Find the local maxima of the density, as `GaussianMixture.modes` does.

        There are up to K of them for targets on a log scale, and up to 3 K for each target on a
        logit scale.
        """
        z, _, found = self._density_in_z().modes()
        y = self._inverse(z)
        log_prob = torch.where(found, self.log_prob(y.movedim(-2, 0)).movedim(0, -1), -torch.inf)
        return ModeList(y, log_prob, found).about(self)

    def _density_in_z(self) -> GaussianMixture:
        """The mixture that is proportional to p(y) as a function of z."""
        base, levels, means = self.base, [], []
        covariance = base.scale.covariance()
        for tilt in itertools.product(*(transform.tilts for transform in self.transforms)):
            powers, logs = zip(*tilt, strict=True)
            power = base.mu.new_tensor(powers)
            moved = covariance @ power
            levels.append(base.log_pi + base.mu @ power + (moved @ power) / 2 + sum(logs))
            means.append(base.mu + moved)
        log_pi, mu = torch.cat(levels, -1), torch.cat(means, -2)
        scale = base.scale.map(
            lambda v: v if v.shape[-2] == 1 else torch.cat([v] * len(levels), -2)
        )
        joined = GaussianMixture(log_pi.log_softmax(-1), mu, scale)
        return guards_last(joined, [(base.num_learned, base.guards)] * len(levels))
