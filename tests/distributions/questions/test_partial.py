"""Rows with missing targets, against the marginal mixtures of the targets that they have."""

import pytest
import torch

from mdn.distributions.mixture import GaussianMixture
from mdn.distributions.scale import CovarianceFactor

ROWS = 40
NAN = torch.nan


def with_gaps(*shape):
    y = torch.randn(*shape, dtype=torch.float64)
    y[torch.rand(*shape) < 0.4] = NAN
    y[..., 0, :] = NAN
    return y


def by_marginal(mixtures: GaussianMixture, y):
    """Of each row on its own, from the mixture of the targets that it has."""
    answers = []
    for mixture, row in zip(mixtures, y, strict=True):
        there = (~row.isnan()).nonzero().squeeze(-1).tolist()
        zero = mixture.log_pi.new_zeros(())
        answers.append(mixture.marginal(there).log_prob(row[there]) if there else zero)
    return torch.stack(answers)


@pytest.mark.parametrize("targets", [1, 2, 5])
def test_a_row_counts_by_the_marginal_of_its_targets(make_mixture, targets):
    mixtures, y = make_mixture(ROWS, targets=targets), with_gaps(ROWS, targets)
    torch.testing.assert_close(mixtures.observed_log_prob(y), by_marginal(mixtures, y))


def test_members_and_shared_mixtures_broadcast(make_mixture):
    y = with_gaps(ROWS, 3)
    members = make_mixture(2, 1, targets=3)
    answers = members.observed_log_prob(y)
    for i in range(2):
        torch.testing.assert_close(answers[i], by_marginal(members[i].expand(ROWS), y))


def test_complete_rows_are_answered_as_by_log_prob(make_mixture):
    mixtures, y = make_mixture(ROWS, targets=3), torch.randn(ROWS, 3, dtype=torch.float64)
    assert torch.equal(mixtures.observed_log_prob(y), mixtures.log_prob(y))


def test_log_prob_does_not_leave_targets_out_in_silence(make_mixture):
    mixtures, y = make_mixture(ROWS, targets=3), with_gaps(ROWS, 3)
    assert torch.equal(mixtures.log_prob(y).isnan(), y.isnan().any(-1))


def test_gradients_are_those_of_the_marginals(family):
    raw = torch.randn(ROWS, *family.raw_shape(3, 4), dtype=torch.float64, requires_grad=True)
    mu = torch.randn(ROWS, 3, 4, dtype=torch.float64, requires_grad=True)
    logits = torch.randn(ROWS, 3, dtype=torch.float64, requires_grad=True)
    y = with_gaps(ROWS, 4)

    def gradients(ask):
        mixture = GaussianMixture(logits.log_softmax(-1), mu, family.scale(raw, 4))
        total = ask(mixture, y).sum()
        return torch.autograd.grad(total, (raw, mu, logits), materialize_grads=True)

    found, wanted = gradients(GaussianMixture.observed_log_prob), gradients(by_marginal)
    torch.testing.assert_close(found, wanted)


def test_nearly_singular_factors_keep_their_digits():
    mixture = _ill_conditioned(1e-9)
    y = torch.tensor([[0.0, NAN, 1e-9], [NAN, 0.5, 0.5 + 1e-9]], dtype=torch.float64)
    mixtures = mixture.expand(2)
    torch.testing.assert_close(mixtures.observed_log_prob(y), by_marginal(mixtures, y))


def _ill_conditioned(small: float) -> GaussianMixture:
    tril = torch.tensor([[1.0, 0, 0], [1, small, 0], [1, small, small]], dtype=torch.float64)
    mu = torch.zeros(1, 3, dtype=torch.float64)
    return GaussianMixture(mu.new_zeros(1), mu, CovarianceFactor.from_tril(tril[None]))


def test_responsibilities_are_those_of_the_targets_present(make_mixture):
    mixtures, y = make_mixture(ROWS, targets=3), with_gaps(ROWS, 3)
    found = mixtures.observed_log_responsibilities(y)
    torch.testing.assert_close(found[0], mixtures.log_pi[0])
    for i in range(1, ROWS):
        there = (~y[i].isnan()).nonzero().squeeze(-1).tolist()
        if there:
            wanted = mixtures[i].marginal(there).log_responsibilities(y[i, there])
            torch.testing.assert_close(found[i], wanted)
