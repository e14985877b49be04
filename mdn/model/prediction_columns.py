"""What is asked of a mixture, as the columns of a table: one row a mixture, one name a number."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from mdn.distributions.arguments import check_probabilities
from mdn.distributions.mixture import GaussianMixture

Columns = dict[str, Tensor]
"""Names and values, each [N]."""


@dataclass(frozen=True)
class Asked:
    """Which columns are wanted.

    Attributes:
        columns: names in `ANSWERS`.
        quantiles: the levels of the column "quantiles".
        interval_level: the probability within the column "interval".
        samples: how many there are in the column "samples".

    Raises:
        ValueError: on an unknown name, a number out of range, or a level that is there twice.
    """

    columns: Sequence[str]
    quantiles: Sequence[float]
    interval_level: float
    samples: int

    @property
    def of_members(self) -> bool:
        """Whether what the members of an ensemble say on their own is wanted."""
        return bool({"aleatoric", "epistemic"} & set(self.columns))

    def __post_init__(self) -> None:
        unknown = [name for name in self.columns if name not in ANSWERS]
        if unknown or not self.columns:
            raise ValueError(
                f"columns must be some of {', '.join(ANSWERS)}; got {list(self.columns)}"
            )
        levels = [float(level) for level in self.quantiles]
        twice = sorted({level for level in levels if levels.count(level) > 1})
        if twice:
            raise ValueError(f"quantiles must differ, got {twice[0]} more than once")
        check_probabilities([*self.quantiles, self.interval_level])
        if self.samples < 1:
            raise ValueError(f"samples must be at least 1, got {self.samples}")


@dataclass(frozen=True)
class Answers:
    """A batch of mixtures and what it takes to answer.

    Attributes:
        mixture: batch shape (N,).
        targets: names of the D targets.
        asked: which columns are wanted.
        y: values of the targets, where the log density is wanted.
        generator: for samples.
        members: batch shape (M, N), where parts of the variance are wanted.
    """

    mixture: GaussianMixture
    targets: Sequence[str]
    asked: Asked
    y: Float[Tensor, "N D"] | None = None
    generator: torch.Generator | None = None
    members: GaussianMixture | None = None

    def columns(self) -> Columns:
        """All that was asked for, in that order."""
        parts = [ANSWERS[name](self) for name in self.asked.columns]
        return {name: column for part in parts for name, column in part.items()}

    def mean(self) -> Columns:
        return self._by_target("mean_{}", self.mixture.mean)

    def std(self) -> Columns:
        return self._by_target("std_{}", self.mixture.std)

    def aleatoric(self) -> Columns:
        """The noise, as a standard deviation: with `epistemic`, its square sums to that of std."""
        assert self.members is not None
        return self._by_target("aleatoric_{}", self.members.std_split()[0])

    def epistemic(self) -> Columns:
        """The doubt, as a standard deviation; 0 where there is one network."""
        assert self.members is not None
        return self._by_target("epistemic_{}", self.members.std_split()[1])

    def median(self) -> Columns:
        return self._by_target("median_{}", self.mixture.median)

    def quantiles(self) -> Columns:
        levels = self.asked.quantiles
        values = self.mixture.quantile(levels)
        parts = [
            self._by_target(f"quantile_{{}}_{float(level)!r}", value)
            for level, value in zip(levels, values, strict=True)
        ]
        return {name: column for part in parts for name, column in part.items()}

    def interval(self) -> Columns:
        lower, upper = self.mixture.interval(self.asked.interval_level)
        return self._by_target("lower_{}", lower) | self._by_target("upper_{}", upper)

    def modes(self) -> Columns:
        """Highest first; NaN where a mixture has fewer than another might."""
        found = self.mixture.modes()
        return self._by_component("mode_{}_{}", found.y) | _numbered(
            "mode_log_density_{}", found.log_prob.where(found.found, torch.nan)
        )

    def most_likely(self) -> Columns:
        component, mu = self.mixture.most_likely()
        return {"component": component} | self._by_target("component_mu_{}", mu)

    def pi(self) -> Columns:
        return _numbered("pi_{}", self.mixture.pi)

    def mu(self) -> Columns:
        return self._by_component("mu_{}_{}", self.mixture.mu)

    def sigma(self) -> Columns:
        return self._by_component("sigma_{}_{}", self.mixture.sigma)

    def samples(self) -> Columns:
        drawn = self.mixture.sample((self.asked.samples,), self.generator)
        return self._by_component("sample_{}_{}", drawn.movedim(0, 1))

    def log_density(self) -> Columns:
        assert self.y is not None
        return {"log_density": self.mixture.log_prob(self.y)}

    def _by_target(self, name: str, values: Float[Tensor, "N D"]) -> Columns:
        return {name.format(t): values[:, d] for d, t in enumerate(self.targets)}

    def _by_component(self, name: str, values: Float[Tensor, "N K D"]) -> Columns:
        return {
            name.format(target, k): values[:, k, d]
            for d, target in enumerate(self.targets)
            for k in range(values.shape[1])
        }


def _numbered(name: str, values: Float[Tensor, "N K"]) -> Columns:
    return {name.format(k): column for k, column in enumerate(values.unbind(-1))}


ANSWERS: dict[str, Callable[[Answers], Columns]] = {
    "mean": Answers.mean,
    "std": Answers.std,
    "aleatoric": Answers.aleatoric,
    "epistemic": Answers.epistemic,
    "median": Answers.median,
    "quantiles": Answers.quantiles,
    "interval": Answers.interval,
    "modes": Answers.modes,
    "most_likely": Answers.most_likely,
    "pi": Answers.pi,
    "mu": Answers.mu,
    "sigma": Answers.sigma,
    "samples": Answers.samples,
    "log_density": Answers.log_density,
}
"""What can be asked, by the name it has in a configuration."""
