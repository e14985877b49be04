"""Pictures of mixtures: curves of one target, regions of two, labelled as their rows are."""

import numpy as np
import pandas
import pytest
import torch
from hard_names import NAMES as HARD_NAMES
from matplotlib.figure import Figure
from scipy import stats
from transformed_mixtures import LOG, ONE, one_target, two_targets

from mdn.distributions.mixture import GaussianMixture
from mdn.distributions.origin import Origin
from mdn.distributions.scale import DiagonalScale


def mixture(*batch, targets=("price",), kind=torch.float64):
    mu = torch.randn(*batch, 2, len(targets), dtype=kind)
    log_pi = torch.full((*batch, 2), 0.5, dtype=kind).log()
    return GaussianMixture(log_pi, mu, DiagonalScale(0.5 + 0 * mu, len(targets)), tuple(targets))


def drawn(figure, tmp_path):
    figure.savefig(tmp_path / "figure.png", dpi=20)
    assert isinstance(figure, Figure)
    return figure


def test_each_curve_is_the_density_of_its_row(tmp_path):
    asked = mixture(9, kind=torch.float32)
    axes = drawn(asked.plot(), tmp_path).axes[0]
    assert len(axes.lines) == 6
    for row, line in enumerate(axes.lines):
        x, height = line.get_data()
        pi, mu = asked.pi[row].numpy(), asked.mu[row, :, 0].numpy()
        np.testing.assert_allclose(
            height, stats.norm.pdf(x[:, None], mu, 0.5) @ pi, rtol=1e-3, atol=1e-6
        )
        assert np.trapezoid(height, x) > 0.98
    assert [text.get_text() for text in axes.get_legend().get_texts()] == list("012345")
    assert axes.get_xlabel() == "price"


def test_rows_have_the_labels_of_their_frame(tmp_path):
    labels = pandas.Index(["ann", "$bob$", "eve"])
    asked = mixture(3).with_origin(Origin(torch.arange(3), 1, None, labels))
    texts = drawn(asked[[1, 2]].plot(), tmp_path).axes[0].get_legend().get_texts()
    assert [text.get_text() for text in texts] == [r"\$bob\$", "eve"]
    assert "eve, dark: the smallest set" in asked[2].plot().axes[0].get_title()


def test_one_mixture_is_drawn_with_its_region(tmp_path):
    for asked in (mixture(), mixture(1), one_target(LOG)):
        axes = drawn(asked.plot(), tmp_path).axes[0]
        assert len(axes.collections) == 2
        x, height = axes.lines[0].get_data()
        assert np.trapezoid(height, x) > 0.98


def test_two_targets_are_regions_in_their_plane(tmp_path):
    for count in (1, 2, 8):
        figure = drawn(mixture(count, targets=["rent", "price"]).plot(), tmp_path)
        shown = [axes for axes in figure.axes if axes.get_visible()]
        assert len(shown) == min(count, 6)
        assert all(axes.collections for axes in shown)
        assert (figure.get_supxlabel(), figure.get_supylabel()) == ("rent", "price")
    drawn(two_targets((LOG, ONE)).plot(), tmp_path)


@pytest.mark.filterwarnings("ignore:Glyph .* missing from font")
@pytest.mark.parametrize("first", range(0, len(HARD_NAMES), 4))
def test_hard_names_are_shown(tmp_path, first):
    for targets in (HARD_NAMES[first : first + 1], HARD_NAMES[first : first + 2]):
        drawn(mixture(2, targets=targets).plot(), tmp_path)


def test_what_cannot_be_drawn_is_refused():
    with pytest.raises(ValueError, match=r"one or two targets, got mixtures of 3; .*marginal"):
        mixture(2, targets=["a", "b", "c"]).plot()
    with pytest.raises(ValueError, match=r"nothing to draw: batch shape \[0\]"):
        mixture(0).plot()
    with pytest.raises(ValueError, match="not finite"):
        mixture(2).affine([1.0], [0.0]).map(lambda stored: stored * torch.nan).plot()


def test_a_notebook_shows_it_without_pyplot():
    assert mixture(2).plot()._repr_png_().startswith(b"\x89PNG")
