"""The simple estimators beside the default recipe, and how they are compared."""

import csv
import math
from itertools import product

import numpy as np
import pytest
import torch
from benchmarks.density import kernel, neighbors, one_gaussian, recipes
from benchmarks.density.comparison import rows, summary
from benchmarks.density.split import Split, splits_of
from benchmarks.density.whitening import Whitening, standardized
from benchmarks.options import Options, parse
from scipy.stats import gaussian_kde, multivariate_normal

from mdn.data.table import Table

ESTIMATORS = [one_gaussian.log_density, neighbors.log_density, kernel.log_density]


def make_table(n: int, targets: int, seed: int = 0) -> Table:
    """Targets of correlated noise about a wave, in units of their own."""
    random = np.random.default_rng(seed)
    x = random.normal(size=(n, 2)) * [3.0, 0.1] + 5
    noise = random.normal(size=(n, targets)) @ (np.eye(targets) + 0.5)
    y = 20 + 4 * np.sin(x[:, :1]) + noise
    names = [f"y{i}" for i in range(targets)]
    return Table(torch.tensor(x), torch.tensor(y), None, ["x0", "x1"], names)


@pytest.fixture
def folder(tmp_path):
    table = make_table(60, 2)
    header = ",".join([*table.input_names, *table.target_names])
    values = torch.cat([table.x, table.y], 1).numpy()
    (tmp_path / "in").mkdir()
    np.savetxt(tmp_path / "in" / "some.csv", values, delimiter=",", header=header, comments="")
    return tmp_path


def only_split(folder) -> Split:
    options = Options(data=folder, splits=1, problems=("some:y0+y1",), threads=(1,))
    [(_, [split])] = splits_of(options)
    return split


@pytest.mark.parametrize("targets", [1, 3])
def test_whitened_rows_have_unit_covariance(targets):
    y = make_table(50, targets).y
    whiten = Whitening.of(y)
    torch.testing.assert_close(torch.atleast_2d(whiten(y).T.cov()), torch.eye(targets).double())
    truth = multivariate_normal(y.mean(0), np.cov(y.T))
    of_z = multivariate_normal(np.zeros(targets)).logpdf(whiten(y))
    np.testing.assert_allclose(of_z + whiten.log_det.item(), truth.logpdf(y))


def test_the_marginal_is_the_gaussian_of_scipy():
    fit, test = make_table(50, 2), make_table(9, 2, seed=1)
    truth = multivariate_normal(fit.y.mean(0), np.cov(fit.y.T)).logpdf(test.y)
    np.testing.assert_allclose(one_gaussian.log_density(fit, test), truth)


@pytest.mark.parametrize("targets", [1, 3])
def test_a_kernel_that_ignores_the_inputs_is_that_of_scipy(targets, monkeypatch):
    monkeypatch.setattr(kernel, "INPUT_BANDWIDTHS", (math.inf,))
    monkeypatch.setattr(kernel, "TARGET_BANDWIDTHS", (0.3,))
    fit, test = make_table(50, targets), make_table(9, targets, seed=1)
    truth = gaussian_kde(fit.y.T, 0.3).logpdf(test.y.T)
    np.testing.assert_allclose(kernel.log_density(fit, test), truth)


def test_kernel_weights_are_those_of_the_definition(monkeypatch):
    monkeypatch.setattr(kernel, "INPUT_BANDWIDTHS", (0.4,))
    monkeypatch.setattr(kernel, "TARGET_BANDWIDTHS", (0.3,))
    fit, test = make_table(50, 2), make_table(9, 2, seed=1)
    scale = fit.x.numpy().std(0)
    apart = (test.x[:, None] - fit.x).numpy() / scale
    weight = np.exp(-0.5 * (apart**2).sum(-1) / 0.4**2)
    kernels = [multivariate_normal(y, 0.3**2 * np.cov(fit.y.T)).pdf(test.y) for y in fit.y]
    truth = (weight * np.transpose(kernels)).sum(-1) / weight.sum(-1)
    np.testing.assert_allclose(kernel.log_density(fit, test).exp(), truth)


def test_neighbors_as_kernels_are_those_of_scipy_where_all_rows_are_neighbors():
    fit, test = make_table(50, 2), make_table(9, 2, seed=1)
    whiten = Whitening.of(fit.y)
    z, test_z = whiten(fit.y), whiten(test.y)
    got = neighbors.kernels(z.expand(9, -1, -1), test_z, 0.3)
    np.testing.assert_allclose(got + whiten.log_det, gaussian_kde(fit.y.T, 0.3).logpdf(test.y.T))


def test_neighbors_as_one_gaussian_are_that_of_scipy():
    near, z = torch.randn(2, 6, 3, dtype=torch.float64), torch.randn(2, 3, dtype=torch.float64)
    got = neighbors.gaussian(near, z, 0.5)
    for each, at, density in zip(near, z, got, strict=True):
        covariance = np.cov(each.T, ddof=0) + 0.25 * np.eye(3)
        truth = multivariate_normal(each.mean(0), covariance).logpdf(at)
        assert density.item() == pytest.approx(truth)


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("x", [5.0, 40.0])
def test_densities_integrate_to_one(estimator, x):
    fit = make_table(30, 1)
    at = torch.linspace(0, 40, 2001, dtype=torch.float64)[:, None]
    test = Table(torch.full((2001, 2), x).double(), at, None, fit.input_names, fit.target_names)
    assert torch.trapezoid(estimator(fit, test).exp(), at[:, 0]) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_units_move_the_density_by_their_volume(estimator):
    mix = torch.tensor([[2.0, 0.5], [0.0, 10.0]], dtype=torch.float64)

    def in_units(table: Table) -> Table:
        names = table.input_names, table.target_names
        return Table(100 * table.x - 3, table.y @ mix + 7, None, *names)

    fit, test = make_table(50, 2), make_table(9, 2, seed=1)
    moved = estimator(in_units(fit), in_units(test))
    torch.testing.assert_close(moved, estimator(fit, test) - math.log(20.0))


def test_bandwidths_are_chosen_with_each_row_left_out(monkeypatch):
    grids = (0.1, 0.5, math.inf), (0.05, 0.3, 1.0)
    monkeypatch.setattr(kernel, "INPUT_BANDWIDTHS", grids[0])
    monkeypatch.setattr(kernel, "TARGET_BANDWIDTHS", grids[1])
    fit = make_table(30, 1)
    x, z = standardized(fit.x, fit.x)[0], Whitening.of(fit.y)(fit.y)

    def left_out(b: float, h: float) -> float:
        total = 0.0
        for i in range(30):
            others = torch.arange(30) != i
            squares = [(v[others] - v[i]).square().sum(-1)[None] for v in (x, z)]
            total += kernel.kernel_density(*squares, 1, b, h).item()
        return total

    squares = [torch.cdist(v, v).square() for v in (x, z)]
    best = max(product(*grids), key=lambda choice: left_out(*choice))
    assert kernel.best_bandwidths(*squares, 1) == best
    # With the row itself among its neighbors, the narrowest kernels would win.
    assert best[1] > 0.05


def test_neighbors_are_chosen_with_each_row_left_out():
    fit = make_table(30, 1)
    x, z = standardized(fit.x, fit.x)[0], Whitening.of(fit.y)(fit.y)
    search = neighbors.NearestNeighbors(n_neighbors=4).fit(x.numpy())
    near = neighbors._targets(search, z, None)
    apart = torch.cdist(x, x).fill_diagonal_(math.inf)
    torch.testing.assert_close(near, z[apart.argsort(-1)[:, :4]])
    estimate, k, h = neighbors.best_estimator(near, z, [2, 4])
    best = max(
        f(near[:, :number], z, spread).mean().item()
        for f in (neighbors.gaussian, neighbors.kernels)
        for number in (2, 4)
        for spread in neighbors.SPREADS
    )
    assert estimate(near[:, :k], z, h).mean().item() == best


def test_a_split_parts_all_rows_and_another_seed_parts_them_otherwise(folder):
    options = Options(data=folder, splits=2, problems=("some:y0+y1",))
    [(name, [one, other])] = splits_of(options)
    assert name == "some"
    assert (len(one.fit), len(one.test)) == (54, 6)
    whole = torch.cat([one.fit.y, one.test.y])
    torch.testing.assert_close(whole.sort(0).values, make_table(60, 2).y.sort(0).values)
    assert not torch.equal(one.test.y, other.test.y)


def test_networks_are_trained_on_the_rows_of_the_split(folder, capsys):
    split = only_split(folder)
    one = ["model.ensemble_size=1", "trainer.max_epochs=1"]
    metrics = recipes.run(split, [*recipes.grid()[0], *one])
    assert metrics["train_rows"] == len(split.tables["train"])
    assert math.isfinite(metrics["test/nll"])
    assert capsys.readouterr().out == ""


def test_the_gaussian_network_is_one_gaussian_and_the_best_on_validation_rows(folder, monkeypatch):
    tried = []

    def run(split, overrides):
        tried.append(split.configure(overrides, folder))
        order = len(tried)
        return {"val/nll": abs(order - 3.0), "test/nll": float(order)}

    monkeypatch.setattr(recipes, "run", run)
    assert recipes.gaussian_nll(only_split(folder)) == 3
    assert {c["model"]["num_components"] for c in tried} == {1}
    assert {c["model"]["ensemble_size"] for c in tried} == {1}
    assert len({str(c["model"]) for c in tried}) == len(recipes.grid()) == 12


def test_differences_are_taken_split_by_split():
    scores = {"a": [1.0, 2.0, 6.0], "b": [1.5, 3.0, 6.0]}
    first, second = summary("problem", scores)
    assert first["behind a"] == 0
    assert second["test NLL"] == pytest.approx(3.5)
    assert second["behind a"] == pytest.approx(0.5)
    assert second["its standard error"] == pytest.approx(0.5 / math.sqrt(3))


def test_the_suite_scores_every_split(folder):
    names = ("neighbors", "kernel", "marginal")
    options = Options(
        data=folder, splits=2, problems=("some:y0+y1",), contenders=names, out=folder / "out"
    )
    table = list(rows(options))
    assert [row["contender"] for row in table] == list(names)
    split = only_split(folder)
    with (folder / "out" / "density_splits.csv").open() as file:
        each = {(r["contender"], r["split"]): float(r["test NLL"]) for r in csv.DictReader(file)}
    assert len(each) == 6
    truth = -one_gaussian.log_density(split.fit, split.test).mean().item()
    assert each["marginal", "0"] == pytest.approx(truth)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["problems=some"], "the targets of 'some' are not known; add them, as in problems=some:"),
        (["problems=other:y0"], "there is no other.csv in"),
        (["contenders=magic"], r"contenders must be of \['default', .*, got \['magic'\]"),
    ],
)
def test_what_cannot_be_compared_is_refused(folder, arguments, message):
    options = parse([f"data={folder}", f"out={folder}", *arguments])
    with pytest.raises(ValueError, match=message):
        list(rows(options))


def test_files_are_needed():
    with pytest.raises(ValueError, match="suite density needs files; add data=FOLDER"):
        list(splits_of(Options()))
