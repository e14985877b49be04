"""Rounded targets and atoms: transforms are uniform for the right density and for no other."""

import math

import pytest
import torch
from scipy import stats

from mdn import metrics
from mdn.distributions.mixture import GaussianMixture
from mdn.distributions.scale import CovarianceFactor, DiagonalScale
from mdn.distributions.transformed.log_scales import LogTransform
from mdn.distributions.transformed.mixture import transformed
from mdn.metrics.cells import Cells, drawn_in_cells

F64 = torch.float64
ROWS = 4000
CHANCE = 1.95 / ROWS**0.5
"""What one Kolmogorov-Smirnov distance in a thousand exceeds by chance."""


def seeded() -> torch.Generator:
    return torch.Generator().manual_seed(3)


def mixtures(targets=1, std=0.3, rows=ROWS):
    """Two components each, whose means differ from row to row."""
    mu = torch.randn(rows, 2, targets, dtype=F64)
    log_pi = torch.tensor([0.7, 0.3], dtype=F64).log().expand(rows, 2)
    return GaussianMixture(log_pi, mu, DiagonalScale(torch.full((rows, 2, targets), std), targets))


def rounded(y, step):
    return (y / step).round() * step


def test_a_cell_reaches_half_a_step_to_both_sides_and_an_atom_has_its_own():
    cells = Cells.of(["a", "b"], {"a": 0.5}, {"b": [[-0.1, 0.1], [4.0, 6.0]]})
    y = torch.tensor([[1.5, 0.0], [2.0, 0.05], [0.0, 3.9], [math.nan, 5.0]], dtype=F64)
    low, high = cells.ends(y)
    nan = math.nan
    expected_low = [[1.25, -0.1], [1.75, -0.1], [-0.25, 3.9], [nan, 4.0]]
    expected_high = [[1.75, 0.1], [2.25, 0.1], [0.25, 3.9], [nan, 6.0]]
    for found, expected in ((low, expected_low), (high, expected_high)):
        torch.testing.assert_close(found, torch.tensor(expected, dtype=F64), equal_nan=True)
    assert cells
    assert not Cells.of(["a", "b"], {})


@pytest.mark.parametrize("step", [0.1, 1.0, 10.0])
def test_transforms_of_rounded_values_are_uniform_for_the_right_density(step):
    mixture = mixtures()
    y, cells = rounded(mixture.sample(), step), Cells.of(["y"], {"y": step})
    pit = metrics.pit(mixture, y, cells, seeded())
    assert metrics.ks_distance(pit) < CHANCE
    rank = metrics.density_rank(mixture, y, 200, seeded(), cells)
    assert metrics.ks_distance(rank) < CHANCE + 0.005
    for level in metrics.LEVELS:
        near = 4 * (level * (1 - level) / ROWS) ** 0.5
        assert abs(metrics.central_coverage(pit, level).item() - level) < near
        assert abs(metrics.region_coverage(rank, level) - level) < near + 0.005


def test_without_cells_coarse_rounding_looks_like_a_wrong_density():
    mixture = mixtures(std=0.3)
    plain = metrics.pit(mixture, rounded(mixture.sample(), 2.0))
    assert metrics.ks_distance(plain) > 2 * CHANCE
    assert metrics.central_coverage(plain, 0.9) < 0.7


@pytest.mark.parametrize("change", [1.25, 0.8])
def test_a_density_of_the_wrong_width_is_seen_through_the_rounding(change):
    mixture = mixtures(std=1.0)
    y, cells = rounded(mixture.sample(), 0.5), Cells.of(["y"], {"y": 0.5})
    wrong = GaussianMixture(
        mixture.log_pi, mixture.mu, mixture.scale.rescale(y.new_tensor([change]))
    )
    pit = metrics.pit(wrong, y, cells, seeded())
    assert metrics.ks_distance(pit) > CHANCE
    off = metrics.central_coverage(pit, 0.9).item() - 0.9
    assert off * (change - 1) > 0
    assert abs(off) > 0.02


def test_an_interval_narrower_than_its_cell_covers_what_it_states():
    mixture = mixtures(std=0.01)
    y, cells = rounded(mixture.sample(), 1.0), Cells.of(["y"], {"y": 1.0})
    near = 4 * (0.09 / ROWS) ** 0.5
    covered = metrics.central_coverage(metrics.pit(mixture, y, cells, seeded()), 0.9)
    assert abs(covered.item() - 0.9) < near


def with_zeros(share=0.3, std=0.01, rows=ROWS):
    """A spike at 0 beside a broad component, and values whose near zeros are exact ones."""
    mu = torch.tensor([[0.0], [4.0]], dtype=F64)
    scale = DiagonalScale(torch.tensor([[std], [1.0]], dtype=F64), 1)
    mixture = GaussianMixture(torch.tensor([share, 1 - share], dtype=F64).log(), mu, scale)
    y = mixture.sample([rows])
    return mixture, torch.where(y.abs() < 0.05, 0.0, y)


def test_atoms_are_transformed_within_their_cells():
    mixture, y = with_zeros()
    cells = Cells.of(["y"], {}, {"y": [[-0.05, 0.05]]})
    pit = metrics.pit(mixture, y, cells, seeded())
    assert metrics.ks_distance(pit) < CHANCE
    assert metrics.ks_distance(metrics.pit(mixture, y)) > 0.1
    wrong, _ = with_zeros(share=0.4)
    assert metrics.ks_distance(metrics.pit(wrong, y, cells, seeded())) > 0.05


def test_values_that_stand_for_themselves_keep_their_transforms_to_the_last_digit():
    mixture = mixtures(targets=2)
    y = mixture.sample()
    cells = Cells.of(["a", "b"], {"a": 0.5})
    y[:, 0] = rounded(y[:, 0], 0.5)
    pit = metrics.pit(mixture, y, cells, seeded())
    assert torch.equal(pit[:, 1], metrics.pit(mixture, y)[:, 1])
    none = Cells.of(["a", "b"], {})
    assert torch.equal(metrics.pit(mixture, y, none), metrics.pit(mixture, y))
    assert torch.equal(metrics.rosenblatt(mixture, y, none), metrics.rosenblatt(mixture, y))
    drawn = drawn_in_cells(mixture, y, cells)
    assert torch.equal(drawn[:, 1], y[:, 1])
    assert ((drawn - y)[:, 0].abs() <= 0.25).all()


def test_the_same_seed_draws_the_same_transforms_in_pieces_and_at_once():
    mixture = mixtures(rows=50)
    y, cells = rounded(mixture.sample(), 1.0), Cells.of(["y"], {"y": 1.0})
    whole, generator = metrics.pit(mixture, y, cells, seeded()), seeded()
    parts = [slice(0, 7), slice(7, 50)]
    pieces = [metrics.pit(mixture[part], y[part], cells, generator) for part in parts]
    assert torch.equal(torch.cat(pieces), whole)


def test_a_missing_target_leaves_the_others_their_transforms():
    mixture = mixtures(targets=2, rows=20)
    y, cells = rounded(mixture.sample(), 1.0), Cells.of(["a", "b"], {"a": 1.0, "b": 1.0})
    whole = metrics.pit(mixture, y, cells, seeded())
    y[:5, 0] = math.nan
    lacking = metrics.pit(mixture, y, cells, seeded())
    assert lacking[:5, 0].isnan().all()
    torch.testing.assert_close(lacking[:, 1], whole[:, 1], rtol=0, atol=0)


def test_draws_from_one_component_follow_the_truncated_normal_distribution():
    scale = DiagonalScale(torch.tensor([[2.0]], dtype=F64), 1)
    mixture = GaussianMixture(torch.zeros(1, dtype=F64), torch.tensor([[1.0]], dtype=F64), scale)
    for value in (-9.0, 0.0, 3.0, 12.0):
        y = torch.full((2000, 1), value, dtype=F64)
        drawn = drawn_in_cells(mixture, y, Cells.of(["y"], {"y": 3.0}), seeded())
        low, high = (value - 1.5 - 1) / 2, (value + 1.5 - 1) / 2
        law = stats.truncnorm(low, high, loc=1, scale=2)
        assert stats.kstest(drawn[:, 0].numpy(), law.cdf).pvalue > 1e-3


@pytest.mark.parametrize("targets", [2, 3])
def test_targets_in_turn_are_uniform_where_components_do_not_correlate_them(targets):
    mixture = mixtures(targets, std=0.5)
    y = mixture.sample()
    y[:, 0], y[:, -1] = rounded(y[:, 0], 1.0), rounded(y[:, -1], 0.3)
    cells = Cells.of(["a", "b", "c"][:targets], {"a": 1.0, "bc"[targets - 2]: 0.3})
    transforms = metrics.rosenblatt(mixture, y, cells, seeded())
    assert (metrics.ks_distance(transforms) < CHANCE).all()
    assert torch.corrcoef(transforms.T).triu(1).abs().max() < 0.06


def test_correlated_targets_in_turn_are_uniform_where_cells_are_narrow_beside_the_density():
    tril = torch.tensor([[[1.0, 0.0], [0.8, 0.6]]], dtype=F64)
    zero = torch.zeros(1, dtype=F64), torch.zeros(1, 2, dtype=F64)
    mixture = GaussianMixture(*zero, CovarianceFactor.from_tril(tril))
    y, cells = rounded(mixture.sample([ROWS]), 0.25), Cells.of(["a", "b"], {"a": 0.25, "b": 0.25})
    transforms = metrics.rosenblatt(mixture, y, cells, seeded())
    assert (metrics.ks_distance(transforms) < CHANCE).all()
    wrong = GaussianMixture(*zero, DiagonalScale(torch.ones(1, 1, dtype=F64), 2))
    missed = metrics.rosenblatt(wrong, y, cells, seeded())
    assert torch.corrcoef(missed.T)[0, 1] > 0.5


def test_targets_on_a_log_scale_are_transformed_within_their_cells():
    base = mixtures()
    mixture = transformed(base, [LogTransform(-0.5)])
    y, cells = mixture.sample().round().clamp(min=0), Cells.of(["y"], {"y": 1.0})
    assert metrics.ks_distance(metrics.pit(mixture, y, cells, seeded())) < CHANCE
    drawn = drawn_in_cells(mixture, y, cells, seeded())
    assert ((drawn - y).abs() <= 0.5).all()
    assert metrics.ks_distance(metrics.pit(mixture, drawn)) < CHANCE


def test_values_far_from_every_component_stay_in_their_cells():
    mixture = mixtures(rows=4)
    y = torch.tensor([[-1e6], [-60.0], [60.0], [1e6]], dtype=F64)
    cells = Cells.of(["y"], {"y": 1.0})
    drawn = drawn_in_cells(mixture, y, cells, seeded())
    assert ((drawn - y).abs() <= 0.5).all()
    pit = metrics.pit(mixture, y, cells, seeded())
    torch.testing.assert_close(pit[:, 0], torch.tensor([0.0, 0.0, 1.0, 1.0], dtype=F64))
    assert (metrics.density_rank(mixture, y, 50, seeded(), cells) == 1).all()
