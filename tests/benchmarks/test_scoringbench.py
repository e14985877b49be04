"""The entry for ScoringBench, scored from its histograms as that benchmark scores them."""

import numpy as np
import pandas as pd
import pytest
import torch
from benchmarks.public.contenders.prediction import gaussians
from benchmarks.scoringbench.base import DistributionPrediction, ProbabilisticWrapper
from benchmarks.scoringbench.mdn_wrapper import MDNWrapper, histograms

from mdn.distributions.mixture import GaussianMixture
from mdn.distributions.scale import DiagonalScale
from mdn.metrics import crps


def log_score(found: DistributionPrediction, y: np.ndarray) -> np.ndarray:
    """The density of the bin that holds a value, the last bin on its side if none does."""
    edges = found.bin_edges.astype(np.float32)
    pairs = zip(edges, y, strict=True)
    bins = [min(np.searchsorted(row[1:], value), len(row) - 2) for row, value in pairs]
    rows = np.arange(len(y))
    return -np.log(found.probas[rows, bins] / np.diff(edges)[rows, bins])


def two_modes(rows=100, shift=0.0, factor=1.0):
    pi = torch.tensor([0.3, 0.7]).double().log().expand(rows, 2)
    mu = shift + factor * torch.tensor([[-2.0], [1.0]]).double().expand(rows, 2, 1)
    std = factor * torch.tensor([[0.1], [0.5]]).double().expand(rows, 2, 1)
    return GaussianMixture(pi, mu, DiagonalScale(std, 1))


@pytest.mark.parametrize(("shift", "factor"), [(0.0, 1.0), (1e4, 50.0), (0.0, 1e-6)])
def test_histograms_lose_next_to_nothing(shift, factor):
    mixture = two_modes(500, shift, factor)
    y = mixture.sample(generator=torch.Generator().manual_seed(0))
    found = histograms(mixture)
    np.testing.assert_allclose(found.probas.sum(1), 1)
    assert (np.diff(found.bin_edges.astype(np.float32)) > 0).all()
    exact = -mixture.log_prob(y).numpy()
    assert log_score(found, y[:, 0].numpy()).mean() == pytest.approx(exact.mean(), abs=0.03)
    below = np.cumsum(found.probas, 1)
    steps = np.diff(found.bin_edges)
    above = found.bin_edges[:, 1:] > y.numpy()
    by_bins = ((below - above) ** 2 * steps).sum(1).mean()
    assert by_bins == pytest.approx(crps(mixture, y).mean().item(), rel=0.05)


def test_a_spike_has_bins_that_single_precision_tells_apart():
    mean = torch.full((3, 1), 1e6).double()
    found = histograms(gaussians(mean, torch.full_like(mean, 1e-3)))
    assert (np.diff(found.bin_edges.astype(np.float32)) > 0).all()
    np.testing.assert_allclose(found.probas.sum(1), 1)


def test_the_wrapper_is_called_with_frames():
    random = np.random.default_rng(0)
    X = pd.DataFrame(random.normal(size=(60, 2)), columns=["a", "b"])
    y = pd.Series(3 * X["a"] + random.normal(size=60))
    model = MDNWrapper(settings={"max_epochs": 2, "ensemble_size": 2, "backbone.width": 8})
    assert isinstance(model, ProbabilisticWrapper)
    assert model.fit(X[:50], y[:50]) is model
    found = model.predict_distribution(X[50:])
    assert found.probas.shape == found.bin_midpoints.shape == (10, found.bin_edges.shape[1] - 1)
    np.testing.assert_allclose(found.mean, model.predict(X[50:]))
    assert np.isfinite(log_score(found, y[50:].to_numpy())).all()
