"""Probabilities and quantiles of each target.

A target on its own has the distribution function F(y) = sum_k pi_k Phi((y - mu_k) / sigma_k). Its
inverse has no closed form, but lies between the smallest and the largest component quantile. Both
tails are treated alike: whatever is above the median is mirrored below it, where probabilities
keep their relative precision. Newton's method runs on Phi^-1(F(y)), which is nearly straight in
the tails, where F itself is nearly flat.

Gradients of a quantile are implicit, F(y; theta) = p gives dy = (dp - dF) / f(y); see `implicit`.
"""

import math
from collections.abc import Sequence
from dataclasses import replace

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.functional import threshold

from mdn.distributions import normal
from mdn.distributions.arguments import Levels, is_one, probabilities, probability
from mdn.distributions.questions.implicit import with_gradient
from mdn.distributions.questions.moments import Moments
from mdn.distributions.questions.probabilities import Probabilities
from mdn.distributions.questions.roots import Function, RowIndex, root
from mdn.distributions.values import takes_values

# The last Newton step is this short, as a share of the digits of the type, in units of the smallest
# standard deviation: over so short a way every density is nearly straight, so that a root is near
# and the step about doubles the digits. A small miss alone tells nothing where F is flat.
_DIGITS = 0.52
# A probability that misses by so many roundings is met: where a gap has it, all of the gap does.
_ROUNDINGS = 4


class Quantiles(Probabilities, Moments):
    """Questions to each target's own distribution; with several targets, their marginals."""

    @takes_values
    def cdf(self, y: Float[Tensor, "*rows D"], upper: bool = False) -> Float[Tensor, "*out D"]:
        """Return the probability of at most y; of more where `upper`, without cancellation."""
        standard = self._standard(y)
        each = self.pi[..., None, :] * normal.cdf(-standard if upper else standard)
        return each.sum(-1).clamp(max=1)  # weights sum to one but for their rounding

    @takes_values
    def log_cdf(self, y: Float[Tensor, "*rows D"], upper: bool = False) -> Float[Tensor, "*out D"]:
        """Return the log of `cdf`, finite however far the tail."""
        standard = self._standard(y)
        tail = normal.log_cdf(-standard if upper else standard)
        return torch.logsumexp(self.log_pi[..., None, :] + tail, -1).clamp(max=0)

    @takes_values
    def icdf(self, p: Float[Tensor, "*rows D"], upper: bool = False) -> Float[Tensor, "*out D"]:
        """Return the value that a target stays below with probability p; exceeds where `upper`.

        Differentiable in p and in the parameters. Probabilities near one lose the digits
        that their complement, asked with `upper`, would keep. NaN outside of [0, 1].
        """
        return self._tail_quantile(torch.minimum(p, 1 - p), (p > 0.5) ^ upper)

    def _tail_quantile(
        self, tail: Float[Tensor, "*rows D"], upper: Bool[Tensor, "*#rows #D"]
    ) -> Float[Tensor, "*out D"]:
        """The quantile of a tail of at most a half, where `upper` of that above it."""
        sign = torch.where(upper, -1.0, 1.0).to(tail.dtype)[..., None]
        pi, mu, sigma = self.pi[..., None, :], sign * self.mu.mT, self.sigma.mT
        pi, mu, sigma = torch.broadcast_tensors(pi, mu, sigma)
        with torch.no_grad():
            flat = (v.reshape(-1, self.num_components) for v in (pi, mu, sigma))
            y = _lower_quantile(tail.expand(mu.shape[:-1]).reshape(-1), *flat).view(mu.shape[:-1])
        return sign.squeeze(-1) * with_gradient(y, tail, pi, mu, sigma)

    def quantile(self, levels: Levels) -> Float[Tensor, "*out D"]:
        """Return quantiles of each target, [L, *batch, D]; [*batch, D] for one plain number.

        Raises:
            TypeError: on what is not numbers.
            ValueError: on a level that is not a probability.
        """
        found = self._quantile(probabilities(levels), upper=False)
        return found[0] if is_one(levels) else found

    def _quantile(self, levels: Sequence[float], upper: bool) -> Float[Tensor, "L *batch D"]:
        # Mirrored before they are rounded, or single precision would have 1 - 1e-9 be 1.
        tail = self.mu.new_tensor([min(level, 1 - level) for level in levels])
        mirrored = tail.new_tensor([(level > 0.5) ^ upper for level in levels], dtype=torch.bool)
        tail, mirrored = (v.view(-1, *(1,) * (self.mu.ndim - 1)) for v in (tail, mirrored))
        shape = (len(levels), *self.batch_shape, self.num_targets)
        return self._tail_quantile(tail.expand(shape), mirrored)

    @property
    def median(self) -> Float[Tensor, "*batch D"]:
        """The median of each target."""
        return self.quantile([0.5])[0]

    def interval(
        self, level: Levels
    ) -> tuple[Float[Tensor, "*batch D"], Float[Tensor, "*batch D"]]:
        """Return the central interval of each target: as much probability below it as above.

        Raises:
            ValueError: on a level that is not a probability.
        """
        level = probability(level)
        tail = torch.full_like(self.mu[..., 0, :], (1 - level) / 2)
        return self.icdf(tail), self.icdf(tail, upper=True)

    def expected_shortfall(self, level: Levels, upper: bool = False) -> Float[Tensor, "*batch D"]:
        """Return the mean of each target over the lowest, or the highest, share of outcomes.

        Raises:
            ValueError: on a level that is not a probability, or is zero.
        """
        level = probability(level)
        if level == 0:
            raise ValueError("an expected shortfall needs a share above 0, got 0")
        if level == 1:
            return self.mean
        # About the quantile: far from zero, numbers may lie farther apart than the mixture is wide.
        about = self._quantile([level], upper)[0].detach()
        near = replace(self, mu=self.mu - about[..., None, :])
        return about + near._shortfall(level, upper)

    def _shortfall(self, level: float, upper: bool) -> Float[Tensor, "*batch D"]:
        sign = -1 if upper else 1
        quantile = self._quantile([level], upper)[0]
        standard = sign * self._standard(quantile)
        # E[y - c; y < q] of one component is (mu - c) Phi(z) - sigma phi(z); an upper tail is
        # mirrored. With c = q an error in q counts only by its square.
        anchor = quantile.detach()
        edge = self.sigma.mT * normal.density(standard)
        beyond = (self.mu.mT - anchor[..., None]) * normal.cdf(standard) - sign * edge
        return anchor + (self.pi[..., None, :] * beyond).sum(-1) / level

    def _mass(
        self, low: Float[Tensor, "*rows D"], high: Float[Tensor, "*rows D"]
    ) -> Float[Tensor, "*out D"]:
        width = high - low
        # Beside an infinite end no width is narrow, whatever it is.
        half = torch.where(width.isfinite(), width, 1)[..., None] / self.sigma.mT / 2
        each = normal.mass(self._standard_end(low), self._standard_end(high), half)
        return (self.pi[..., None, :] * each).sum(-1).clamp(max=1)

    def _standard_end(self, y: Float[Tensor, "*rows D"]) -> Float[Tensor, "*out D K"]:
        # An infinite end has no part in a gradient, or that would be NaN.
        endless = y.isinf()
        standard = self._standard(torch.where(endless, 0, y))
        return torch.where(endless[..., None], y[..., None], standard)

    def _standard(self, y: Float[Tensor, "*rows D"]) -> Float[Tensor, "*out D K"]:
        return (y[..., None] - self.mu.mT) / self.sigma.mT


def _lower_quantile(
    p: Float[Tensor, " R"],
    pi: Float[Tensor, "R K"],
    mu: Float[Tensor, "R K"],
    sigma: Float[Tensor, "R K"],
) -> Float[Tensor, " R"]:
    mean = (pi * mu).sum(-1)
    std = (pi * (sigma.square() + (mu - mean[:, None]).square())).sum(-1).sqrt()
    start = mean + std * torch.special.ndtri(p)
    if p.dtype == torch.float64:
        # Most of the way is as good, and a few times faster, in single precision.
        single = _search(*(v.float() for v in (p, pi, mu, sigma, start)))
        start = single.double()
    return _search(p, pi, mu, sigma, start)


def _search(p: Tensor, pi: Tensor, mu: Tensor, sigma: Tensor, start: Tensor) -> Tensor:
    ends, weighs = mu + sigma * torch.special.ndtri(p)[:, None], pi > 0
    low = torch.where(weighs, ends, torch.inf).amin(-1)
    high = torch.where(weighs, ends, -torch.inf).amax(-1)
    small = torch.where(weighs, sigma, torch.inf).amin(-1) * torch.finfo(p.dtype).eps ** _DIGITS
    # The mass of components that `_tail_and_density` drops is not small beside such levels.
    hardly = p < torch.finfo(p.dtype).tiny * 1e4 / torch.finfo(p.dtype).eps
    miss = (_miss_of_log if (hardly & (p > 0)).any() else _miss_of_score)(p, pi, mu, sigma)
    found = root(miss, low, high, start, small=small)
    return torch.where(low.isfinite(), found, low)


def _miss_of_score(p: Tensor, pi: Tensor, mu: Tensor, sigma: Tensor) -> Function:
    score, met = torch.special.ndtri(p), _ROUNDINGS * torch.finfo(p.dtype).eps * p

    def miss(y: Tensor, rows: RowIndex) -> tuple[Tensor, Tensor]:
        tail, density = _tail_and_density(y, pi[rows], mu[rows], sigma[rows])
        reached = torch.special.ndtri(tail)
        value = torch.where((tail - p[rows]).abs() <= met[rows], 0.0, reached - score[rows])
        return value, density / normal.density(reached)

    return miss


def _miss_of_log(p: Tensor, pi: Tensor, mu: Tensor, sigma: Tensor) -> Function:
    log_p, log_pi = p.log(), pi.log()
    met = _ROUNDINGS * torch.finfo(p.dtype).eps * log_p.abs()

    def miss(y: Tensor, rows: RowIndex) -> tuple[Tensor, Tensor]:
        standard = (y[..., None] - mu[rows]) / sigma[rows]
        tail = torch.logsumexp(log_pi[rows] + normal.log_cdf(standard), -1)
        each = log_pi[rows] - sigma[rows].log() + normal.log_density(standard)
        value = tail - log_p[rows]
        value = torch.where(value.abs() <= met[rows], 0.0, value)
        return value, (torch.logsumexp(each, -1) - tail).exp()

    return miss


def _tail_and_density(y: Tensor, pi: Tensor, mu: Tensor, sigma: Tensor) -> tuple[Tensor, Tensor]:
    # Numbers too small for their type are ten times as slow, and add nothing: beyond them
    # a density is moved to where it is 0, and a probability to where it is 0 or 1.
    far = _far(y.dtype)
    standard = -threshold(-(y[..., None] - mu) / sigma, -far, -4 * far)
    standard = threshold(standard, -far, -4 * far)
    density = (pi / sigma * normal.density(standard)).sum(-1)
    return (pi * normal.cdf(standard)).sum(-1), density


def _far(dtype: torch.dtype) -> float:
    """Standard deviations at which a normal density is hardly above the smallest number."""
    return math.sqrt(-2 * math.log(1e4 * torch.finfo(dtype).tiny))
