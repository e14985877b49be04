"""What every mixture answers, on whatever scale its components are Gaussian.

Code that only asks questions takes a `Mixture`; code that reads means and factors of components
takes a `GaussianMixture`.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, TypeVar

import torch
from jaxtyping import Float, Int
from torch import Tensor

from mdn.distributions.arguments import Dims, Known, Levels, SampleShape, inner_probability, whole
from mdn.distributions.indexing import Index
from mdn.distributions.named_values import Values
from mdn.distributions.origin import Origin
from mdn.distributions.target_names import Names

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Not typing.Self: beartype takes it only where whole classes are decorated.
AnyMixture = TypeVar("AnyMixture", bound="Mixture")

_NUMBERS_AT_ONCE = 2**24


class Mixture(ABC):
    """A batch of mixtures over D targets with K components.

    Attributes:
        log_pi: log weights; exp(log_pi) sums to one over the last axis.
        target_names: one for each target, by which questions find them; None for none.
        origin: the rows that a model was asked about; None where nobody says.
    """

    log_pi: Float[Tensor, "*batch K"]
    target_names: Names
    origin: Origin | None

    @property
    def pi(self) -> Float[Tensor, "*batch K"]:
        """Weights."""
        return self.log_pi.exp()

    @property
    def dtype(self) -> torch.dtype:
        """The floating type of the numbers."""
        return self.log_pi.dtype

    @property
    def device(self) -> torch.device:
        """Where the numbers are."""
        return self.log_pi.device

    @property
    @abstractmethod
    def batch_shape(self) -> torch.Size:
        """`*batch`: how many mixtures this is."""

    @property
    @abstractmethod
    def num_components(self) -> int:
        """K."""

    @property
    @abstractmethod
    def num_targets(self) -> int:
        """D."""

    @property
    @abstractmethod
    def mean(self) -> Float[Tensor, "*batch D"]:
        """E[y]."""

    @property
    @abstractmethod
    def std(self) -> Float[Tensor, "*batch D"]:
        """Standard deviation of each target under the whole mixture."""

    @property
    @abstractmethod
    def covariance(self) -> Float[Tensor, "*batch D D"]:
        """Cov[y]."""

    @property
    @abstractmethod
    def median(self) -> Float[Tensor, "*batch D"]:
        """The median of each target."""

    @abstractmethod
    def log_prob(self, y: Float[Tensor, "*rows D"]) -> Float[Tensor, "*out"]:
        """Return the log density of y, in nats."""

    @abstractmethod
    def observed_log_prob(self, y: Float[Tensor, "*rows D"]) -> Float[Tensor, "*out"]:
        """Return the log density of the targets that a row has, in nats; NaN is missing."""

    @abstractmethod
    def cdf(self, y: Float[Tensor, "*rows D"], upper: bool = False) -> Float[Tensor, "*out D"]:
        """Return the probability of at most y; of more where `upper`, without cancellation."""

    @abstractmethod
    def probability_above(self, y: Values) -> Float[Tensor, "*out"]:
        """Return the probability that the one target exceeds y; `log_cdf` tells its log.

        Args:
            y: one number for all mixtures, or one for each; `mdn.distributions.values` says how.

        Raises:
            TypeError: on what is not real numbers.
            ValueError: on several targets, of which `marginal` picks one, and on another shape.
        """

    @abstractmethod
    def probability_below(self, y: Values) -> Float[Tensor, "*out"]:
        """Return the probability that the one target stays below y, as `probability_above`."""

    @abstractmethod
    def probability_between(self, low: Values, high: Values) -> Float[Tensor, "*out"]:
        """Return the probability that the one target lies between two values, exact in both tails.

        Args:
            low: read as y of `probability_above`; -inf for no end.
            high: the same; inf for no end.

        Raises:
            ValueError: as there, and where low is above high.
        """

    @abstractmethod
    def quantile(self, levels: Levels) -> Float[Tensor, "*out D"]:
        """Return quantiles of each target, [L, *batch, D]; [*batch, D] for one plain number."""

    @abstractmethod
    def interval(
        self, level: Levels
    ) -> tuple[Float[Tensor, "*batch D"], Float[Tensor, "*batch D"]]:
        """Return the central interval of each target: as much probability below it as above."""

    @abstractmethod
    def sample(
        self, shape: SampleShape = (), generator: torch.Generator | None = None
    ) -> Float[Tensor, "*out D"]:
        """Draw independent samples, [*shape, *batch, D], without gradient."""

    @abstractmethod
    def modes(self) -> tuple[Tensor, Tensor, Tensor]:
        """Find the local maxima of the density: positions, log densities, and which are there."""

    @abstractmethod
    def most_likely(self) -> tuple[Int[Tensor, "*batch"], Float[Tensor, "*batch D"]]:
        """Return the learned component with the largest weight, and its mean."""

    @abstractmethod
    def std_split(self) -> tuple[Float[Tensor, "*batch D"], Float[Tensor, "*batch D"]]:
        """Split the standard deviation of `pool` into noise and the members' doubt."""

    @abstractmethod
    def marginal(self, dims: Dims) -> "Mixture":
        """Return the mixture of some targets, in the order given."""

    @abstractmethod
    def condition(self, dims: Dims | Known, values: Values | None = None) -> "Mixture":
        """Return the mixture of the other targets, given the values of some."""

    @abstractmethod
    def with_origin(self: AnyMixture, origin: Origin | None) -> AnyMixture:
        """Return the same mixtures with the rows that they answer for, where such fit the batch."""

    @abstractmethod
    def component(self: AnyMixture, number: int) -> AnyMixture:
        """Return one component alone, as a mixture of one."""

    @abstractmethod
    def pool(self: AnyMixture) -> AnyMixture:
        """Average the densities along the first batch axis, on which an ensemble's members lie."""

    @abstractmethod
    def prune(self: AnyMixture, tolerance: float) -> AnyMixture:
        """Leave out the components whose weight is below `tolerance` everywhere."""

    @abstractmethod
    def expand(self: AnyMixture, *batch: int) -> AnyMixture:
        """Repeat one mixture, without a copy, for a batch of rows."""

    @abstractmethod
    def to(
        self: AnyMixture,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> AnyMixture:
        """Return the mixture on another device or in another floating type."""

    @abstractmethod
    def __getitem__(self: AnyMixture, index: Index) -> AnyMixture:
        """Some mixtures of a batch, by any index that NumPy takes of an array of its shape."""

    @abstractmethod
    def properties(self) -> dict[str, str]:
        """Return what kind of mixture it is, in words: its covariance, and scales of targets."""

    def __repr__(self) -> str:
        if torch.compiler.is_compiling():  # sizes may be symbols, and there are no numbers
            return type(self).__name__
        from mdn.distributions.mixture_overview import mixture_overview

        return mixture_overview(self).text()

    def _repr_html_(self) -> str:
        from mdn.distributions.mixture_overview import mixture_overview

        return mixture_overview(self).html()

    def __len__(self) -> int:
        if not self.batch_shape:
            raise TypeError("one mixture has no length; mixture[None] is a batch of one")
        return self.batch_shape[0]

    def __iter__(self: AnyMixture) -> Iterator[AnyMixture]:
        return iter([self[i] for i in range(len(self))])

    def sample_in_parts(
        self, num_samples: int, generator: torch.Generator | None = None
    ) -> Iterator[Float[Tensor, "*out D"]]:
        """Draw samples from each mixture, a bounded number at once, [part, *batch, D].

        Raises:
            ValueError: on a number that is not a whole one of at least 1.
        """
        num_samples = whole("num_samples", num_samples, 1)
        numbers = self.batch_shape.numel() * self.num_components * self.num_targets
        at_once = max(1, _NUMBERS_AT_ONCE // max(1, numbers))
        for start in range(0, num_samples, at_once):
            yield self.sample([min(at_once, num_samples - start)], generator)

    def to_frame(
        self,
        columns: str | Sequence[str] = ("mean", "std", "quantiles"),
        quantiles: Levels = (0.05, 0.5, 0.95),
        interval_level: float = 0.9,
        samples: int = 1,
        generator: torch.Generator | None = None,
    ) -> object:
        """Return answers as a frame, one row for each mixture, in columns as `predict.py` has.

        It is a frame of the library that the model was asked with, in pandas with its index; else
        a table of pyarrow. A missing number is null, or NaN in pandas.

        Args:
            columns: mean, std, median, quantiles, interval, modes, most_likely, pi, mu, sigma or
                samples, and for the answer of `predict_members` aleatoric and epistemic, beside
                which all others are about the pool.
            quantiles: the levels of "quantiles".
            interval_level: the probability inside "interval".
            samples: draws a row.
            generator: of the samples.

        Raises:
            ValueError: on a column that is unknown or does not follow from mixtures alone, a number
                out of range, and more than one batch axis that is not of members.
        """
        from mdn.model.answer_frame import answer_frame

        return answer_frame(self, columns, quantiles, interval_level, samples, generator)

    def plot(self) -> "Figure":
        """Draw the densities of the first six mixtures: over one target, or in the plane of two.

        Raises:
            ValueError: on more than two targets, an empty batch, and densities that are not finite.
        """
        from mdn.plotting.mixture_figure import mixture_figure

        return mixture_figure(self)

    def density_threshold(
        self, level: Levels, num_samples: int = 1000, generator: torch.Generator | None = None
    ) -> Float[Tensor, "*batch"]:
        """Estimate the log density that `level` of the probability exceeds, by samples.

        A point y is in the region where log_prob(y) is at least this.

        Raises:
            ValueError: on a level that is not between 0 and 1.
        """
        level, num_samples = inner_probability(level), whole("num_samples", num_samples, 1)
        log_prob = self.sample_log_prob(num_samples, generator)
        return log_prob.kthvalue(max(1, round((1 - level) * num_samples)), dim=0).values

    def sample_log_prob(
        self, num_samples: int, generator: torch.Generator | None = None
    ) -> Float[Tensor, "S ..."]:
        """Return the log density of samples from each mixture, without gradient."""
        with torch.no_grad():
            parts = self.sample_in_parts(num_samples, generator)
            return torch.cat([self.log_prob(y) for y in parts])
