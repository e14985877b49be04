"""The likelihood that every run reports, against Lightning's loop and the density itself."""

from dataclasses import asdict
from pathlib import Path

import pytest
import torch
import yaml
from small_runs import make_module, make_table, quiet_trainer

from mdn.data.batches import Batches
from mdn.fitting.singularity import Thresholds
from mdn.report.basic_scores import basic_scores, likelihood

CONF = Path(__file__).parents[2] / "conf"


def started(members, table):
    module = make_module(ensemble_size=members)
    module.start(table)
    return module.eval()


@pytest.mark.parametrize("members", [1, 3])
@pytest.mark.parametrize("weighted", [False, True])
def test_a_plain_loop_scores_as_the_trainer_does(members, weighted):
    weight = torch.arange(90, dtype=torch.float64) % 4 if weighted else None
    table = make_table(weight=weight)
    module = started(members, table)
    (tested,) = quiet_trainer().test(module, Batches(table.tensors, 1000), verbose=False)
    found = likelihood(module.model, table)
    assert found == {key: pytest.approx(value, rel=1e-12) for key, value in tested.items()}
    log_prob = module(table.x).log_prob(table.y).detach()
    mean = log_prob.mean() if weight is None else (weight * log_prob).sum() / weight.sum()
    assert found["test/nll"] == pytest.approx(-mean.item(), abs=1e-5)


def test_scores_leave_the_modes_of_a_model_as_they_were():
    table = make_table()
    model = started(1, table).model.train()
    scores = basic_scores(model, table)
    assert model.training
    names = "nll", "nll_standardized", "marginal_nll", "components_alive"
    assert scores.keys() == {f"test/{name}" for name in names}


def test_components_are_counted_by_the_thresholds_of_the_default_reset():
    shown = yaml.safe_load((CONF / "callbacks" / "singularity_reset.yaml").read_text())
    thresholds = shown["singularity_reset"]["thresholds"]
    assert thresholds == {"_target_": "mdn.fitting.singularity.Thresholds"} | asdict(Thresholds())
