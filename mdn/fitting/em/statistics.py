"""Sufficient statistics of the M-step: sums that add over batches and processes.

With r_nk the responsibility of component k for row n, times the row's weight, and c_k a point to
measure from,

    mass_k = sum_n r_nk    first_k = sum_n r_nk (y_n - c_k)
    second_k = sum_n r_nk (y_n - c_k)(y_n - c_k)'

A sum does not depend on how the rows are cut or ordered, so neither does the fit. The point c_k is
near the component: E[y y'] - E[y] E[y]' about a far origin has no digits left.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Statistics:
    """Sufficient statistics of some rows under one mixture; those of all rows are their sum.

    Attributes:
        mass: rows that fell to each component.
        first: their moments about `about`.
        second: their second moments about `about`; zero where the family does not need them.
        log_likelihood: sum over rows.
        weight: sum over rows that have anything observed.
        about: a function of the mixture alone, so the same in every summand.
    """

    mass: Float[Tensor, " K"]
    first: Float[Tensor, "K D"]
    second: Float[Tensor, "K D D"]
    log_likelihood: Float[Tensor, ""]
    weight: Float[Tensor, ""]
    about: Float[Tensor, "K D"]

    @property
    def mean_log_likelihood(self) -> float:
        """The mean log likelihood, in nats a row."""
        return float(self.log_likelihood / self.weight)

    def __add__(self, other: "Statistics") -> "Statistics":
        pairs = zip(self._sums, other._sums, strict=True)
        return self._with([mine + theirs for mine, theirs in pairs])

    def reduce(self, total: Callable[[Tensor], Tensor]) -> "Statistics":
        """Sum over processes, given how to sum one tensor over them; it is called once."""
        return self.of_flat(total(self.flat()), self.about)

    def flat(self) -> Float[Tensor, " sums"]:
        """Return all sums in one tensor."""
        return torch.cat([part.flatten() for part in self._sums])

    @classmethod
    def of_flat(cls, flat: Float[Tensor, " sums"], about: Float[Tensor, "K D"]) -> "Statistics":
        """Return the statistics whose `flat` and `about` these are."""
        count, targets = about.shape
        shapes = [(count,), (count, targets), (count, targets, targets), (), ()]
        parts = flat.split([math.prod(shape) for shape in shapes])
        mass, first, second, log_likelihood, weight = (
            part.reshape(shape) for part, shape in zip(parts, shapes, strict=True)
        )
        return cls(mass, first, second, log_likelihood, weight, about)

    def moved(self, about: Float[Tensor, "K D"]) -> "Statistics":
        """Return the same statistics measured from other points."""
        step = self.about - about
        cross = self.first[:, :, None] * step[:, None, :]
        shift = self.mass[:, None, None] * step[:, :, None] * step[:, None, :]
        first = self.first + self.mass[:, None] * step
        second = self.second + cross + cross.mT + shift
        return Statistics(self.mass, first, second, self.log_likelihood, self.weight, about)

    @property
    def _sums(self) -> list[Tensor]:
        return [self.mass, self.first, self.second, self.log_likelihood, self.weight]

    def _with(self, sums: list[Tensor]) -> "Statistics":
        mass, first, second, log_likelihood, weight = sums
        return Statistics(mass, first, second, log_likelihood, weight, self.about)
