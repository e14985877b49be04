"""The fit does not depend on how the rows come, where they lie, or in which precision."""

import numpy as np
import pytest
import torch
from em_cases import (
    FULL,
    IRIS,
    WEIGHT,
    for_every_family,
    iris_start,
    with_holes,
)

from mdn.fitting.em import expectation, fit_em


@for_every_family
def test_order_and_batches_do_not_matter(family):
    y, start = with_holes(IRIS), iris_start(family)
    shuffled = torch.randperm(150)
    whole = fit_em(y, 3, family, weight=WEIGHT, start=start, tol=0.0, max_iter=10)
    parts = fit_em(
        y[shuffled],
        3,
        family,
        weight=WEIGHT[shuffled],
        start=start,
        tol=0.0,
        max_iter=10,
        batch_size=64,
    )
    assert parts.lower_bounds == pytest.approx(whole.lower_bounds, abs=1e-9)
    assert torch.allclose(parts.mixture.mu, whole.mixture.mu, atol=1e-7)


@pytest.mark.parametrize("offset", [1e2, 1e3, 1e4])
@for_every_family
def test_float32_far_from_the_origin(family, offset):
    """The float32 rows are rounded; the same rounded rows near the origin are the reference."""
    y = (IRIS + offset).float()
    single = fit_em(y, 3, family, start=iris_start(family, y), tol=0.0, max_iter=30)
    y = y.double() - offset
    double = fit_em(y, 3, family, start=iris_start(family, y), tol=0.0, max_iter=30)
    assert single.lower_bounds == pytest.approx(double.lower_bounds, abs=1e-6)


@for_every_family
def test_tight_clusters_far_apart(family):
    """Statistics about any single point would have no digits left for these variances."""
    side = torch.tensor([1.0, -1.0], dtype=torch.float64).repeat_interleave(100)[:, None]
    near = torch.randn(200, 2, dtype=torch.float64)
    far_apart = fit_em(near + 1e8 * side, 2, family)
    apart = fit_em(near + 1e3 * side, 2, family)
    assert far_apart.lower_bounds[-1] == pytest.approx(apart.lower_bounds[-1], abs=1e-6)
    assert torch.allclose(
        far_apart.mixture.scale.covariance(), apart.mixture.scale.covariance(), atol=1e-6
    )


@for_every_family
def test_features_and_residuals_agree(family, monkeypatch):
    start = iris_start(family)
    fast = fit_em(IRIS, 3, family, start=start, tol=0.0, max_iter=20)
    monkeypatch.setattr(expectation, "_MOST_DIGITS_LOST", -1)
    slow = fit_em(IRIS, 3, family, start=start, tol=0.0, max_iter=20)
    assert fast.lower_bounds == pytest.approx(slow.lower_bounds, abs=1e-10)


@pytest.mark.parametrize("holes", [False, True], ids=["complete", "holes"])
@for_every_family
def test_likelihood_never_falls(family, holes):
    y = with_holes(IRIS) if holes else IRIS
    bounds = fit_em(y, 2, family, start="random", max_iter=20, tol=0.0).lower_bounds
    assert min(np.diff(bounds)) > -1e-12
    assert bounds[-1] > bounds[0]


def test_going_on_is_the_same_as_not_having_stopped():
    whole = fit_em(IRIS, 3, FULL, start=iris_start(FULL), tol=0.0, max_iter=20)
    half = fit_em(IRIS, 3, FULL, start=iris_start(FULL), tol=0.0, max_iter=10)
    rest = fit_em(IRIS, 3, FULL, start=half.mixture, tol=0.0, max_iter=10)
    assert half.lower_bounds + rest.lower_bounds == pytest.approx(whole.lower_bounds, abs=1e-12)


def test_device(device):
    here = fit_em(IRIS, 3, FULL, start=iris_start(FULL), tol=0.0, max_iter=20)
    there = fit_em(IRIS.to(device), 3, FULL, start=iris_start(FULL), tol=0.0, max_iter=20)
    assert there.mixture.mu.device.type == device.type
    assert there.lower_bounds == pytest.approx(here.lower_bounds, abs=1e-9)
