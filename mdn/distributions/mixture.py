"""The one object of this project: a batch of Gaussian mixtures, p(y) = sum_k pi_k N(y; mu_k, S_k).

Shapes: K components, D targets, `*batch` any leading axes (one mixture each). A question that
takes y broadcasts its leading axes against the batch; `values` says in which forms.
"""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, distributions

from mdn.distributions import likelihood
from mdn.distributions.arguments import SampleShape, sample_shape
from mdn.distributions.questions.divergences import Divergences
from mdn.distributions.questions.implicit import with_gradient
from mdn.distributions.questions.partial import Partial
from mdn.distributions.questions.pooling import Pooling
from mdn.distributions.questions.quantiles import Quantiles
from mdn.distributions.questions.regions import Regions
from mdn.distributions.values import takes_values


@dataclass(frozen=True, eq=False, repr=False)
class GaussianMixture(Quantiles, Partial, Regions, Divergences, Pooling):
    """A batch of Gaussian mixtures over D targets with K components.

    Attributes:
        log_pi: log weights; exp(log_pi) sums to one over the last axis.
        mu: component means.
        scale: the factor of each component's covariance.
    """

    def __init_subclass__(cls) -> None:
        raise TypeError(
            f"{cls.__name__} must not derive from GaussianMixture, whose answers are Gaussian "
            "mathematics: a subclass with another density would inherit wrong ones; write a class "
            "of its own"
        )

    @takes_values
    def component_log_prob(self, y: Float[Tensor, "*rows D"]) -> Float[Tensor, "*out K"]:
        """Return the log density of y under each component, in nats, without the weights."""
        return likelihood.component_log_prob(y, self.mu, self.scale)

    @takes_values
    def log_prob(self, y: Float[Tensor, "*rows D"]) -> Float[Tensor, "*out"]:
        """Return the log density of y, in nats."""
        return likelihood.log_prob(y, self.log_pi, self.mu, self.scale)

    @takes_values
    def log_responsibilities(self, y: Float[Tensor, "*rows D"]) -> Float[Tensor, "*out K"]:
        """Return the log probability that component k produced y."""
        return likelihood.log_responsibilities(y, self.log_pi, self.mu, self.scale)

    def sample(
        self, shape: SampleShape = (), generator: torch.Generator | None = None
    ) -> Float[Tensor, "*out D"]:
        """Draw independent samples, [*shape, *batch, D], without gradient; n stands for (n,).

        Raises:
            ValueError: on a shape that is not whole numbers of at least 0.
        """
        return self.sample_with_component(shape, generator)[0]

    def sample_with_component(
        self, shape: SampleShape = (), generator: torch.Generator | None = None
    ) -> tuple[Float[Tensor, "*out D"], Int[Tensor, "*out"]]:
        """Draw independent samples, and say which component each came from, without gradient."""
        with torch.no_grad():
            component = self._choose(shape, generator)
            return self._sample_components(component, generator), component

    def rsample(
        self, shape: SampleShape = (), generator: torch.Generator | None = None
    ) -> Float[Tensor, "*out D"]:
        """Draw samples with gradients of the parameters, [*shape, *batch, D].

        With one component the sample is mu + A e. With several components and one target the
        gradient is the implicit one, dy = -dF(y) / p(y) (Figurnov et al. 2018).

        Raises:
            ValueError: with several components and several targets, where neither exists.
        """
        if self.num_components == 1:
            return self._sample_components(self._choose(shape, generator), generator)
        if self.num_targets > 1:
            raise ValueError(
                f"rsample is defined for one component or one target, got {self.num_components} "
                f"components and {self.num_targets} targets; use sample(), or a score-function "
                "gradient of log_prob"
            )
        y = self.sample(shape, generator)
        # At a fixed level F(y) the sample is a quantile.
        pi, mu, sigma = (v.squeeze(-1) for v in (self.pi[..., None], self.mu, self.sigma))
        return with_gradient(y.squeeze(-1), torch.zeros_like(y[..., 0]), pi, mu, sigma)[..., None]

    def _choose(self, shape: SampleShape, generator: torch.Generator | None) -> Tensor:
        """Component of each sample, [*shape, *batch]."""
        shape = sample_shape(shape)
        weights = self.pi.detach().reshape(-1, self.num_components)
        count = math.prod(shape)
        # At least one is drawn, for torch refuses none.
        chosen = torch.multinomial(weights, max(1, count), replacement=True, generator=generator)
        return chosen[:, :count].T.reshape((*shape, *self.batch_shape))

    def _sample_components(
        self, component: Int[Tensor, "*shape"], generator: torch.Generator | None
    ) -> Float[Tensor, "*shape D"]:
        noise = torch.randn(
            (*component.shape, 1, self.num_targets),
            generator=generator,
            dtype=self.mu.dtype,
            device=self.mu.device,
        )
        lead = component.ndim - len(self.batch_shape)
        mu = self.mu[(None,) * lead].take_along_dim(component[..., None, None], dim=-2)
        return (mu + self.scale.take(component).color(noise)).squeeze(-2)

    def as_distribution(self) -> distributions.MixtureSameFamily:
        """Return the same mixture as a torch.distributions object, for Pyro and friends."""
        tril = self.scale.tril().expand(*self.mu.shape, self.num_targets)
        return distributions.MixtureSameFamily(
            distributions.Categorical(logits=self.log_pi),
            distributions.MultivariateNormal(self.mu, scale_tril=tril),
        )


def check_gaussian(answer: object) -> GaussianMixture:
    """Return what a head answers, if it is a Gaussian mixture.

    Raises:
        TypeError: on anything else.
    """
    if not isinstance(answer, GaussianMixture):
        raise TypeError(
            f"the head answers with a {type(answer).__name__}, and units, ensembles, resets and "
            "all answers of a model are Gaussian mathematics; let the head return a "
            "GaussianMixture, or train the other density outside of mdn"
        )
    return answer
