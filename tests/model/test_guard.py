"""A part of the density that no row can escape."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.stats import multivariate_normal
from small_runs import make_table

import mdn
from mdn.model.exportable import PlainModel
from mdn.model.guard import guarded
from mdn.networks.kinds import Number

TINY = {"max_epochs": 2, "ensemble_size": 2, "backbone.width": 4, "num_components": 2}


def trained(table, **settings):
    return mdn.fit(TINY | settings, table)


def with_gap(table):
    x = table.x.clone()
    x[0, 0] = torch.nan
    return replace(table, x=x)


def some_rows(targets):
    table = make_table(rows=40)
    return replace(table, y=table.y[:, :targets], target_names=table.target_names[:targets])


@pytest.mark.parametrize("targets", [1, 2])
def test_the_density_is_the_sum_of_its_parts(targets, make_mixture):
    mixture = make_mixture(7, components=3, targets=targets)
    tril = torch.linalg.cholesky(torch.eye(targets) * 0.6 + 0.4).double()
    found = guarded(mixture, 0.1, tril, (1.0, 5.0))
    y = mixture.sample()
    covariance = (tril @ tril.T).numpy()
    if not mixture.scale.correlated:
        covariance = np.diag(covariance.diagonal())
    near, wide = (
        torch.from_numpy(multivariate_normal(cov=c * covariance).pdf(y.numpy())) for c in (1, 25)
    )
    expected = 0.9 * mixture.log_prob(y).exp() + 0.09 * near + 0.01 * wide
    torch.testing.assert_close(found.log_prob(y).exp(), expected)


@pytest.mark.parametrize("targets", [1, 2])
def test_all_answers_of_a_model_agree(targets):
    table = some_rows(targets)
    model = trained(table, guard=0.2)
    plain = PlainModel(model)
    with torch.no_grad():
        pool, (_, members) = model(table.x), model.with_members(table.x)
        pi, mu, spread = plain(table.x)
    expected = pool.log_prob(table.y)
    torch.testing.assert_close(members.pool().log_prob(table.y), expected)
    torch.testing.assert_close(model.members(table.x).pool().log_prob(table.y), expected)
    assert pi.shape[-1] == mu.shape[-2] == pool.num_components == model.num_components == 6
    torch.testing.assert_close(pi, pool.pi)
    torch.testing.assert_close(spread, pool.scale.tril() if targets > 1 else pool.sigma)


def test_no_row_costs_without_bound():
    table, far = some_rows(1), torch.tensor([1e4 + 2000]).double()
    model = trained(table, guard=0.02)
    z = (far - model.targets.shift) / model.targets.factor
    most = z**2 / 50 + math.log(5 / 0.002) + model.targets.factor.log() + math.log(2 * math.pi) / 2
    cost = -model(table.x).log_prob(far[None])
    assert (cost < most + 1e-6).all()
    assert (cost < -trained(table)(table.x).log_prob(far[None]) - 100).all()


def test_raw_tables_have_one_and_numbers_do_not():
    plain = trained(some_rows(1), guard="auto")
    raw = trained(with_gap(some_rows(1)), guard="auto")
    assert plain.card.guard == 0
    assert raw.card.fitted_kinds[0] == Number(missing=True)
    assert raw.card.guard == pytest.approx(1 / 41)


def test_it_is_saved_and_read_again(tmp_path):
    table = some_rows(1)
    model = trained(table, guard=0.2)
    model.save(tmp_path / "a.ckpt")
    again = mdn.load(tmp_path / "a.ckpt")
    torch.testing.assert_close(again(table.x).log_prob(table.y), model(table.x).log_prob(table.y))


def test_too_much_is_refused():
    with pytest.raises(ValueError, match=r"guard must lie within 0 and 0\.5, got 0\.7"):
        trained(some_rows(1), guard=0.7)
