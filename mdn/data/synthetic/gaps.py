"""Problems of which some inputs are missing, and the best that can be said of what is left.

Where cells are removed at random, whatever they hold, the density of y given the inputs that are
left is the mean of the density of y given all inputs over the law of those that are gone,

    p(y given x_left) = E[p(y given x_left, x_gone)] over x_gone given x_left.

Where the inputs are independent, or there is one, x_gone has the same law whatever is left, and the
mean is taken over draws from it. The logarithm of a mean of S draws is too small by a multiple of
1 / S; twice the logarithm of the mean of all less the average of those of the halves is not
(Quenouille 1956). What is left of the error is that of the draws, which all rows share.
"""

import math

import torch
from jaxtyping import Float64
from torch import Tensor

from mdn.data.seeds import generator
from mdn.data.synthetic.problem import Problem, Rows
from mdn.distributions.checks import check_fraction

_DRAWS = 1024
_ROWS_AT_ONCE = 64


class WithGaps(Problem):
    """A problem with a share of the cells of its inputs removed at random.

    Its density is known where that of the problem is and the inputs are independent.

    Args:
        problem: without gaps; it draws the same rows here.
        missing: the share of cells to remove.

    Raises:
        ValueError: on a share that is none.
    """

    def __init__(self, problem: Problem, missing: float) -> None:
        check_fraction("missing", missing)
        self.problem = problem
        self.missing = missing
        self.input_names, self.target_names = problem.input_names, problem.target_names

    def sample(self, rows: int, generator: torch.Generator) -> Rows:
        x, y = self.problem.sample(rows, generator)
        gone = torch.rand(x.shape, generator=generator, dtype=x.dtype) < self.missing
        return x.masked_fill(gone, torch.nan), y

    def log_prob(
        self, x: Float64[Tensor, "N P"], y: Float64[Tensor, "N D"]
    ) -> Float64[Tensor, " N"] | None:
        if len(self.input_names) > 1 and not self.problem.has_independent_inputs:
            return None
        gaps = x.isnan().any(-1)
        whole = self.problem.log_prob(x[~gaps], y[~gaps])
        if whole is None:
            return None
        law, _ = self.problem.sample(_DRAWS, generator("law of the inputs"))
        log_prob = whole.new_empty(len(x))
        log_prob[~gaps] = whole
        parts = zip(x[gaps].split(_ROWS_AT_ONCE), y[gaps].split(_ROWS_AT_ONCE), strict=True)
        log_prob[gaps] = torch.cat([whole[:0], *(self._mean_over(law, *part) for part in parts)])
        return log_prob

    def _mean_over(
        self, law: Float64[Tensor, "S P"], x: Float64[Tensor, "n P"], y: Float64[Tensor, "n D"]
    ) -> Float64[Tensor, " n"]:
        filled = torch.where(x.isnan()[:, None], law, x[:, None])
        repeated = y[:, None].expand(-1, len(law), -1)
        each = self.problem.log_prob(filled.flatten(0, 1), repeated.flatten(0, 1))
        assert each is not None
        of_halves = each.view(len(x), 2, len(law) // 2).logsumexp(-1) - math.log(len(law) / 2)
        of_all = of_halves.logsumexp(-1) - math.log(2)
        corrected = 2 * of_all - of_halves.mean(-1)
        return torch.where(corrected.isfinite(), corrected, of_all)
