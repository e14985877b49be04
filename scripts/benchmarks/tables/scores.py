"""What the predictions for some rows scored, row by row."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from mdn.data.seeds import generator
from mdn.data.table import Table
from mdn.distributions.mixture import GaussianMixture
from mdn.metrics import Cells, grid_nll, nll, pit

LEVEL = 0.9
"""The probability of the intervals that are counted."""


@dataclass(frozen=True)
class Scores:
    """Scores of rows, and how long the fit took.

    Attributes:
        nll: of the density, in nats.
        grid_nll: of the cell of each target's grid around the value; the nll without a grid.
        inside: the share of the targets that lie in the interval between their tails; values that
            repeat are drawn within their cells.
        marginal_nll: of the Gaussian that ignores the inputs.
        seconds: of the fit.
    """

    nll: list[float]
    grid_nll: list[float]
    inside: list[float]
    marginal_nll: list[float]
    seconds: float

    def plain(self) -> Mapping[str, object]:
        """Return the scores as plain data."""
        return asdict(self)


def scores_of(
    mixture: GaussianMixture, marginal: GaussianMixture, test: Table, cells: Cells, seconds: float
) -> Scores:
    """Score predictions, one a row.

    Args:
        mixture: the predictions.
        marginal: the Gaussian that ignores the inputs.
        test: the rows that they are for.
        cells: of rounded targets and atoms.
        seconds: of the fit.
    """
    level = pit(mixture, test.y, cells, generator("pit"))
    inside = ((level - 0.5).abs() <= LEVEL / 2).double().mean(-1)
    return Scores(
        nll=nll(mixture, test.y).tolist(),
        grid_nll=grid_nll(mixture, test.y, cells.step).tolist(),
        inside=inside.tolist(),
        marginal_nll=grid_nll(marginal.expand(len(test)), test.y, cells.step).tolist(),
        seconds=seconds,
    )


def cells_of(train: Table) -> Cells:
    """Return the cells of each target, on grids however fine."""
    profile = train.profile
    return Cells.of(train.target_names, profile.grid_steps, profile.atom_cells)
