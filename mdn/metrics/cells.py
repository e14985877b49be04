"""Cells: how finely the values of a target can be told apart.

Rounding to steps of h gives the same value to everything in [y - h/2, y + h/2], and an atom gives
the same value to everything near it: 30 % exact zeros stand for whatever lies so close to zero that
hardly another value is as close. A density is held to the probability of a cell, and not to the
place within it. So a value y that stands for its cell C is replaced by one that is drawn from the
density p itself, given that it lies in C. Where the cells have the right probabilities, such values
follow p, and everything that holds for values from a continuous p holds for them. With one target,
F of such a value is uniform between F at both ends of the cell: the randomized probability integral
transform (Smith 1985; Czado, Gneiting & Held 2009).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import singledispatch

import torch
from jaxtyping import Float, Int
from torch import Tensor

from mdn.distributions import normal
from mdn.distributions.abstract import Mixture
from mdn.distributions.mixture import GaussianMixture
from mdn.distributions.values import takes_values

_FAR = 40.0
"""Standard deviations from the mean beyond which a normal distribution has next to nothing."""

Ends = tuple[Float[Tensor, "*rows D"], Float[Tensor, "*rows D"]]
"""The lower and the upper ends of cells; equal where a value stands for itself."""


@dataclass(frozen=True, eq=False)
class Cells:
    """The cells of D targets.

    Attributes:
        step: of each target's grid, in its units; 0 without a grid.
        atoms: for each target the ends of the cells of its atoms, in order.

    Raises:
        ValueError: on a step that is not a finite number of at least 0, and on ends in no order.
    """

    step: Float[Tensor, " D"]
    atoms: tuple[Float[Tensor, "_ 2"], ...]

    def __post_init__(self) -> None:
        if not (self.step.isfinite() & (self.step >= 0)).all():
            raise ValueError(
                f"the steps of a grid are finite and at least 0, got {self.step.tolist()}"
            )
        if not all((each[:, 0] <= each[:, 1]).all() for each in self.atoms):
            raise ValueError(f"the ends of a cell are two numbers in order, got {self.atoms}")

    @classmethod
    def of(
        cls,
        names: Sequence[str],
        steps: Mapping[str, float],
        atoms: Mapping[str, Sequence[Sequence[float]]] | None = None,
    ) -> "Cells":
        """Return the cells of targets by their names; a name that is missing has none."""
        atoms = atoms or {}
        step = torch.tensor([steps.get(name, 0.0) for name in names], dtype=torch.float64)
        ends = [torch.tensor([*atoms.get(name, ())], dtype=torch.float64) for name in names]
        return cls(step, tuple(each.reshape(-1, 2) for each in ends))

    def __bool__(self) -> bool:
        return bool(self.step.any()) or any(len(each) for each in self.atoms)

    def among(self, names: Sequence[str]) -> list[str]:
        """Return those of the targets' names some of whose values stand for a cell."""
        each = zip(names, self.step.tolist(), self.atoms, strict=True)
        return [name for name, step, atoms in each if step > 0 or len(atoms) > 0]

    def ends(self, y: Float[Tensor, "*rows D"]) -> Ends:
        """Return the ends of the cell of each value; the value itself where it has no cell.

        Raises:
            ValueError: on values of another number of targets.
        """
        if y.shape[-1] != len(self.step):
            raise ValueError(f"cells of {len(self.step)} targets, for values of {y.shape[-1]}")
        half = self.step.to(y) / 2
        low, high = y - half, y + half
        for d, atoms in enumerate(self.atoms):
            for bottom, top in atoms.tolist():
                inside = (y[..., d] >= bottom) & (y[..., d] <= top)
                low[..., d] = low[..., d].masked_fill(inside, bottom)
                high[..., d] = high[..., d].masked_fill(inside, top)
        return low, high


def uniform_between(
    low: Float[Tensor, "*shape"],
    high: Float[Tensor, "*shape"],
    generator: torch.Generator | None = None,
) -> Float[Tensor, "*shape"]:
    """Draw a number between two others; exactly the lower one where they are equal."""
    return low + _shares(low, generator) * (high - low)


def cells_if_any(cells: Cells | None) -> Cells | None:
    """Return cells, or None where every value stands for itself.

    Raises:
        TypeError: on what are no cells.
    """
    if not isinstance(cells, Cells | None):
        raise TypeError(f"cells must be Cells, as of Cells.of(['y'], {{'y': 0.1}}), got {cells!r}")
    return cells or None


@takes_values
@torch.no_grad()
def drawn_in_cells(
    mixture: Mixture,
    y: Float[Tensor, "*rows D"],
    cells: Cells | None,
    generator: torch.Generator | None = None,
) -> Float[Tensor, "*out D"]:
    """Replace values that stand for their cells by draws from the mixture within these cells.

    Exact for components that do not correlate the targets; else the cell of a target is taken given
    the values of those before it, as in `grid_nll`.

    Args:
        mixture: the predictions.
        y: the values.
        cells: of rounded targets and atoms; without any the values are returned as they are.
        generator: of the draws.

    Raises:
        TypeError: on what are no cells.
        ValueError: on cells of another number of targets.
    """
    cells = cells_if_any(cells)
    if cells is None:
        return y.expand(torch.broadcast_shapes(y.shape, (*mixture.batch_shape, y.shape[-1])))
    low, high = cells.ends(y)
    drawn = draw_between(mixture, (low + high) / 2, low, high, generator)
    drawn = torch.where(drawn.isnan(), y, drawn)  # no component reaches the cell
    return torch.where(low == high, y, torch.minimum(torch.maximum(drawn, low), high))


@singledispatch
def draw_between(
    mixture: GaussianMixture,
    y: Float[Tensor, "*rows D"],
    low: Float[Tensor, "*rows D"],
    high: Float[Tensor, "*rows D"],
    generator: torch.Generator | None,
) -> Float[Tensor, "*out D"]:
    """Draw values between two ends around y; another kind of mixture registers its own."""
    tril = mixture.scale.tril()
    std = tril.diagonal(dim1=-2, dim2=-1)
    whitened = mixture.scale.whiten_far(y[..., None, :] - mixture.mu)
    below, above = (whitened + (end - y)[..., None, :] / std for end in (low, high))
    mass = log_mass_between(below, above, ((high - low) / 2)[..., None, :] / std)
    each = torch.where((low < high)[..., None, :], mass, normal.log_density(whitened) - std.log())
    component = _draw((mixture.log_pi + each.sum(-1)).softmax(-1), generator)
    mu = _of_component(mixture.mu, component)
    tril = _of_component(tril.flatten(-2), component).unflatten(-1, tril.shape[-2:])
    return _one_after_another(mu, tril, low, high, generator)


def _draw(
    share: Float[Tensor, "*rows K"], generator: torch.Generator | None
) -> Int[Tensor, "*rows"]:
    below = share.cumsum(-1) < _shares(share[..., :1], generator)
    return below.sum(-1).clamp(max=share.shape[-1] - 1)


def _of_component(
    each: Float[Tensor, "*batch K E"], component: Int[Tensor, "*rows"]
) -> Float[Tensor, "*rows E"]:
    if each.shape[-2] == 1:  # all components share it
        return each.squeeze(-2).expand(*component.shape, -1)
    each = each.expand(*component.shape, -1, -1)
    return each.take_along_dim(component[..., None, None], -2).squeeze(-2)


def _one_after_another(
    mu: Float[Tensor, "*rows D"],
    tril: Float[Tensor, "*rows D D"],
    low: Float[Tensor, "*#rows D"],
    high: Float[Tensor, "*#rows D"],
    generator: torch.Generator | None,
) -> Float[Tensor, "*rows D"]:
    """Draw each target of a Gaussian between its ends, given those before it."""
    noise, values = torch.zeros_like(mu), torch.zeros_like(mu)
    for d in range(mu.shape[-1]):
        center, std = mu[..., d] + (tril[..., d, :] * noise).sum(-1), tril[..., d, d]
        below, above = ((end[..., d] - center) / std for end in (low, high))
        noise[..., d] = _standard_between(below, above, generator)
        values[..., d] = center + std * noise[..., d]
    return values


def _standard_between(
    low: Float[Tensor, "*rows"], high: Float[Tensor, "*rows"], generator: torch.Generator | None
) -> Float[Tensor, "*rows"]:
    """Draw from the standard normal distribution between two ends."""
    # Mirrored where they lie above the mean: small probabilities keep their digits.
    above = low > 0
    low, high = torch.where(above, -high, low), torch.where(above, -low, high)
    drawn = uniform_between(normal.cdf(low), normal.cdf(high), generator)
    inside = torch.minimum(torch.maximum(torch.special.ndtri(drawn), low), high)
    return torch.where(above, -inside, inside)


def log_mass_between(
    low: Float[Tensor, "*shape"], high: Float[Tensor, "*shape"], half: Float[Tensor, "*shape"]
) -> Float[Tensor, "*shape"]:
    """Return the log probability that a standard normal variable lies between two ends.

    Args:
        low: the lower end; may be infinite.
        high: the upper end; may be infinite.
        half: half their distance, whose digits their difference may have lost.
    """
    # Far below the upper end of a cell is nothing beside the rest of it, and above likewise.
    bottom = torch.maximum(low, high.clamp(max=0) - _FAR)
    top = torch.minimum(high, bottom.clamp(min=0) + _FAR)
    whole = (bottom == low) & (top == high)
    half = torch.where(whole & (half > 0), half, ((top - bottom) / 2).clamp(min=_FAR**-9))
    return normal.log_mass((bottom + top) / 2, half)


def _shares(like: Tensor, generator: torch.Generator | None) -> Tensor:
    """Random shares in double precision on any device, so that one seed draws the same ones."""
    return torch.rand(like.shape, generator=generator, dtype=torch.float64).to(like)
