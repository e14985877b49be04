"""What is not known of a scale from outside is never taken for uncorrelated."""

from dataclasses import dataclass

import pytest
import torch
from checkpoints import rows, untrained
from scipy.stats import multivariate_normal
from torch import Tensor

from mdn.distributions.families import Full
from mdn.distributions.mixture import GaussianMixture
from mdn.distributions.scale import CovarianceFactor, Scale
from mdn.model.exportable import PlainModel


@dataclass(frozen=True, eq=False)
class DenseScale(Scale):
    """A Cholesky factor with its zeros, [*batch, K, D * D]."""

    stored: Tensor

    @classmethod
    def of(cls, tril):
        return cls(tril.flatten(-2))

    @property
    def num_targets(self):
        return round(self.stored.shape[-1] ** 0.5)

    def tril(self):
        return self.stored.unflatten(-1, (self.num_targets, self.num_targets))

    def whiten(self, residual):
        return torch.linalg.solve_triangular(self.tril(), residual[..., None], upper=False)[..., 0]

    def colour(self, noise):
        return (self.tril() @ noise[..., None])[..., 0]

    def log_det(self):
        return self.tril().diagonal(dim1=-2, dim2=-1).log().sum(-1)

    def smallest(self):
        return self.tril().diagonal(dim1=-2, dim2=-1).amin(-1)

    def rescale(self, factor):
        return self.of(self.tril() * factor[:, None])

    def select(self, dims):
        return CovarianceFactor.from_tril(self.tril()).select(dims)

    def given(self, first):
        return self.of(self.tril()[..., first:, first:])


@dataclass(frozen=True)
class DenseFamily(Full):
    """The full family, whose scales are dense."""

    def scale(self, raw, num_targets):
        return DenseScale.of(super().scale(raw, num_targets).tril())


TRIL = torch.tensor([[[1.0, 0.0], [0.8, 0.3]], [[0.5, 0.0], [-0.4, 0.2]]], dtype=torch.float64)
MIXTURE = GaussianMixture(
    torch.tensor([0.3, 0.7], dtype=torch.float64).log(),
    torch.tensor([[0.0, 1.0], [2.0, -1.0]], dtype=torch.float64),
    DenseScale.of(TRIL),
)


def test_its_density_is_that_of_its_covariance():
    y = torch.tensor([0.4, 0.2], dtype=torch.float64)
    each = [multivariate_normal.pdf(y, m, t @ t.T) for m, t in zip(MIXTURE.mu, TRIL, strict=True)]
    assert MIXTURE.log_prob(y).exp().item() == pytest.approx(0.3 * each[0] + 0.7 * each[1])


def test_a_merger_keeps_its_correlations():
    both = MIXTURE.merge([MIXTURE])
    torch.testing.assert_close(both.covariance, MIXTURE.covariance)
    assert both.scale.correlated


@pytest.mark.filterwarnings("ignore")  # the exporter's own
def test_an_export_keeps_its_correlations(tmp_path):
    module = untrained(num_targets=2)
    expected = PlainModel(module)(rows(3))
    family = module.network.head.family
    module.network.head.family = DenseFamily(family.min_scale, family.factor)
    model = PlainModel(module).eval()
    assert model.output_names == ["pi", "mu", "tril"]
    graph = torch.export.export(model, (rows(3),)).module()
    torch.manual_seed(1)
    x = rows(3)
    for found, value in zip(graph(x), model(x), strict=True):
        torch.testing.assert_close(found, value)
    assert expected[2].shape == model(x)[2].shape == (3, 3, 2, 2)


def test_a_mixture_with_another_density_cannot_derive_from_gaussians():
    with pytest.raises(TypeError, match="StudentMixture must not derive from GaussianMixture"):
        type("StudentMixture", (GaussianMixture,), {})
