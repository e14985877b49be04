"""Figures show the user's names, also where those would be a formula, or a broken one."""

import pytest
import torch
from hard_names import NAMES
from matplotlib.figure import Figure

from mdn.distributions.mixture import GaussianMixture
from mdn.distributions.scale import DiagonalScale
from mdn.plotting import density_figure, slices_figure


def shown(figure: Figure) -> set[str]:
    """The names beside axes as a reader sees them."""
    labels = {figure.get_supxlabel(), figure.get_supylabel()}
    for axes in figure.axes:
        labels |= {axes.get_xlabel(), axes.get_ylabel()}
    return {label.replace(r"\$", "$") for label in labels}


@pytest.mark.parametrize("targets", [1, 2])
@pytest.mark.parametrize("first", range(0, len(NAMES), 4))
def test_names_are_shown_as_they_are(tmp_path, first, targets):
    mu = torch.randn(2, targets, dtype=torch.float64)
    log_pi = torch.tensor([0.4, 0.6], dtype=torch.float64).log()
    mixture = GaussianMixture(log_pi, mu, DiagonalScale(torch.ones_like(mu), targets))
    inputs, outputs = NAMES[first : first + 2], NAMES[first + 2 : first + 2 + targets]
    x, y = torch.rand(20, 2, dtype=torch.float64), mixture.sample((20,))
    for draw in (density_figure, slices_figure):
        figure = draw(lambda x: mixture.expand(len(x)), x, y, inputs, outputs)
        figure.savefig(tmp_path / "figure.png", dpi=10)
        assert set(outputs) <= shown(figure)
