"""No mixtures at all, some of a batch, and a walk along it."""

import numpy as np
import pandas
import pytest
import torch
from unit_mixtures import PAIR, SINGLE, rows

from mdn import metrics
from mdn.distributions.mixture import GaussianMixture
from mdn.distributions.scale import DiagonalScale

EMPTY = {
    "log_prob": lambda m: m.log_prob(torch.zeros(0, 1).double()),
    "log_responsibilities": lambda m: m.log_responsibilities(torch.zeros(0, 1).double()),
    "cdf": lambda m: m.cdf([]),
    "log_cdf": lambda m: m.log_cdf([]),
    "icdf": lambda m: m.icdf([]),
    "mean": lambda m: m.mean,
    "std": lambda m: m.std,
    "covariance": lambda m: m.covariance,
    "median": lambda m: m.median,
    "quantile": lambda m: m.quantile(0.3),
    "interval": lambda m: m.interval(0.3)[0],
    "expected_shortfall": lambda m: m.expected_shortfall(0.3),
    "modes": lambda m: m.modes().y,
    "most_likely": lambda m: m.most_likely()[0],
    "highest_density_region": lambda m: m.highest_density_region(0.5).lower,
    "density_threshold": lambda m: m.density_threshold(0.5),
    "entropy_bounds": lambda m: m.entropy_bounds()[0],
    "kl_to": lambda m: m.kl_to(m),
    "kl_by_samples": lambda m: m.kl_by_samples(m, 10)[0],
    "marginal": lambda m: m.marginal([0]).mean,
    "condition": lambda m: m.merge([m]).condition([], torch.zeros(0, 0)).mean,
    "project": lambda m: m.project([1.0]).mean,
    "merge": lambda m: m.merge([m]).mean,
    "variance_split": lambda m: m.variance_split([m])[0],
    "pool": lambda m: m[None].pool().mean,
    "prune": lambda m: m.prune(0.9).mean,
    "convolved": lambda m: m.convolved(2.0).std,
    "dispersed": lambda m: m.dispersed(2.0).mean,
    "affine": lambda m: m.affine([2.0], [1.0]).mean,
    "rsample": lambda m: m.rsample(),
    "sample": lambda m: m.sample(),
    "crps": lambda m: metrics.crps(m, []),
    "energy_score": lambda m: metrics.energy_score(m, []),
    "rosenblatt": lambda m: metrics.rosenblatt(m, []),
    "density_rank": lambda m: metrics.density_rank(m, []),
    "grid_nll": lambda m: metrics.grid_nll(m, [], 1.0),
    "pinball": lambda m: metrics.pinball(m, [], 0.5),
    "absolute_error": lambda m: metrics.absolute_error(m, [], "mode"),
    "interval_width": lambda m: metrics.interval_width(m, 0.5),
    "region_size": lambda m: metrics.region_size(m, 0.5),
}


@pytest.mark.parametrize("name", EMPTY)
def test_of_no_mixtures_there_are_no_answers(name):
    assert len(EMPTY[name](rows(0, targets=1))) == 0


def test_pruning_no_mixtures_keeps_their_components():
    assert rows(0).prune(0.9).num_components == 2


@pytest.mark.parametrize(
    "index",
    [
        *(2, -1, slice(1, 3), [0, 3], np.array([0, 3]), torch.tensor([0, 3]), np.int64(2)),
        *(..., None, (), (1, 2), (..., 0), (0, ...), (..., None), (None, 1), (slice(None), [0, 2])),
        *(np.arange(4) > 1, torch.arange(4) > 1, np.ones((4, 3), bool), pandas.Series([0, 2])),
        *([], (slice(None), np.arange(3) > 0), slice(0, 0), [True, False, False, True]),
    ],
    ids=str,
)
def test_indices_are_those_of_an_array_of_the_batch(index):
    mean = np.random.default_rng(0).normal(size=(4, 3))
    mu = torch.from_numpy(mean)[..., None, None]
    mixture = GaussianMixture(torch.zeros(4, 3, 1).double(), mu, DiagonalScale(1 + 0 * mu, 1))
    expected = mean[index]
    found = mixture[index]
    assert found.batch_shape == expected.shape
    np.testing.assert_array_equal(found.mean.squeeze(-1).numpy(), expected)


@pytest.mark.parametrize(
    ("mixture", "index", "said"),
    [
        (SINGLE, 0, "one mixture without a batch"),
        (SINGLE, slice(0, 1), "one mixture without a batch"),
        (PAIR, (0, 0), r"too many indices for batch shape \[4\]"),
        (PAIR, (..., 0, 0), "too many indices"),
        (PAIR, (..., ...), "too many indices"),
        (PAIR, np.ones((4, 2), bool), "too many indices"),
        (PAIR, 4, r"batch shape \[4\].*out of bounds"),
        (PAIR, -5, "out of bounds"),
        (PAIR, [0, 7], "out of bounds|out of range"),
        (PAIR, np.ones(3, bool), r"batch shape \[4\].*mask"),
        (PAIR, 1.0, "whole numbers, slices, masks"),
        (PAIR, "a", "whole numbers, slices, masks"),
        (PAIR, True, "whole numbers, slices, masks"),
        (PAIR, [0.5], "whole numbers, slices, masks"),
    ],
    ids=str,
)
def test_other_indices_are_refused(mixture, index, said):
    with pytest.raises(IndexError, match=said):
        mixture[index]


def test_a_batch_is_walked_and_one_mixture_is_not():
    assert [m.batch_shape for m in PAIR] == [()] * 4
    assert len(PAIR) == len(list(PAIR)) == 4
    assert len(SINGLE[None]) == 1
    for walk in (len, iter, list):
        with pytest.raises(TypeError, match="one mixture has no length"):
            walk(SINGLE)
