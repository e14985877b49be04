"""Maximum likelihood as an objective."""

import torch
from leaves import gradients

from mdn.fitting.objectives import NLL


def test_it_is_the_likelihood_and_its_gradient(make_mixture):
    mixture, y = make_mixture(5), torch.randn(5, 2, dtype=torch.float64)
    loss, nll = NLL()(mixture.map(torch.Tensor.requires_grad_), y)
    torch.testing.assert_close(loss, -mixture.as_distribution().log_prob(y))
    torch.testing.assert_close(nll, loss.detach())
    assert not nll.requires_grad
    found = gradients(lambda m: NLL()(m, y)[0], mixture)
    wanted = gradients(lambda m: -m.as_distribution().log_prob(y), mixture)
    torch.testing.assert_close(found[1:], wanted[1:])
