"""Every question to batches of no mixtures, to odd memory layouts and to copies."""

import copy
import pickle

import pytest
import torch

from mdn.distributions.mixture import GaussianMixture

Y = torch.tensor([0.3, -1.0], dtype=torch.float64)


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


# What is asked, of which the first axis is the batch.
QUESTIONS = {
    "log_prob": lambda m: m.log_prob(Y),
    "component_log_prob": lambda m: m.component_log_prob(Y),
    "log_responsibilities": lambda m: m.log_responsibilities(Y),
    "mean": lambda m: m.mean,
    "std": lambda m: m.std,
    "covariance": lambda m: m.covariance,
    "median": lambda m: m.median,
    "cdf": lambda m: m.cdf(Y),
    "log_cdf": lambda m: m.log_cdf(Y, upper=True),
    "icdf": lambda m: m.icdf(torch.full_like(Y, 0.3)),
    "quantile": lambda m: m.quantile([0.1, 0.7]).movedim(0, 1),
    "interval": lambda m: torch.stack(m.interval(0.9), 1),
    "expected_shortfall": lambda m: m.expected_shortfall(0.1),
    "modes": lambda m: m.modes().y,
    "most_likely": lambda m: m.most_likely()[1],
    "region": lambda m: m.marginal([1]).highest_density_region(0.8).lower,
    "density_threshold": lambda m: m.density_threshold(0.8, 50, generator()),
    "entropy_bounds": lambda m: torch.stack(m.entropy_bounds(), -1),
    "kl_to": lambda m: m.kl_to(m.dispersed(2.0)),
    "marginal": lambda m: m.marginal([1]).mean,
    "condition": lambda m: m.condition([0], Y[:1]).mean,
    "project": lambda m: m.project(Y).mean,
    "dispersed": lambda m: m.dispersed(2.0).std,
    "affine": lambda m: m.affine(Y.abs(), Y).mean,
    "merge": lambda m: m.merge([m.dispersed(2.0)], [0.3, 0.7]).mean,
    "sample": lambda m: m.sample((4,), generator()).movedim(0, 1),
    "sample_with_component": lambda m: m.sample_with_component((4,), generator())[1].mT,
}


def test_no_mixtures_get_no_answers(make_mixture):
    mixture = make_mixture(3, targets=2)
    for name, ask in QUESTIONS.items():
        some, none = ask(mixture), ask(mixture[:0])
        assert (len(some), len(none)) == (3, 0), name
        assert none.dtype == some.dtype


def with_gaps(stored: torch.Tensor) -> torch.Tensor:
    """The same numbers, each with another one beside it in memory."""
    return torch.stack([stored, torch.full_like(stored, torch.nan)], -1)[..., 0]


def rows_last(stored: torch.Tensor) -> torch.Tensor:
    return stored.movedim(0, -1).contiguous().movedim(-1, 0)


def one_row_for_all(stored: torch.Tensor) -> torch.Tensor:
    return stored[:1].expand_as(stored)


@pytest.mark.parametrize("layout", [with_gaps, rows_last, one_row_for_all])
def test_the_layout_in_memory_changes_no_answer(make_mixture, layout):
    mixture = make_mixture(3, targets=2).map(layout)
    plain = mixture.map(lambda stored: stored.clone(memory_format=torch.contiguous_format))
    for ask in QUESTIONS.values():
        answers = ask(mixture), ask(plain)
        torch.testing.assert_close(*answers, rtol=1e-12, atol=1e-12, equal_nan=True)


def pickled(mixture: GaussianMixture) -> GaussianMixture:
    return pickle.loads(pickle.dumps(mixture))


@pytest.mark.parametrize("copied", [copy.deepcopy, pickled])
def test_a_copy_answers_as_the_original_does(make_mixture, copied):
    mixture = make_mixture(3, targets=2)
    again = copied(mixture)
    for ask in QUESTIONS.values():
        torch.testing.assert_close(ask(again), ask(mixture), rtol=0, atol=0, equal_nan=True)


@pytest.mark.parametrize("copied", [copy.deepcopy, pickled])
def test_a_copy_shares_no_memory(make_mixture, copied):
    mixture = make_mixture(3, targets=2)
    before = mixture.mu.clone()
    copied(mixture).mu.add_(1)
    torch.testing.assert_close(mixture.mu, before, rtol=0, atol=0)


@pytest.mark.parametrize("draw", ["sample", "sample_with_component", "rsample"])
def test_samples_repeat_with_their_generator_and_with_the_global_seed(make_mixture, draw):
    mixture = make_mixture(3, components=4, targets=1)

    def drawn(source: torch.Generator | None) -> torch.Tensor:
        found = getattr(mixture, draw)((5,), source)
        return found[0] if isinstance(found, tuple) else found

    torch.testing.assert_close(drawn(generator()), drawn(generator()), rtol=0, atol=0)
    torch.manual_seed(3)
    first = drawn(None)
    torch.manual_seed(3)
    torch.testing.assert_close(drawn(None), first, rtol=0, atol=0)
    assert not torch.equal(drawn(None), first)
    state = torch.get_rng_state()
    drawn(generator())
    assert torch.equal(torch.get_rng_state(), state)
