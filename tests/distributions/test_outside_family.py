"""A family from outside is one class with its scale: it trains, and lacks by name what it lacks."""

from dataclasses import dataclass

import pytest
import torch
from small_runs import Rows, fit, make_module, make_table
from torch import Tensor

from mdn.distributions.families import Family
from mdn.distributions.scale import Scale
from mdn.distributions.triangular import lower_factor
from mdn.fitting.em import onto_family
from mdn.fitting.objectives import NaturalGradientEM
from mdn.fitting.start import kmeans_start


@dataclass(frozen=True, eq=False)
class LowRankScale(Scale):
    """Standard deviations of their own, and loadings of a few common causes."""

    own: Tensor
    loadings: Tensor

    @property
    def num_targets(self):
        return self.own.shape[-1]

    def tril(self):
        loadings = self.loadings.unflatten(-1, (self.num_targets, -1))
        return lower_factor(torch.cat([self.own.diag_embed(), loadings], -1))


@dataclass(frozen=True)
class LowRank(Family[LowRankScale]):
    """Low rank plus diagonal."""

    rank: int = 1

    def raw_shape(self, num_components, num_targets):
        return num_targets * (1 + self.rank), num_components

    def scale(self, raw, num_targets):
        own, loadings = raw.mT.split([num_targets, num_targets * self.rank], -1)
        return LowRankScale(self._positive(own), loadings)

    def raw(self, scale):
        return torch.cat([self._unpositive(scale.own), scale.loadings], -1).mT

    def nearest(self, covariance, pi):
        values, vectors = torch.linalg.eigh(covariance)
        loadings = (vectors * (values / 2).sqrt()[..., None, :])[..., -self.rank :]
        rest = (covariance - loadings @ loadings.mT).diagonal(dim1=-2, dim2=-1)
        return LowRankScale(self._floored(rest), loadings.flatten(-2))


FAMILY = LowRank(1e-3, rank=1)


def test_it_trains_and_keeps_its_correlations():
    table = make_table()
    torch.manual_seed(0)
    module = make_module(family=FAMILY, ensemble_size=2)
    fit(module, Rows(table), epochs=3)
    with torch.no_grad():
        mixture = module.model(table.x)
        near, far = (mixture.log_prob(y).mean() for y in (table.y, table.y.flip(0)))
        expected = mixture.as_distribution().log_prob(table.y)
    torch.testing.assert_close(mixture.log_prob(table.y), expected)
    assert near > far
    assert mixture.scale.correlated


def test_what_is_stored_comes_back_from_raw_numbers():
    raw = torch.randn(5, *FAMILY.raw_shape(3, 4), dtype=torch.float64)
    torch.testing.assert_close(FAMILY.raw(FAMILY.scale(raw, 4)), raw)


def test_em_is_refused_by_name():
    start = kmeans_start(torch.randn(50, 3).double(), 2, FAMILY, None)
    assert isinstance(start.scale, LowRankScale)
    with pytest.raises(ValueError, match="the family LowRank has no exact M-step"):
        onto_family(start, FAMILY)


def test_natural_gradients_are_refused_by_name():
    start = kmeans_start(torch.randn(50, 3).double(), 2, FAMILY, None)
    moved = start.map(lambda stored: stored.clone().requires_grad_())
    loss, _ = NaturalGradientEM(1.0)(moved, torch.zeros(3).double())
    with pytest.raises(ValueError, match="information of a LowRankScale is not known; write its"):
        loss.backward()


def test_training_by_natural_gradients_ends_with_that_refusal():
    module = make_module(family=FAMILY, objective=NaturalGradientEM(1.0))
    with pytest.raises(ValueError, match="or train with another objective"):
        fit(module, Rows(make_table()), epochs=1)
