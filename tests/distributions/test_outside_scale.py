"""What is not known of a scale from outside is never taken for uncorrelated."""

from dataclasses import dataclass, replace

import pytest
import torch
from checkpoints import rows, untrained
from scipy.stats import multivariate_normal
from torch import Tensor

from mdn import metrics
from mdn.distributions.families import Full
from mdn.distributions.mixture import GaussianMixture
from mdn.distributions.scale import CovarianceFactor, DiagonalScale, PrecisionFactor, Scale
from mdn.model.exportable import PlainModel


@dataclass(frozen=True, eq=False)
class DenseScale(Scale):
    """A Cholesky factor with its zeros, [*batch, K, D * D], which says no more than it must."""

    stored: Tensor

    @classmethod
    def of(cls, tril):
        return cls(tril.flatten(-2))

    @property
    def num_targets(self):
        return round(self.stored.shape[-1] ** 0.5)

    def tril(self):
        return self.stored.unflatten(-1, (self.num_targets, self.num_targets))


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


def test_noise_is_added_to_its_covariance():
    wanted = MIXTURE.scale.covariance() + 0.25 * torch.eye(2, dtype=torch.float64)
    torch.testing.assert_close(MIXTURE.convolved(0.5).scale.covariance(), wanted)


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


KNOWN = replace(MIXTURE, scale=CovarianceFactor.from_tril(TRIL))
Y = torch.tensor([[0.4, 0.2], [3.0, -1.0], [1e12, -1e12]], dtype=torch.float64)
QUESTIONS = {
    "log_prob": lambda m: m.log_prob(Y),
    "log_responsibilities": lambda m: m.log_responsibilities(Y),
    "marginal": lambda m: m.marginal([1]).log_prob(Y[:, 1:]),
    "turned": lambda m: m.marginal([1, 0]).log_prob(Y[:, [1, 0]]),
    "condition": lambda m: m.condition([1], Y[:, 1:]).mean,
    "project": lambda m: m.project([1.0, -2.0]).std,
    "affine": lambda m: m.affine([2.0, 3.0], [1.0, 0.0]).covariance,
    "convolved": lambda m: m.convolved(2.0).covariance,
    "dispersed": lambda m: m.dispersed(2.0).covariance,
    "std": lambda m: m.std,
    "sample": lambda m: m.sample(3, torch.Generator().manual_seed(1)),
    "merge": lambda m: m.merge([m]).log_prob(Y),
    "pool": lambda m: m.expand(2).pool().log_prob(Y),
    "prune": lambda m: m.prune(0.5).log_prob(Y),
    "batch": lambda m: m.expand(4)[1:3].flatten().log_prob(Y[:2]),
    "modes": lambda m: m.modes().y,
    "cdf": lambda m: m.cdf(Y),
    "median": lambda m: m.median,
    "entropy_bounds": lambda m: torch.stack(m.entropy_bounds()),
    "kl_to": lambda m: m.kl_to(m.marginal([1, 0])),
    "as_distribution": lambda m: m.as_distribution().log_prob(Y[:2]),
    "rosenblatt": lambda m: metrics.rosenblatt(m, Y),
    "grid_nll": lambda m: metrics.grid_nll(m, Y[:2], [0.1, 0.2]),
    "energy_score": lambda m: metrics.energy_score(m, Y),
    "crps": lambda m: metrics.crps(m, Y),
    "natural_mean": lambda m: m.scale.natural_mean(m.mu),
    "smallest": lambda m: m.scale.smallest(),
}


@pytest.mark.parametrize("name", QUESTIONS)
def test_every_question_is_answered_from_the_dense_factor(name):
    torch.testing.assert_close(QUESTIONS[name](MIXTURE), QUESTIONS[name](KNOWN))


@dataclass(frozen=True, eq=False)
class Unflattened(Scale):
    """What no batch or component can be picked from."""

    matrices: Tensor

    @property
    def num_targets(self):
        return self.matrices.shape[-1]

    def tril(self):
        return self.matrices


def test_what_it_stores_is_flat():
    wanted = r"Unflattened stores a tensor of shape .2, 2, 2., .* flatten its"
    with pytest.raises(ValueError, match=wanted):
        replace(MIXTURE, scale=Unflattened(TRIL))


def test_a_scale_is_of_the_same_targets_as_the_means():
    scale = DiagonalScale(torch.ones(2, 1).double(), 3)
    with pytest.raises(ValueError, match=r"scale of 3 targets does not fit means of 2, of shape"):
        replace(MIXTURE, scale=scale)


def test_what_it_does_not_know_is_refused_by_name():
    with pytest.raises(ValueError, match="information of a DenseScale is not known; write its"):
        MIXTURE.scale.natural_gradient(MIXTURE.scale.tensors())


@pytest.mark.parametrize("kind", [DiagonalScale, CovarianceFactor, PrecisionFactor])
def test_a_closed_form_is_not_inherited(kind):
    with pytest.raises(
        TypeError, match=f"Other must not derive from {kind.__name__}, whose closed"
    ):
        type("Other", (kind,), {})


def test_a_mixture_with_another_density_cannot_derive_from_gaussians():
    with pytest.raises(TypeError, match="StudentMixture must not derive from GaussianMixture"):
        type("StudentMixture", (GaussianMixture,), {})
