"""A Gaussian mixture as a scikit-learn estimator."""

import warnings
from collections.abc import Callable
from dataclasses import replace
from typing import no_type_check

import torch
from jaxtyping import Float
from numpy.random import RandomState
from numpy.typing import ArrayLike
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import Tags, check_random_state
from torch import Tensor

from mdn.distributions.checks import check_fits
from mdn.distributions.families import Family
from mdn.distributions.mixture import GaussianMixture
from mdn.estimators.fitted_mixture import FittedMixture, Rows, checked_weight
from mdn.estimators.floor_warning import warn_of_floor
from mdn.estimators.gradient import fit_gradient
from mdn.estimators.layouts import LAYOUTS, Layout, layout
from mdn.estimators.rescaling import check_reach, log_det_of_observed, standardizer_of
from mdn.estimators.validation import (
    check_choice,
    check_covariances,
    check_flag,
    check_scale,
    check_tolerance,
    check_whole,
    means_to_start_from,
    weights_to_start_from,
)
from mdn.fitting.em import MixtureFit, check_mixture_fits, fit_em
from mdn.fitting.start import STARTS, start_at
from mdn.networks.standardize import Standardizer
from mdn.networks.units import effective_rows


def _fit_em(
    y: Float[Tensor, "N D"],
    family: Family,
    weight: Float[Tensor, " N"],
    start: GaussianMixture,
    max_iter: int,
    tol: float,
) -> MixtureFit:
    return fit_em(
        y, start.num_components, family, weight=weight, start=start, max_iter=max_iter, tol=tol
    )


METHODS: dict[str, Callable[..., MixtureFit]] = {"em": _fit_em, "gradient": fit_gradient}

_FEW = 20
"""Fewer effective rows than this are warned of where there are ten times as many rows."""


class GMM(FittedMixture):
    """A Gaussian mixture fitted to rows, by exact EM or by gradient descent.

    Fitting works on standardized rows, so it does not depend on the units, nor do a few absurd
    values decide them: it says which there are. All attributes and
    answers are in the units of X, log densities in nats a row. For method "em", NaN in X is a
    missing entry: a row counts by the density of what is observed of it.

    Args:
        num_components: K.
        family: "full", "tied", "diagonal", "isotropic", "shared_isotropic" or "constant"; the
            last takes its one variance from `covariances_init` and keeps it.
        method: "em" or "gradient".
        means_init: means to start from, [K, D]; the other two then default to equal weights and
            the covariance of X.
        weights_init: weights to start from, [K].
        covariances_init: covariances to start from, shaped like `covariances_` or [K, D, D].
        init: "k-means", "k-means++" or "random" (rows), where nothing is given.
        n_init: starts; the likeliest fit is kept. Just one is made from `means_init` or, with
            `warm_start`, from the last fit.
        max_iter: EM updates or gradient steps at most.
        tol: stop when the mean log likelihood rises by less; in nats.
        min_scale: the smallest standard deviation, in units of the standardized columns.
        random_state: of starts and samples.
        warm_start: go on from the last fit, which must have as many components and columns.

    Attributes:
        weights_: [K].
        means_: [K, D].
        covariances_: [K, D, D] full, [D, D] tied, [K, D] diagonal, [K] isotropic, else a number.
        mixture_: the same as a `GaussianMixture`, with all its answers, and with the names of the
            columns where X is a frame.
        lower_bound_: mean log likelihood before the last update.
        lower_bounds_: before each update.
        n_iter_: updates made.
        converged_: whether it stopped because the likelihood did not rise any more.
        revivals_: how often each component had lost all its rows and was put to use elsewhere.
        n_features_in_: D.
    """

    @no_type_check  # scikit-learn wants constructors that take anything; fit checks
    def __init__(
        self,
        num_components: int = 1,
        family: str = "full",
        method: str = "em",
        means_init: ArrayLike | None = None,
        weights_init: ArrayLike | None = None,
        covariances_init: ArrayLike | None = None,
        init: str = "k-means",
        n_init: int = 1,
        max_iter: int = 1000,
        tol: float = 1e-6,
        min_scale: float = 1e-3,
        random_state: int | RandomState | None = None,
        warm_start: bool = False,
    ) -> None:
        self.num_components = num_components
        self.family = family
        self.method = method
        self.means_init = means_init
        self.weights_init = weights_init
        self.covariances_init = covariances_init
        self.init = init
        self.n_init = n_init
        self.max_iter = max_iter
        self.tol = tol
        self.min_scale = min_scale
        self.random_state = random_state
        self.warm_start = warm_start

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = self.method == "em"
        return tags

    def fit(self, X: Rows, y: object = None, sample_weight: ArrayLike | None = None) -> "GMM":
        """Fit to rows X [N, D].

        Raises:
            ValueError: on parameters out of range, and on rows that no mixture can be fitted to.
        """
        self._check_parameters()
        kind = layout(self.family)
        rows, weight = self._checked_rows(X, sample_weight)
        units = self._standardizer(rows, weight, kind)
        z = units(rows, torch.float64)
        self._check_memory(z.shape[-1])
        covariance = self._initial_covariance(kind, units)
        family = kind.build(float(self.min_scale), covariance)
        fits = [
            METHODS[self.method](z, family, weight, start, int(self.max_iter), float(self.tol))
            for start in self._starts(z, weight, family, units, covariance)
        ]
        best = max(fits, key=lambda fit: fit.lower_bounds[-1])
        if family.num_parameters(*best.mixture.mu.shape):
            warn_of_floor(best.mixture, z, family.floor, self._names(z))
        self._keep(best, family, units, kind, log_det_of_observed(units, rows, weight))
        return self

    def _check_parameters(self) -> None:
        for name in ("num_components", "n_init", "max_iter"):
            check_whole(name, getattr(self, name))
        check_choice("family", self.family, LAYOUTS)
        check_choice("method", self.method, METHODS)
        check_choice("init", self.init, STARTS)
        check_tolerance("tol", self.tol)
        check_scale("min_scale", self.min_scale)
        check_flag("warm_start", self.warm_start)

    def _standardizer(
        self, rows: Float[Tensor, "N D"], weight: Float[Tensor, " N"], kind: Layout
    ) -> Standardizer:
        one, floor = not kind.survives_units, float(self.min_scale)
        return standardizer_of(rows, weight, one, floor, self._names(rows))

    def _names(self, rows: Float[Tensor, "N D"]) -> list[str]:
        default = [f"column {column} of X" for column in range(rows.shape[-1])]
        return [str(name) for name in getattr(self, "feature_names_in_", default)]

    def _target_names(self) -> tuple[str, ...] | None:
        """Names of the columns of a frame, where they tell them apart."""
        names = tuple(str(name) for name in getattr(self, "feature_names_in_", ()))
        return names if names and len({*names}) == len(names) else None

    def _check_memory(self, num_targets: int) -> None:
        components, starts = int(self.num_components), int(self.n_init)
        check_mixture_fits(components, num_targets)
        check_fits(8.0 * starts * components * num_targets**2, f"n_init={starts} starts")

    def _checked_rows(self, X: Rows, sample_weight: ArrayLike | None) -> tuple[Tensor, Tensor]:
        rows = torch.from_numpy(self._checked(X, reset=True, min_samples=2))
        weight = checked_weight(sample_weight, rows)
        counted = weight > 0
        if not counted.all():
            rows, weight = rows[counted], weight[counted]
        if len(rows) < 2:
            raise ValueError(f"fit needs at least 2 rows of positive weight, got {len(rows)}")
        _warn_of_uneven(weight)
        return rows, weight

    def _initial_covariance(
        self, kind: Layout, units: Standardizer
    ) -> Float[Tensor, "K D D"] | None:
        """`covariances_init`, standardized."""
        if self.covariances_init is None:
            return None
        shape = int(self.num_components), len(units.shift)
        covariance = torch.from_numpy(kind.dense(self.covariances_init, *shape).copy())
        check_covariances(covariance)
        return covariance / units.factor[:, None] / units.factor

    def _starts(
        self,
        z: Float[Tensor, "N D"],
        weight: Float[Tensor, " N"],
        family: Family,
        units: Standardizer,
        covariance: Float[Tensor, "K D D"] | None,
    ) -> list[GaussianMixture]:
        if self.warm_start and hasattr(self, "mixture_"):
            return [units.standardize(self._last_mixture(z.shape[-1]))]
        if self.means_init is not None:
            mu = means_to_start_from(self.means_init, (int(self.num_components), z.shape[-1]))
            mu = units(mu, torch.float64)
            check_reach(mu, ["means_init"] * z.shape[-1], "give means near the rows")
            starts = [start_at(mu, z, family, weight)]
        else:
            seeds = check_random_state(self.random_state).randint(2**31 - 1, size=self.n_init)
            start, components = STARTS[self.init], int(self.num_components)
            starts = [start(z, components, family, weight, int(seed)) for seed in seeds]
        return [self._with_initial(mixture, family, covariance) for mixture in starts]

    def _last_mixture(self, num_targets: int) -> GaussianMixture:
        last, needed = tuple(self.mixture_.mu.shape), (self.num_components, num_targets)
        if last != needed:
            raise ValueError(
                f"warm_start goes on from means of shape {last}, but num_components and X ask for "
                f"{needed}; set warm_start=False"
            )
        return self.mixture_

    def _with_initial(
        self, mixture: GaussianMixture, family: Family, covariance: Float[Tensor, "K D D"] | None
    ) -> GaussianMixture:
        log_pi, scale = mixture.log_pi, mixture.scale
        if self.weights_init is not None:
            log_pi = weights_to_start_from(self.weights_init, int(self.num_components)).log()
        if covariance is not None:
            scale = family.project(covariance, log_pi.exp())
        return GaussianMixture(log_pi, mixture.mu, scale)

    def _keep(
        self, fit: MixtureFit, family: Family, units: Standardizer, kind: Layout, log_det: float
    ) -> None:
        mixture = replace(units.restore(fit.mixture), target_names=self._target_names())
        shape = mixture.num_components, mixture.num_targets
        covariance = mixture.scale.covariance().expand(*shape, -1)
        self.mixture_ = mixture
        self.weights_ = mixture.pi.numpy()
        self.means_ = mixture.mu.numpy().copy()
        self.covariances_ = kind.compact(covariance.numpy()).copy()
        self.num_parameters_ = shape[0] * (1 + shape[1]) - 1 + family.num_parameters(*shape)
        self.lower_bounds_ = [bound - log_det for bound in fit.lower_bounds]
        self.lower_bound_ = self.lower_bounds_[-1]
        self.n_iter_ = fit.num_iterations
        self.converged_ = fit.converged
        self.revivals_ = fit.revivals
        if not fit.converged:
            warnings.warn(
                f"the likelihood still rises after {fit.num_iterations} iterations; "
                "raise max_iter or tol",
                ConvergenceWarning,
                stacklevel=3,
            )


def _warn_of_uneven(weight: Float[Tensor, " N"]) -> None:
    rows = effective_rows(weight)
    if rows < min(_FEW, len(weight) / 10):
        warnings.warn(
            f"the weights of the {len(weight)} rows are so uneven that they tell as much as "
            f"{rows:.1f} rows of equal weight; check sample_weight",
            stacklevel=4,
        )
