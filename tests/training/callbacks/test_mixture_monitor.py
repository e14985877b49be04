import math

import pytest
import torch
from scipy import stats

from mdn.distributions.mixture import GaussianMixture
from mdn.distributions.scale import DiagonalScale
from mdn.training.callbacks.mixture_monitor import MixtureMonitor, describe

F64 = torch.float64


def test_the_numbers_are_those_of_a_mixture_known_by_hand():
    pi = torch.tensor([[0.5, 0.5, 1e-300], [1.0, 1e-300, 1e-300]], dtype=F64)
    scale = DiagonalScale(torch.tensor([[[0.5], [2.0], [3.0]]], dtype=F64).expand(2, 3, 1), 1)
    mixtures = GaussianMixture(pi.log(), torch.zeros(2, 3, 1, dtype=F64), scale)
    numbers = describe(mixtures, torch.tensor([[0.0], [1.0]], dtype=F64))
    entropy = -(0.75 * math.log(0.75) + 0.25 * math.log(0.25))
    assert numbers == pytest.approx(
        {
            "effective_components": math.exp(entropy),
            "effective_components_per_row": 1.5,
            "smallest_scale": 0.5,
            "worst_nll": -stats.norm.logpdf(1, scale=0.5),
            "worst_row": 1,
            "weight/0": 0.75,
            "weight/1": 0.25,
            "weight/2": 0.0,
        },
        abs=1e-12,
    )


def test_a_run_logs_what_the_model_says_of_its_validation_rows(fit, data, scalars):
    module = fit([MixtureMonitor(every_n_epochs=2, rows=64)], max_epochs=4).module
    table, logged = data.tables["val"], scalars()
    with torch.no_grad():
        mixtures = module(table.x)
    nll = -mixtures.log_prob(table.y)
    assert len(logged["mixture/worst_nll"]) == 2
    assert logged["mixture/worst_nll"][-1] == pytest.approx(nll.max().item(), rel=1e-5)
    assert logged["mixture/worst_row"][-1] == nll.argmax().item()
    weights = [logged[f"mixture/weight/{k}"][-1] for k in range(3)]
    assert weights == pytest.approx(mixtures.pi.mean(0).tolist(), rel=1e-5)
    smallest = (mixtures.sigma / module.model.targets.factor).min().item()
    assert logged["mixture/smallest_scale"][-1] == pytest.approx(smallest, rel=1e-5)


def test_few_rows_are_spread_over_the_table_and_keep_their_numbers(fit, data, scalars):
    data.tables["val"].y[63] = 1e3
    fit([MixtureMonitor(every_n_epochs=1, rows=2)], max_epochs=1)
    assert scalars()["mixture/worst_row"] == [63]


def test_no_rows_are_refused():
    with pytest.raises(ValueError, match="rows must be a whole number of at least 1, got 0"):
        MixtureMonitor(every_n_epochs=1, rows=0)
