"""An objective returns the loss and the nll of each row of each member, or is refused by name."""

import pytest
import torch

from mdn.distributions.mixture import GaussianMixture
from mdn.distributions.scale import DiagonalScale
from mdn.fitting.objectives import NLL, Objective

MEMBERS, ROWS = 2, 5


def mixture(*batch):
    mu = torch.randn(*batch, 3, 1, dtype=torch.float64)
    log_pi = torch.full(mu.shape[:-1], 1 / 3, dtype=torch.float64).log()
    return GaussianMixture(log_pi, mu, DiagonalScale(torch.ones_like(mu), 1))


def made(answer):
    class Own(Objective):
        def loss(self, mixture, y):
            return answer(-mixture.log_prob(y))

    return Own()


Y = torch.randn(ROWS, 1, dtype=torch.float64)
NO_PAIRS = {
    "one tensor": (lambda nll: nll, r"got one tensor \[2, 5\]"),
    "a list": (lambda nll: [nll, nll], "got a list"),
    "three": (lambda nll: (nll, nll, nll), r"got a tuple of \['Tensor', 'Tensor', 'Tensor'\]"),
    "a number": (lambda nll: (nll, 0.0), r"got a tuple of \['Tensor', 'float'\]"),
}
OTHER_SHAPES = {
    "a mean": (lambda nll: (nll.mean(), nll), r"\[2, 5\], got \[\] and \[2, 5\]; do not average"),
    "means": (lambda nll: (nll.mean(1, keepdim=True), nll), r"got \[2, 1\] and \[2, 5\]"),
    "a mean nll": (lambda nll: (nll, nll.mean()), r"got \[2, 5\] and \[\]"),
    "the pool": (lambda nll: (nll.mean(0), nll.mean(0)), r"got \[5\] and \[5\]"),
}


@pytest.mark.parametrize("case", NO_PAIRS)
def test_what_is_no_pair_of_tensors_is_refused(case):
    answer, message = NO_PAIRS[case]
    with pytest.raises(TypeError, match=rf"Own.loss must return a tuple \(loss, nll\).*{message}"):
        made(answer)(mixture(MEMBERS, ROWS), Y)


@pytest.mark.parametrize("case", OTHER_SHAPES)
def test_what_is_not_one_number_a_row_is_refused(case):
    answer, message = OTHER_SHAPES[case]
    with pytest.raises(ValueError, match=f"Own.loss must return .*{message}"):
        made(answer)(mixture(MEMBERS, ROWS), Y)


@pytest.mark.parametrize(("batch", "shape"), [((2, 5), (2, 5)), ((2, 1), (2, 5)), ((), (5,))])
def test_one_mixture_may_stand_for_many_rows(batch, shape):
    loss, nll = NLL()(mixture(*batch), Y)
    assert loss.shape == nll.shape == shape
