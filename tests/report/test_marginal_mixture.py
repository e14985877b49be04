"""The mixture that ignores the inputs, against scikit-learn's on the same rows."""

import numpy as np
import pytest
import torch
from gaussian_model import F64, NAMES, gaussian_model
from sklearn.mixture import GaussianMixture as Reference

from mdn.data.table import Table
from mdn.report import marginal_mixture as module
from mdn.report.marginal_mixture import marginal_mixture


def two_groups(rows):
    """Correlated targets of unlike units in two groups, and a model with their units."""
    generator = np.random.default_rng(0)
    shape = np.array([[1.0, 0.0], [0.7, 0.4]])
    y = generator.normal(size=(rows, 2)) @ shape.T
    y[: rows // 3] = 0.5 * y[: rows // 3] + [6.0, -4.0]
    y = torch.from_numpy(1e3 + y * [1.0, 100.0])
    model = gaussian_model(2)
    model.targets.fit(y)
    return model, Table(torch.zeros(rows, 1, dtype=F64), y, None, ["in"], NAMES)


def test_it_is_the_mixture_of_least_bic():
    model, table = two_groups(600)
    y = model.targets(table.y, F64).numpy()
    fits = [Reference(k, max_iter=2000, random_state=0, tol=1e-6).fit(y) for k in (1, 2, 4)]
    best = min(fits, key=lambda fit: fit.bic(y))
    found = marginal_mixture(model, table)
    assert found.num_components == best.n_components == 2
    expected = best.score_samples(y) + model.targets.log_det().item()
    np.testing.assert_allclose(found.log_prob(table.y), expected, rtol=1e-3)


def test_bic_is_that_of_scikit_learn():
    model, table = two_groups(300)
    y = model.targets(table.y, F64)
    family = module.Full(1e-3, factor="covariance")
    for k in (1, 2):
        fit = module.fit_em(y, k, family, tol=1e-9)
        expected = Reference(k, random_state=0, tol=1e-9).fit(y.numpy()).bic(y.numpy())
        assert module._bic(fit, family, 300) == pytest.approx(expected, rel=1e-4)


def test_few_rows_have_one_component():
    model, table = two_groups(30)
    assert marginal_mixture(model, table).num_components == 1


def test_rows_beyond_a_bound_are_drawn_the_same_each_time(monkeypatch):
    monkeypatch.setattr(module, "_MOST_ROWS", 100)
    model, table = two_groups(600)
    once, again = marginal_mixture(model, table), marginal_mixture(model, table)
    assert torch.equal(once.mu, again.mu)
    assert 0.2 < once.pi.min() < 0.5  # a third of the rows, not the first of them


def test_a_weight_counts_a_row_as_often():
    model, table = two_groups(200)
    weight = torch.ones(200, dtype=F64)
    weight[:66] = 0
    weighted = Table(table.x, table.y, weight, table.input_names, table.target_names)
    mean = table.y[66:].mean(0)
    torch.testing.assert_close(marginal_mixture(model, weighted).mean, mean, rtol=1e-6, atol=0)
