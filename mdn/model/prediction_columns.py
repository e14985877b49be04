"""Predictions as the columns of a table: one row per mixture, one column per number.

A column is a function of a `Prediction` and the `ColumnSettings`, registered with its name and what
it needs.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, singledispatch
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from mdn.distributions.abstract import Mixture
from mdn.distributions.arguments import check_probabilities
from mdn.distributions.mixture import GaussianMixture
from mdn.distributions.transformed.mixture import TransformedMixture

Columns = dict[str, Tensor | list[str]]
"""Names and values, each [N]."""

Need = Literal["members", "targets", "novelty"]
"""What a column needs besides the mixtures."""


@dataclass(frozen=True)
class Prediction:
    """What a model predicts for N rows.

    Attributes:
        mixture: batch shape (N,).
        target_names: names of the D targets.
        members: batch shape (M, N); for columns that need the members of an ensemble.
        targets: observed values; for columns that need them.
        generator: for samples.
        new_inputs: names of the inputs that training never saw so; for columns that need them.
    """

    mixture: Mixture
    target_names: Sequence[str]
    members: Mixture | None = None
    targets: Float[Tensor, "N D"] | None = None
    generator: torch.Generator | None = None
    new_inputs: Sequence[Sequence[str]] | None = None

    @cached_property
    def std_split(self) -> tuple[Float[Tensor, "N D"], Float[Tensor, "N D"]]:
        """Aleatoric and epistemic standard deviations; their squares sum to the variance."""
        assert self.members is not None
        return self.members.std_split()

    def by_target(self, name: str, values: Float[Tensor, "N D"]) -> Columns:
        """Name a column for each target."""
        return {name.format(t): values[:, d] for d, t in enumerate(self.target_names)}

    def by_target_and_number(self, name: str, values: Float[Tensor, "N K D"]) -> Columns:
        """Name a column for each target and each component or sample."""
        return {
            name.format(target, k): values[:, k, d]
            for d, target in enumerate(self.target_names)
            for k in range(values.shape[1])
        }


@dataclass(frozen=True)
class _Learned(Prediction):
    mixture: GaussianMixture


@dataclass(frozen=True)
class ColumnSettings:
    """Which columns to compute, and their parameters.

    Attributes:
        columns: names in `COLUMNS`.
        quantiles: the levels of the column "quantiles".
        interval_level: the probability inside the column "interval".
        samples: the number of samples in the column "samples".

    Raises:
        ValueError: on an unknown name, a number out of range, or a repeated level.
    """

    columns: Sequence[str]
    quantiles: Sequence[float]
    interval_level: float
    samples: int

    def __post_init__(self) -> None:
        unknown = [name for name in self.columns if name not in COLUMNS]
        if unknown or not self.columns:
            raise ValueError(
                f"columns must be some of {', '.join(COLUMNS)}; got {list(self.columns)}"
            )
        levels = [float(level) for level in self.quantiles]
        repeated = sorted({level for level in levels if levels.count(level) > 1})
        if repeated:
            raise ValueError(f"quantiles must differ, got {repeated[0]} more than once")
        check_probabilities([*self.quantiles, self.interval_level])
        if self.samples < 1:
            raise ValueError(f"samples must be at least 1, got {self.samples}")

    def needs(self, need: Need) -> bool:
        """Tell whether any of the columns needs the members, observed targets, or new inputs."""
        return any(COLUMNS[name].needs == need for name in self.columns)

    def compute(self, prediction: Prediction) -> Columns:
        """Return all the columns, in the order of their names in the settings."""
        parts = [COLUMNS[name].compute(prediction, self) for name in self.columns]
        return {name: values for part in parts for name, values in part.items()}


Compute = Callable[[Prediction, ColumnSettings], Columns]


@dataclass(frozen=True)
class Column:
    """How a column is computed, and what it needs besides the mixtures."""

    compute: Compute
    needs: Need | None


COLUMNS: dict[str, Column] = {}
"""The columns that a prediction can have, by their names in a configuration."""


def _column(name: str, needs: Need | None = None) -> Callable[[Compute], Compute]:
    def register(compute: Compute) -> Compute:
        COLUMNS[name] = Column(compute, needs)
        return compute

    return register


@_column("mean")
def _mean(prediction: Prediction, _: ColumnSettings) -> Columns:
    return prediction.by_target("mean_{}", prediction.mixture.mean)


@_column("std")
def _std(prediction: Prediction, _: ColumnSettings) -> Columns:
    return prediction.by_target("std_{}", prediction.mixture.std)


@_column("aleatoric", needs="members")
def _aleatoric(prediction: Prediction, _: ColumnSettings) -> Columns:
    return prediction.by_target("aleatoric_{}", prediction.std_split[0])


@_column("epistemic", needs="members")
def _epistemic(prediction: Prediction, _: ColumnSettings) -> Columns:
    return prediction.by_target("epistemic_{}", prediction.std_split[1])


@_column("median")
def _median(prediction: Prediction, _: ColumnSettings) -> Columns:
    return prediction.by_target("median_{}", prediction.mixture.median)


@_column("quantiles")
def _quantiles(prediction: Prediction, settings: ColumnSettings) -> Columns:
    values = prediction.mixture.quantile(settings.quantiles)
    parts = [
        prediction.by_target(f"quantile_{{}}_{float(level)!r}", value)
        for level, value in zip(settings.quantiles, values, strict=True)
    ]
    return {name: column for part in parts for name, column in part.items()}


@_column("interval")
def _interval(prediction: Prediction, settings: ColumnSettings) -> Columns:
    lower, upper = prediction.mixture.interval(settings.interval_level)
    return prediction.by_target("lower_{}", lower) | prediction.by_target("upper_{}", upper)


@_column("modes")
def _modes(prediction: Prediction, _: ColumnSettings) -> Columns:
    y, log_prob, found = prediction.mixture.modes()  # highest first
    # NaN where a mixture has fewer modes than others.
    log_density = log_prob.where(found, torch.nan)
    return prediction.by_target_and_number("mode_{}_{}", y) | _by_number(
        "mode_log_density_{}", log_density
    )


@_column("most_likely")
def _most_likely(prediction: Prediction, _: ColumnSettings) -> Columns:
    component, mu = prediction.mixture.most_likely()
    return {"component": component} | prediction.by_target("component_mu_{}", mu)


@_column("pi")
def _pi(prediction: Prediction, _: ColumnSettings) -> Columns:
    return _by_number("pi_{}", prediction.mixture.pi)


@_column("mu")
def _mu(prediction: Prediction, _: ColumnSettings) -> Columns:
    learned = _on_learned_scale(prediction.mixture, prediction)
    return learned.by_target_and_number("mu_{}_{}", learned.mixture.mu)


@_column("sigma")
def _sigma(prediction: Prediction, _: ColumnSettings) -> Columns:
    learned = _on_learned_scale(prediction.mixture, prediction)
    return learned.by_target_and_number("sigma_{}_{}", learned.mixture.sigma)


@_column("samples")
def _samples(prediction: Prediction, settings: ColumnSettings) -> Columns:
    drawn = prediction.mixture.sample((settings.samples,), prediction.generator)
    return prediction.by_target_and_number("sample_{}_{}", drawn.movedim(0, 1))


@_column("log_density", needs="targets")
def _log_density(prediction: Prediction, _: ColumnSettings) -> Columns:
    assert prediction.targets is not None
    nats = prediction.mixture.observed_log_prob(prediction.targets)
    without = prediction.targets.isnan().all(-1)
    return {"log_density": nats.masked_fill(without, torch.nan)}


@_column("novelty", needs="novelty")
def _novelty(prediction: Prediction, _: ColumnSettings) -> Columns:
    assert prediction.new_inputs is not None
    return {"novelty": [", ".join(names) for names in prediction.new_inputs]}


@singledispatch
def _on_learned_scale(mixture: GaussianMixture, prediction: Prediction) -> "_Learned":
    """Parameters belong to the scale that a target is learned on, and its name says which."""
    return _Learned(mixture, prediction.target_names)


@_on_learned_scale.register
def _of_transformed(mixture: TransformedMixture, prediction: Prediction) -> "_Learned":
    pairs = zip(mixture.transforms, prediction.target_names, strict=True)
    return _Learned(mixture.base, [transform.label(name) for transform, name in pairs])


def _by_number(name: str, values: Float[Tensor, "N K"]) -> Columns:
    return {name.format(k): column for k, column in enumerate(values.unbind(-1))}
