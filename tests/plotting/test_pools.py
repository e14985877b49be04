"""Pictures of mixtures of 80 components say the same as those of few."""

import numpy as np
import torch
from branches import F64
from scipy import stats

from mdn.distributions.mixture import GaussianMixture
from mdn.distributions.scale import DiagonalScale
from mdn.plotting.ellipses import main_components
from mdn.plotting.informative_input import average_mixture
from mdn.plotting.partial_dependence import partial_dependence

POOLED = 80


def pooled(x):
    """y ~ N(x0 + 3 x1, 0.5^2), said by 80 components, most of them with hardly a weight."""
    mu = (x[:, 0] + 3 * x[:, 1])[:, None, None].expand(len(x), POOLED, 1)
    logits = torch.full((len(x), POOLED), -15.0, dtype=F64)
    logits[:, :8] = 0
    return GaussianMixture(logits.log_softmax(-1), mu, DiagonalScale(torch.full_like(mu, 0.5), 1))


def test_partial_dependence_averages_over_as_many_rows_as_for_few_components():
    x = torch.rand(32, 2, dtype=F64)
    cells = torch.linspace(-3, 6, 361, dtype=F64)
    places = torch.tensor([0.0, 1.0], dtype=F64)
    found = partial_dependence(pooled, x, 0, places, cells, 0)
    centers = ((cells[1:] + cells[:-1]) / 2).numpy()
    for place, curve in zip(places.tolist(), found, strict=True):
        each = [stats.norm.pdf(centers, place + 3 * row, 0.5) for row in x[:, 1].tolist()]
        np.testing.assert_allclose(curve, np.mean(each, 0), atol=2e-3)


def test_the_average_of_a_batch_is_one_density_without_what_cannot_be_seen():
    mixtures = pooled(torch.rand(12, 2, dtype=F64))
    one = average_mixture(mixtures)
    assert one.batch_shape == ()
    assert one.num_components == 12 * 8
    y = torch.linspace(-1, 5, 50, dtype=F64)[:, None]
    expected = mixtures.log_prob(y[:, None]).exp().mean(-1)
    torch.testing.assert_close(one.log_prob(y).exp(), expected, rtol=1e-4, atol=1e-12)


def test_outlines_of_a_pool_are_those_of_components_with_weight():
    weight = torch.full((80,), 1e-4)
    weight[[7, 40, 3]] = torch.tensor([0.4, 0.5, 0.08])
    assert main_components(weight) == [40, 7, 3]
    assert len(main_components(torch.full((120,), 1 / 120))) == 30


def test_a_few_components_all_have_an_outline():
    assert main_components(torch.tensor([0.001, 0.989, 0.01])) == [0, 1, 2]
