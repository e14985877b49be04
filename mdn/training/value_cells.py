"""The cells of the targets of a model: what rounding and atoms of the training rows say of them."""

from mdn.data.rows import Rows
from mdn.metrics.cells import Cells
from mdn.model.card import ModelCard


def cells_of(card: ModelCard, rows: Rows) -> Cells:
    """Return the cells of rounded targets and of atoms, by which calibration is judged.

    They come from training; if nobody looked there, from these rows.
    """
    names = rows.target_names
    if card.grid is None:
        return Cells.of(names, rows.profile.grid_steps, rows.profile.atom_cells)
    return Cells.of(names, card.fine_grid | card.grid, card.atoms)
