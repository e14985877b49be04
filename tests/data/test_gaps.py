"""Problems with gaps: the best that can be said of what is left."""

import pytest
import torch

from mdn.data.seeds import generator
from mdn.data.synthetic import Heteroscedastic, InverseProblem, IrrelevantInputs, RobotArm, WithGaps
from mdn.data.synthetic.problem import IndependentMixtureProblem
from mdn.training.synthetic_data import SyntheticData

NAN = torch.nan


def gap(*x):
    return torch.tensor([x], dtype=torch.float64)


def test_rows_are_those_of_the_problem_with_some_cells_removed():
    whole, y = IrrelevantInputs().sample(1000, generator("test"))
    x, same = WithGaps(IrrelevantInputs(), 0.2).sample(1000, generator("test"))
    assert torch.equal(same, y)
    assert torch.equal(x.nan_to_num(), whole.masked_fill(x.isnan(), 0.0))
    assert x.isnan().double().mean().item() == pytest.approx(0.2, abs=0.01)


def test_rows_without_gaps_have_the_density_of_the_problem():
    x, y = Heteroscedastic().sample(50, generator("test"))
    expected = Heteroscedastic().log_prob(x, y)
    assert torch.equal(WithGaps(Heteroscedastic(), 0.5).log_prob(x, y), expected)


@pytest.mark.parametrize("y", [-2.0, 0.5, 4.0])
def test_without_its_input_the_density_is_the_mean_over_the_input(y):
    x = torch.linspace(0, 9, 20_001, dtype=torch.float64)[:, None]
    weight = (2 / torch.pi) ** 0.5 * (-x.square() / 2).exp().squeeze(-1) * (9 / 20_000)
    target = torch.full_like(x, y)
    exact = (weight * Heteroscedastic().log_prob(x, target).exp()).sum().log().item()
    left = WithGaps(Heteroscedastic(), 0.2).log_prob(gap(NAN), gap(y)).item()
    assert left == pytest.approx(exact, abs=0.05)


def test_an_input_that_says_nothing_is_not_missed():
    problem = IrrelevantInputs()
    x, y = problem.sample(30, generator("test"))
    left = WithGaps(problem, 0.2).log_prob(x.index_fill(1, torch.tensor([7]), NAN), y)
    assert torch.allclose(left, problem.log_prob(x, y))


def test_what_no_draw_can_be_has_no_density():
    assert WithGaps(InverseProblem(), 0.2).log_prob(gap(NAN), gap(2.0)).item() == -torch.inf


class Dependent(IndependentMixtureProblem):
    input_names = ("a", "b")

    def inputs(self, rows, generator):
        return torch.randn(rows, 1, generator=generator, dtype=torch.float64).expand(-1, 2)

    def conditional(self, x):
        return Heteroscedastic().conditional(x[:, :1].abs())


@pytest.mark.parametrize("problem", [Dependent(), RobotArm()])
def test_where_inputs_may_depend_on_each_other_nothing_is_claimed(problem):
    x, y = problem.sample(3, generator("test"))
    assert WithGaps(problem, 0.2).log_prob(x, y) is None


def test_data_with_gaps_are_drawn_from_the_problem_with_gaps():
    data = SyntheticData(IrrelevantInputs(), 100, 10, 10, missing=0.2)
    assert all(kind.missing for kind in data.kinds)
    assert isinstance(data.problem, WithGaps)
    with pytest.raises(ValueError, match="missing must be a number from 0 to 1"):
        SyntheticData(IrrelevantInputs(), missing=1.5)
