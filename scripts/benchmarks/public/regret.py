"""Synthetic problems whose density is known: how many nats a row a model loses to it."""

import torch

from benchmarks.public.collection import Collection
from benchmarks.public.split import Split
from mdn.data import synthetic
from mdn.data.synthetic import Problem
from mdn.training.synthetic_data import SyntheticData

PROBLEMS: dict[str, type[Problem]] = {
    "inverse_sinusoid": synthetic.InverseSinusoid,
    "inverse_problem": synthetic.InverseProblem,
    "heteroscedastic": synthetic.Heteroscedastic,
    "jumps": synthetic.Jumps,
    "skew_normal": synthetic.SkewNormal,
    "two_branches": synthetic.TwoBranches,
    "tight_minority": synthetic.TightMinority,
    "tight_region": synthetic.TightRegion,
    "circle_of_modes": synthetic.CircleOfModes,
}
"""Problems with a density to compare with."""

_ROWS = {"circle_of_modes": 10_000}
_USUAL_ROWS, _TEST_ROWS, _SEEDS = 1000, 10_000, 20


class Regret(Collection):
    """The problems; a split is a seed of the draws."""

    figure = "excess NLL"

    def names(self) -> list[str]:
        return list(PROBLEMS)

    def num_splits(self, name: str) -> int:
        return _SEEDS

    def split(self, name: str, number: int) -> Split:
        problem = PROBLEMS[name]()
        rows = _ROWS.get(name, _USUAL_ROWS)
        data = SyntheticData(problem, rows, 1, _TEST_ROWS, seed=number)
        train, test = data.tables["train"].sample, data.tables["test"].sample
        steps = torch.zeros(len(test.target_names), dtype=torch.float64)
        truth = problem.log_prob(test.x, test.y)
        return Split(train, test, steps, number, truth)
