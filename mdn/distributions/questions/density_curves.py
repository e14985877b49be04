"""The densities of mixtures over one target, cut at a height.

The ends of {y: log p(y) >= t} are found between the modes and the valleys, between which the
density only rises or only falls. The probability between them falls as t rises, by

    d mass / dt = - sum over ends of p / |d log p / dy|

which is what Newton's method needs to find the height for a given probability.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from mdn.distributions import normal
from mdn.distributions.questions.ragged import most
from mdn.distributions.questions.roots import RowIndex, root
from mdn.distributions.questions.surface import height_and_share

# Standard deviations from the component means at which hardly any probability is left.
_FAR = 40.0
# A level is met, and an end is found, to these shares of the digits of double precision: an end
# well beyond the level, whose search would otherwise chase the rounding of the ends.
_LEVEL_DIGITS, _END_DIGITS = 0.6, 0.85


@dataclass(frozen=True)
class DensityCurves:
    """The densities of R mixtures over one target, in double precision.

    Attributes:
        log_pi: log weights.
        mu: component means.
        sigma: component standard deviations.
        grid: points in increasing order.
        height: log density there.
    """

    log_pi: Float[Tensor, "R K"]
    mu: Float[Tensor, "R K"]
    sigma: Float[Tensor, "R K"]
    grid: Float[Tensor, "R G"]
    height: Float[Tensor, "R G"]

    @classmethod
    def of(
        cls,
        log_pi: Float[Tensor, "R K"],
        mu: Float[Tensor, "R K"],
        sigma: Float[Tensor, "R K"],
        modes: Float[Tensor, "R M"],
    ) -> "DensityCurves":
        """Build the curves on a grid of the modes (NaN for none), the valleys and the means."""
        mu, sigma = (_on_the_heaviest(log_pi, v) for v in (mu, sigma))
        turns = torch.cat([modes, _valleys(log_pi, mu, sigma, modes.sort(-1).values)], -1)
        turns = torch.where(turns.isnan(), mu[:, :1], turns)
        low, high = (mu - _FAR * sigma).amin(-1), (mu + _FAR * sigma).amax(-1)
        grid = torch.cat([low[:, None], high[:, None], turns, mu], -1).sort(-1).values
        height, _ = _log_density(grid, *(v[:, None] for v in (log_pi, mu, sigma)))
        return cls(log_pi, mu, sigma, grid, height)

    def threshold(self, level: float) -> Float[Tensor, " R"]:
        """Find the height above which a share `level` of the probability lies."""
        peak, floor = self.height.amax(-1), self.height[:, [0, -1]].amax(-1)
        # Exact for a single component.
        score = torch.special.ndtri(peak.new_tensor((1 - level) / 2))

        def shortage(at: Tensor, rows: RowIndex) -> tuple[Tensor, Tensor]:
            part = self._rows(rows)
            ends = part.ends(at)
            change = part.change(at, *ends)
            # Of the smaller of the two probabilities, whose digits are the better.
            if level > 0.5:
                outside = part._outside(*ends)
                return (outside / (1 - level)).log(), change / outside
            return 1 - part.inside(*ends) / level, change / level

        return root(shortage, floor, peak, peak - score.square() / 2, _near(_LEVEL_DIGITS))

    def ends(self, at: Float[Tensor, " R"]) -> tuple[Float[Tensor, "R P"], Float[Tensor, "R P"]]:
        """Find both ends of the intervals above a height, NaN where there are fewer."""
        above = self.height >= at[:, None]
        rises, falls = ~above[:, :-1] & above[:, 1:], above[:, :-1] & ~above[:, 1:]
        return self._crossings(rises, at, 1), self._crossings(falls, at, -1)

    def inside(self, low: Float[Tensor, "R P"], high: Float[Tensor, "R P"]) -> Float[Tensor, " R"]:
        """Return the probability of the intervals."""
        return self._between(low, high).nansum(-1)

    def change(
        self, at: Float[Tensor, " R"], low: Float[Tensor, "R P"], high: Float[Tensor, "R P"]
    ) -> Float[Tensor, " R"]:
        """Return how fast the probability of the intervals above a height falls with it."""
        left, right = (self._log_slope(end).abs().reciprocal().nansum(-1) for end in (low, high))
        return at.exp() * (left + right)

    def _outside(self, low: Tensor, high: Tensor) -> Tensor:
        edge = torch.full_like(self.mu[:, :1], torch.inf)
        # Beyond the last interval lies the least of what lies above one.
        above = self._between(high, edge).nan_to_num(torch.inf)
        last = torch.cat([edge, above], -1).amin(-1)
        before = self._between(torch.cat([-edge, high[:, :-1]], -1), low)
        return before.nansum(-1) + last

    def _between(self, low: Tensor, high: Tensor) -> Tensor:
        mu, sigma = self.mu[:, None], self.sigma[:, None]
        left, right = (low[..., None] - mu) / sigma, (high[..., None] - mu) / sigma
        # Mirrored where it lies above a mean: differences of small tails keep their digits.
        above = left > 0
        left, right = torch.where(above, -right, left), torch.where(above, -left, right)
        return (self.log_pi.exp()[:, None] * (normal.cdf(right) - normal.cdf(left))).sum(-1)

    def _log_slope(self, y: Float[Tensor, "R P"]) -> Tensor:
        return _log_density(y, *(v[:, None] for v in (self.log_pi, self.mu, self.sigma)))[1]

    def _crossings(
        self, cells: Bool[Tensor, "R C"], at: Float[Tensor, " R"], side: int
    ) -> Float[Tensor, "R P"]:
        """Where the density crosses a height: upwards for side 1, downwards for -1."""
        row, cell = cells.nonzero(as_tuple=True)
        level, log_pi, mu, sigma = (v[row] for v in (at, self.log_pi, self.mu, self.sigma))

        def over(y: Tensor, n: RowIndex) -> tuple[Tensor, Tensor]:
            height, slope = _log_density(y, log_pi[n], mu[n], sigma[n])
            return side * (height - level[n]), side * slope

        left, right = self.grid[row, cell], self.grid[row, cell + 1]
        bottom, top = self.height[row, cell], self.height[row, cell + 1]
        # Below a mode a normal density falls with the square of the distance.
        way = ((torch.maximum(bottom, top) - level) / (top - bottom).abs()).sqrt()
        start = torch.where(top > bottom, right - (right - left) * way, left + (right - left) * way)
        found = self.mu.new_full((len(self.mu), most(cells)), torch.nan)
        place = cells.cumsum(-1)[row, cell] - 1
        found[row, place] = root(over, left, right, start, _near(_END_DIGITS))
        return found

    def _rows(self, rows: RowIndex) -> "DensityCurves":
        stored = (self.log_pi, self.mu, self.sigma, self.grid, self.height)
        return DensityCurves(*(v[rows] for v in stored))


def _on_the_heaviest(log_pi: Float[Tensor, "R K"], v: Float[Tensor, "R K"]) -> Tensor:
    """Components without weight made copies of the heaviest: they may stand at any distance."""
    return torch.where(log_pi > -torch.inf, v, v.gather(-1, log_pi.argmax(-1, keepdim=True)))


def _valleys(log_pi: Tensor, mu: Tensor, sigma: Tensor, modes: Tensor) -> Tensor:
    """Where the density is lowest between neighboring modes, [R, M - 1]; NaN last and for none."""
    row, place = modes[:, 1:].isfinite().nonzero(as_tuple=True)
    left, right = modes[row, place], modes[row, place + 1]
    log_pi, mu, sigma = (v[row] for v in (log_pi, mu, sigma))

    def rise(y: Tensor, n: RowIndex) -> tuple[Tensor, Tensor]:
        # In units of the distance between the modes, as the tolerance of a root is a number.
        slope, bend = _slope_and_bend(y, log_pi[n], mu[n], sigma[n])
        return slope * (right - left)[n], bend * (right - left)[n]

    lowest = torch.full_like(modes[:, 1:], torch.nan)
    lowest[row, place] = root(rise, left, right, (left + right) / 2, _near(_END_DIGITS))
    return lowest


def _log_density(y: Tensor, log_pi: Tensor, mu: Tensor, sigma: Tensor) -> tuple[Tensor, Tensor]:
    """Log density and slope at y [*rows], parameters [*rows, K]."""
    standard, height, share = _parts(y, log_pi, mu, sigma)
    return height, -(share * standard / sigma).sum(-1)


def _slope_and_bend(y: Tensor, log_pi: Tensor, mu: Tensor, sigma: Tensor) -> tuple[Tensor, Tensor]:
    standard, _, share = _parts(y, log_pi, mu, sigma)
    slope = -(share * standard / sigma).sum(-1)
    bend = (share * (standard.square() - 1) / sigma.square()).sum(-1) - slope.square()
    return slope, bend


def _parts(y: Tensor, log_pi: Tensor, mu: Tensor, sigma: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    standard = (y[..., None] - mu) / sigma
    joint = log_pi + normal.log_density(standard) - sigma.log()
    return standard, *height_and_share(joint)


def _near(digits: float) -> float:
    return torch.finfo(torch.float64).eps ** digits
