"""A family's raw numbers give its scales back, or it is refused before a start."""

from dataclasses import dataclass

import pytest
import torch

from mdn.distributions.families import Constant, Diagonal, Full
from mdn.distributions.family_check import check_family
from mdn.distributions.scale import CovarianceFactor, DiagonalScale
from mdn.estimators.gradient import fit_gradient
from mdn.fitting.start import kmeans_start
from mdn.networks.kinds import numbers
from mdn.training.em_module import EMModule
from mdn.training.recipe import EMRecipe


@dataclass(frozen=True)
class Doubled(Diagonal):
    """It inherits `raw`, and answers twice."""

    def scale(self, raw, num_targets):
        return DiagonalScale(super().scale(raw, num_targets).std * 2, num_targets)


@dataclass(frozen=True)
class Uncorrelating(Full):
    """It loses what correlates."""

    def raw(self, scale):
        return super().raw(CovarianceFactor(scale.diagonal, torch.zeros_like(scale.lower)))


@pytest.mark.parametrize("components", [1, 7])
@pytest.mark.parametrize("targets", [1, 2, 40])
def test_every_family_gives_back_its_scales(family, components, targets):
    state = torch.get_rng_state()
    check_family(family, components, targets)
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("floor", [1e-150, 1e-12, 1.0, 1e12, 1e150, "grid"])
def test_any_floor_will_do(floor):
    std = 1.0 if floor == "grid" else 3 * floor
    for factor in ("covariance", "precision"):
        check_family(Full(floor, factor), 3, 2)
    check_family(Constant(floor, std), 3, 2)


@pytest.mark.parametrize(("family", "targets"), [(Doubled(), 1), (Uncorrelating(), 2)])
def test_a_family_that_answers_otherwise_is_refused_by_name(family, targets):
    name = type(family).__name__
    with pytest.raises(ValueError, match=rf"raw\(\) of the family {name} does not invert .* write"):
        check_family(family, 3, targets)


def test_fits_are_refused_that_would_start_elsewhere():
    with pytest.raises(ValueError, match="the family Doubled does not invert"):
        EMModule(numbers(1), 1, EMRecipe(family=Doubled(), num_components=2))
    y = torch.randn(50, 1, dtype=torch.float64)
    start = kmeans_start(y, 2, Diagonal(), None)
    with pytest.raises(ValueError, match="the family Doubled does not invert"):
        fit_gradient(y, Doubled(), torch.ones(50, dtype=torch.float64), start, 10, 1e-3)
