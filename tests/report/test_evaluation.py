"""The scores of an evaluation against closed forms."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from gaussian_model import F64, MU, NAMES, STD, gaussian_model, table_of
from scipy import stats

from mdn.data.table import Table
from mdn.distributions.mixture import GaussianMixture
from mdn.distributions.scale import CovarianceFactor
from mdn.report import evaluation
from mdn.report import grid_scores as chunking
from mdn.report.evaluation import score
from mdn.report.grid_scores import grid_scores


def of_target(metrics, name, target, targets):
    return metrics[f"test/{name}" if targets == 1 else f"test/{name}/{NAMES[target]}"]


@pytest.mark.parametrize("targets", [1, 2])
def test_scores_of_each_target_are_those_of_closed_forms(targets):
    table = table_of(500, targets)
    metrics = score(gaussian_model(targets), table).metrics
    for d in range(targets):
        y, s = table.y[:, d].numpy(), STD[d]
        z = (y - MU[d]) / s
        deciles = np.arange(1, 10) / 10
        over = y[:, None] - stats.norm.ppf(deciles, MU[d], s)
        expected = {
            "crps": s * np.mean(z * (2 * stats.norm.cdf(z) - 1) + 2 * stats.norm.pdf(z))
            - s / math.sqrt(math.pi),
            "rmse_mean": s * np.sqrt(np.mean(z**2)),
            "mae_median": s * np.mean(np.abs(z)),
            "pinball": np.mean(np.where(over > 0, deciles * over, (deciles - 1) * over)),
            "sharpness": s,
            "pit_ks": stats.kstest(z, "norm").statistic,
            "pit_ks_critical": pytest.approx(stats.kstwo.ppf(0.95, 500), rel=1e-3),
            **{f"width_{v}": 2 * s * stats.norm.ppf(0.5 + v / 200) for v in (50, 80, 90, 95)},
            **{
                f"coverage_{v}": np.mean(np.abs(z) <= stats.norm.ppf(0.5 + v / 200))
                for v in (50, 80, 90, 95)
            },
        }
        found = {name: of_target(metrics, name, d, targets) for name in expected}
        chance = expected.pop("pit_ks_critical")
        assert found.pop("pit_ks_critical") == chance
        assert found == pytest.approx(expected, rel=1e-6)
        if targets == 2:
            nll = -np.mean(stats.norm.logpdf(y, MU[d], s))
            assert metrics[f"test/nll/{NAMES[d]}"] == pytest.approx(nll)


@pytest.mark.parametrize("targets", [1, 2])
def test_joint_scores_and_regions_are_those_of_closed_forms(targets):
    table = table_of(800, targets)
    found = score(gaussian_model(targets), table).metrics
    y, mu, std = table.y.numpy(), np.array(MU[:targets]), np.array(STD[:targets])
    model = stats.norm.logpdf(y, mu, std).sum(1)
    gain = np.mean(model - stats.norm.logpdf(y).sum(1))
    assert found["test/nll_bits"] == pytest.approx(-np.mean(model) / math.log(2))
    assert found["test/gain_over_marginal"] == pytest.approx(gain, rel=1e-5)
    distance = (((y - mu) / std) ** 2).sum(1)
    for level in (0.5, 0.8, 0.9, 0.95):
        edge = stats.chi2.ppf(level, targets)
        size = {1: 2 * math.sqrt(edge), 2: math.pi * edge}[targets] * std.prod()
        assert found[f"test/region_size_{100 * level:g}"] == pytest.approx(size, rel=0.01)
        inside = found[f"test/region_coverage_{100 * level:g}"]
        assert inside == pytest.approx(np.mean(distance <= edge), abs=0.01)


def test_calibration_in_turn_sees_a_correlation_that_is_missed():
    model, table = gaussian_model(2), table_of(400, 2)
    z = ((table.y - torch.tensor(MU)) / torch.tensor(STD)).numpy()
    away = STD[1] * (0.8 * z[:, 0] + 0.6 * z[:, 1])
    table.y[:, 1] = MU[1] + torch.from_numpy(away)
    missed = score(model, table).metrics
    for key in ("pit_ks", "rosenblatt_ks"):  # without a correlation they are the same
        expected = stats.kstest(away / STD[1], "norm").statistic
        assert missed[f"test/{key}/{NAMES[1]}"] == pytest.approx(expected, rel=1e-6)

    tril = torch.tensor([[[STD[0], 0], [0.8 * STD[1], 0.6 * STD[1]]]], dtype=F64)
    right = GaussianMixture(
        torch.zeros(1, dtype=F64), torch.tensor([MU], dtype=F64), CovarianceFactor.from_tril(tril)
    )
    model.network.head.start(right, shrink=0.0)
    seen = score(model, table).metrics
    for d, name in enumerate(NAMES):
        expected = stats.kstest(z[:, d], "norm").statistic
        assert seen[f"test/rosenblatt_ks/{name}"] == pytest.approx(expected, rel=1e-6)


def test_calibration_in_turn_of_one_target_is_not_told_twice():
    assert "test/rosenblatt_ks" not in score(gaussian_model(1), table_of(20, 1)).metrics


def test_the_gain_over_a_reference_is_the_difference_of_log_densities():
    model, table = gaussian_model(2), table_of(50, 2)
    scale = CovarianceFactor.from_tril(3 * torch.eye(2, dtype=F64)[None])
    reference = GaussianMixture(torch.zeros(1, dtype=F64), torch.zeros(1, 2, dtype=F64), scale)
    y = table.y.numpy()
    gain = stats.norm.logpdf(y, MU, STD) - stats.norm.logpdf(y, 0, 3)
    found = score(model, table, reference).metrics["test/gain_over_marginal_mixture"]
    assert found == pytest.approx(np.mean(gain.sum(1)), rel=1e-5)


def test_the_energy_score_is_of_standardised_targets():
    model, table = gaussian_model(2), table_of(300, 2)
    found = score(model, table).metrics["test/energy_score_standardized"]
    model.targets.factor.copy_(torch.tensor([100.0, 7.0]))
    model.targets.shift.copy_(torch.tensor([3.0, 4.0]))
    elsewhere = Table(
        table.x,
        table.y * model.targets.factor + model.targets.shift,
        None,
        table.input_names,
        table.target_names,
    )
    assert score(model, elsewhere).metrics["test/energy_score_standardized"] == pytest.approx(
        found, rel=1e-9
    )


def test_a_weight_counts_a_row_as_often():
    weight = torch.tensor([1.0, 2.0, 0.0, 3.0], dtype=F64)
    plain = table_of(4, 1)
    weighted = Table(plain.x, plain.y, weight, plain.input_names, plain.target_names)
    repeated = plain[torch.tensor([0, 1, 1, 3, 3, 3])]
    model = gaussian_model(1)
    once, often = score(model, weighted).metrics, score(model, repeated).metrics
    for name in ("crps", "rmse_mean", "nll_bits", "gain_over_marginal"):
        assert once[f"test/{name}"] == pytest.approx(often[f"test/{name}"])


def test_the_size_of_the_pieces_does_not_matter(monkeypatch):
    model, table = gaussian_model(2), table_of(50, 2)
    whole = score(model, table)
    monkeypatch.setattr(chunking, "EVALUATION_BATCH", 7)
    parts = score(model, table)
    assert parts.metrics == pytest.approx(whole.metrics)
    torch.testing.assert_close(parts.pit, whole.pit)


def test_regions_are_found_for_a_bounded_number_of_rows(monkeypatch):
    monkeypatch.setattr(evaluation, "SAMPLED_ROWS", 20)
    scores = score(gaussian_model(1), table_of(50, 1))
    assert (len(scores.rank), len(scores.pit)) == (20, 50)


def test_a_rounded_target_is_scored_by_its_cells():
    table = table_of(400, 2)
    table.y[:, 1] = (4 * table.y[:, 1]).round() / 4
    metrics = score(gaussian_model(2), table).metrics
    y = table.y[:, 1].numpy()
    ends = stats.norm.cdf([y - 0.125, y + 0.125], MU[1], STD[1])
    assert metrics[f"test/grid_nll/{NAMES[1]}"] == pytest.approx(
        -np.mean(np.log(np.diff(ends, axis=0) / 0.25))
    )
    assert f"test/grid_nll/{NAMES[0]}" not in metrics


def test_all_targets_together_are_scored_by_cells_and_by_density_where_not_rounded():
    table, model = table_of(400, 2), gaussian_model(2)
    table.y[:, 1] = (4 * table.y[:, 1]).round() / 4
    metrics = score(model, table).metrics
    alone = -stats.norm.logpdf(table.y[:, 0].numpy(), MU[0], STD[0]).mean()
    together = alone + metrics[f"test/grid_nll/{NAMES[1]}"]
    assert metrics["test/grid_nll"] == pytest.approx(together)
    assert grid_scores(model, table) == {k: v for k, v in metrics.items() if "grid_nll" in k}


def test_rounding_is_what_training_saw_of_it():
    table, model = table_of(400, 1), gaussian_model(1)
    rounded = Table(table.x, table.y.round(), None, table.input_names, table.target_names)
    model.card = replace(model.card, grid={NAMES[0]: 1.0})
    few = rounded[torch.tensor([0, 1])]  # too few to tell
    ends = stats.norm.cdf([few.y.numpy() - 0.5, few.y.numpy() + 0.5], MU[0], STD[0])
    expected = {"test/grid_nll": pytest.approx(-np.log(np.diff(ends, axis=0)).mean())}
    assert grid_scores(model, few) == expected
    assert {**score(model, few).metrics, **expected} == score(model, few).metrics
    model.card = replace(model.card, grid={})
    assert grid_scores(model, rounded) == {}
    model.card = replace(model.card, grid=None)
    assert list(grid_scores(model, rounded)) == ["test/grid_nll"]
    assert grid_scores(model, table) == {}


def coarsely(table):
    """Rows whose targets are rounded to steps wider than the 90 % intervals of the second one."""
    return Table(table.x, (table.y / 2).round() * 2, None, table.input_names, table.target_names)


@pytest.mark.parametrize("targets", [1, 2])
def test_the_right_density_is_calibrated_for_rounded_targets(targets):
    model, table = gaussian_model(targets), coarsely(table_of(2000, targets))
    scores = score(model, table)
    assert scores.in_cells == NAMES[:targets]
    assert scores.pit.shape == (2000, targets)
    for d in range(targets):
        distance = of_target(scores.metrics, "pit_ks", d, targets)
        assert distance < 1.4 * of_target(scores.metrics, "pit_ks_critical", d, targets)
        for level in (50, 80, 90, 95):
            near = 4 * (level / 100 * (1 - level / 100) / 2000) ** 0.5
            inside = of_target(scores.metrics, f"coverage_{level}", d, targets)
            assert inside == pytest.approx(level / 100, abs=near)
            region = scores.metrics[f"test/region_coverage_{level}"]
            assert region == pytest.approx(level / 100, abs=near + 0.01)
    assert score(model, table).metrics == scores.metrics


def test_cells_are_those_that_training_saw():
    model, few = gaussian_model(1), coarsely(table_of(400, 1))[torch.tensor([0, 1, 2])]
    for known in ({"grid": {NAMES[0]: 2.0}}, {"grid": {}, "fine_grid": {NAMES[0]: 2.0}}):
        model.card = replace(model.card, **known)
        found = score(model, few)
        assert found.in_cells == NAMES[:1]
        ends = stats.norm.cdf([few.y.numpy() - 1, few.y.numpy() + 1], MU[0], STD[0])
        assert ((found.pit.numpy() >= ends[0]) & (found.pit.numpy() <= ends[1])).all()
    model.card = replace(model.card, grid={}, fine_grid={}, atoms={})
    exact = score(model, few)
    assert exact.in_cells == []
    torch.testing.assert_close(exact.pit, model(few.x).cdf(few.y))


def test_atoms_that_training_saw_are_transformed_within_their_cells():
    model, table = gaussian_model(1), table_of(1000, 1)
    near = (table.y - MU[0]).abs() < 0.5
    table.y[near] = MU[0]
    model.card = replace(model.card, grid={}, atoms={NAMES[0]: [[MU[0] - 0.5, MU[0] + 0.5]]})
    scores = score(model, table)
    assert scores.metrics["test/pit_ks"] < scores.metrics["test/pit_ks_critical"]
    model.card = replace(model.card, atoms={})
    plain = score(model, table).metrics
    assert plain["test/pit_ks"] > 2 * plain["test/pit_ks_critical"]


def test_a_weight_counts_a_row_as_often_in_its_cell():
    weight = torch.arange(400, dtype=F64) % 3
    plain = table_of(400, 1)
    names = plain.input_names, plain.target_names
    weighted = Table(plain.x, plain.y.round(), weight, *names)
    repeated = Table(plain.x, plain.y.round(), None, *names)[
        torch.repeat_interleave(torch.arange(400), weight.long())
    ]
    model = gaussian_model(1)
    assert grid_scores(model, weighted) == pytest.approx(grid_scores(model, repeated))
