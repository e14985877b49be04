"""The densities of mixtures over one target, cut at a height.

The ends of {y: log p(y) >= t} are found between the points of a grid that is fine within every
component and holds every mode. The probability between them falls as t rises, by

    d mass / dt = - sum over ends of p / |d log p / dy|

which is what Newton's method needs to find the height for a given probability.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from mdn import normal
from mdn.questions.roots import Rows, root

# Standard deviations from each component mean at which the density is first looked at.
_OFFSETS = [-40.0, -6.0, *(0.25 * step for step in range(-16, 17)), 6.0, 40.0]
GRID_POINTS = len(_OFFSETS)
"""Points looked at for each component."""
# A level is met, and an end is found, to these shares of the digits of double precision: an end
# well beyond the level, whose search would otherwise chase the rounding of the ends.
_LEVEL_DIGITS, _END_DIGITS = 0.6, 0.85


@dataclass(frozen=True)
class Profile:
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
    ) -> "Profile":
        """The profile with its grid through the modes (NaN for none) and the valleys between."""
        around = (mu[..., None] + sigma[..., None] * mu.new_tensor(_OFFSETS)).flatten(-2)
        turns = torch.cat([modes, _valleys(log_pi, mu, sigma, modes.sort(-1).values)], -1)
        turns = torch.where(turns.isnan(), mu[:, :1], turns)
        grid = torch.cat([turns, around], -1).sort(-1).values
        height, _, _ = _log_density(grid, *(v[:, None] for v in (log_pi, mu, sigma)))
        return cls(log_pi, mu, sigma, grid, height)

    def threshold(self, level: float) -> Float[Tensor, " R"]:
        """The height above which a share `level` of the probability lies."""
        peak, floor = self.height.amax(-1), self.height[:, [0, -1]].amax(-1)
        # Exact for a single component.
        score = torch.special.ndtri(peak.new_tensor((1 + level) / 2))

        def shortage(at: Tensor, rows: Rows) -> tuple[Tensor, Tensor]:
            mass, change = self._rows(rows)._mass(at)
            return level - mass, change

        return root(shortage, floor, peak, peak - score.square() / 2, _near(_LEVEL_DIGITS))

    def ends(self, at: Float[Tensor, " R"]) -> tuple[Float[Tensor, "R K"], Float[Tensor, "R K"]]:
        """Lower and upper ends of the intervals above a height, NaN where there are fewer."""
        above = self.height >= at[:, None]
        rises, falls = ~above[:, :-1] & above[:, 1:], above[:, :-1] & ~above[:, 1:]
        return self._crossings(rises, at, 1), self._crossings(falls, at, -1)

    def _mass(self, at: Float[Tensor, " R"]) -> tuple[Float[Tensor, " R"], Float[Tensor, " R"]]:
        """The probability above a height, and how fast it falls with it."""
        low, high = ((end, *self._tail_and_slope(end)) for end in self.ends(at))
        lost = low[2].abs().reciprocal() + high[2].abs().reciprocal()
        return (high[1] - low[1]).nansum(-1), at.exp() * lost.nansum(-1)

    def _tail_and_slope(self, y: Float[Tensor, "R P"]) -> tuple[Tensor, Tensor]:
        log_pi, mu, sigma = (v[:, None] for v in (self.log_pi, self.mu, self.sigma))
        below = (log_pi.exp() * normal.cdf((y[..., None] - mu) / sigma)).sum(-1)
        return below, _log_density(y, log_pi, mu, sigma)[1]

    def _crossings(
        self, cells: Bool[Tensor, "R C"], at: Float[Tensor, " R"], side: int
    ) -> Float[Tensor, "R K"]:
        """Where the density crosses a height: upwards for side 1, downwards for -1."""
        row, cell = cells.nonzero(as_tuple=True)
        level, log_pi, mu, sigma = (v[row] for v in (at, self.log_pi, self.mu, self.sigma))

        def over(y: Tensor, n: Rows) -> tuple[Tensor, Tensor]:
            height, slope, _ = _log_density(y, log_pi[n], mu[n], sigma[n])
            return side * (height - level[n]), side * slope

        left, right = self.grid[row, cell], self.grid[row, cell + 1]
        bottom, top = self.height[row, cell], self.height[row, cell + 1]
        start = left + (right - left) * (level - bottom) / (top - bottom)
        found = torch.full_like(self.mu, torch.nan)
        place = cells.cumsum(-1)[row, cell] - 1
        found[row, place] = root(over, left, right, start, _near(_END_DIGITS))
        return found

    def _rows(self, rows: Rows) -> "Profile":
        stored = (self.log_pi, self.mu, self.sigma, self.grid, self.height)
        return Profile(*(v[rows] for v in stored))


def _valleys(log_pi: Tensor, mu: Tensor, sigma: Tensor, modes: Tensor) -> Tensor:
    """Where the density is lowest between neighbouring modes, [R, M - 1]; NaN last and for none."""
    row, place = modes[:, 1:].isfinite().nonzero(as_tuple=True)
    left, right = modes[row, place], modes[row, place + 1]
    log_pi, mu, sigma = (v[row] for v in (log_pi, mu, sigma))

    def rise(y: Tensor, n: Rows) -> tuple[Tensor, Tensor]:
        # In units of the distance between the modes, as the tolerance of a root is a number.
        _, slope, bend = _log_density(y, log_pi[n], mu[n], sigma[n])
        return slope * (right - left)[n], bend * (right - left)[n]

    lowest = torch.full_like(modes[:, 1:], torch.nan)
    lowest[row, place] = root(rise, left, right, (left + right) / 2, _near(_END_DIGITS))
    return lowest


def _log_density(
    y: Tensor, log_pi: Tensor, mu: Tensor, sigma: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Log density, slope and curvature at y [*rows], parameters [*rows, K]."""
    standard = (y[..., None] - mu) / sigma
    joint = log_pi + normal.log_density(standard) - sigma.log()
    share = torch.softmax(joint, -1)
    slope = -(share * standard / sigma).sum(-1)
    bend = (share * (standard.square() - 1) / sigma.square()).sum(-1) - slope.square()
    return torch.logsumexp(joint, -1), slope, bend


def _near(digits: float) -> float:
    return torch.finfo(torch.float64).eps ** digits
