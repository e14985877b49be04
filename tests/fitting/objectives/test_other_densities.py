"""Heads that answer with another density are refused by the first step of training."""

import pytest
import torch

from mdn.fitting.objectives import NLL, BetaNLL, NaturalGradientEM, NLLWithCRPS


class StudentMixture:
    """Just what a likelihood needs of a mixture."""

    def log_prob(self, y):
        return torch.distributions.StudentT(4.0).log_prob(y).sum(-1)


@pytest.mark.parametrize(
    "objective", [NLL(), NLLWithCRPS(0.1, 4), NaturalGradientEM(1.0), BetaNLL(0.5)]
)
def test_another_density_is_refused_in_one_sentence(objective):
    with pytest.raises(TypeError, match="the head answers with a StudentMixture, and units"):
        objective(StudentMixture(), torch.zeros(3, 1))
