"""Training on rows that lack some of their targets."""

import json
import math

import pandas as pd
import pytest
import torch

from mdn.data.table import Table
from mdn.fitting.missing_targets import filled, gaussian_of
from mdn.fitting.objectives import BetaNLL, NLLWithCRPS
from mdn.networks.kinds import numbers
from mdn.report.basic_scores import basic_scores
from mdn.report.evaluation import score
from mdn.training.fit import fit
from mdn.training.module import MDNModule
from mdn.training.recipe import Recipe

SMALL = {"max_epochs": 3, "ensemble_size": 2, "backbone.width": 16}
UNITS = torch.tensor([1.0, 100.0, 0.01], dtype=torch.float64)


def rows(count: int = 200, share: float = 0.3) -> Table:
    x = torch.randn(count, 2, dtype=torch.float64)
    y = x[:, :1] + torch.randn(count, 3, dtype=torch.float64).cumsum(-1)
    gaps = torch.rand(count, 3) < share
    gaps[:, 0] &= ~gaps[:, 1:].all(-1)  # a row has one target at least
    return Table.from_arrays(x, torch.where(gaps, torch.nan, UNITS * y))


def test_rows_without_any_target_are_counted_before_training():
    table = rows()
    table.y[:5] = torch.nan
    with pytest.warns(UserWarning, match="rows left out: 5 without any target"):
        fit({**SMALL, "max_epochs": 1}, table)


def test_scores_are_of_the_targets_present():
    table = rows()
    model = fit(SMALL, table)
    metrics = score(model, table).metrics
    with torch.no_grad():
        nll = -model(table.x).observed_log_prob(table.y).mean().item()
    assert metrics["test/nll"] == pytest.approx(nll, abs=1e-4)
    assert metrics["test/nll_bits"] == pytest.approx(nll / math.log(2), abs=1e-4)
    assert all(math.isfinite(value) for value in metrics.values())
    there = (~table.y[:, 1].isnan()).nonzero().squeeze(-1)
    mixture = model.predict(table.x[there]).marginal("y1")
    wanted = -mixture.log_prob(table.y[there, 1]).mean().item()
    assert metrics["test/nll/y1"] == pytest.approx(wanted)


def test_the_loss_is_the_mean_of_the_targets_present(family):
    table = rows()
    module = MDNModule(numbers(2), 3, Recipe(num_components=3, family=family).resolve())
    module.start(table)
    x, y = module.model.inputs(table.x), module.model.targets(table.y)
    wanted = -module.network.per_member(x).observed_log_prob(y).mean(-1).sum()
    loss = module._loss((table.x, table.y))
    torch.testing.assert_close(loss, wanted)
    loss.backward()
    learnt = [p.grad for p in module.parameters() if p.grad is not None]
    assert all(gradient.isfinite().all() for gradient in learnt)


def test_beta_nll_leaves_missing_targets_out():
    table = rows(50)
    module = MDNModule(numbers(2), 3, Recipe(num_components=1, objective=BetaNLL(0.5)).resolve())
    module.start(table)
    some = (~table.y[:, :2].isnan()).all(-1) & table.y[:, 2].isnan()
    y = module.model.targets(table.y[some])
    mixture = module.network.per_member(module.model.inputs(table.x[some]))
    found, _ = module._losses(mixture, y)
    wanted, _ = BetaNLL(0.5)(mixture.marginal([0, 1]), y[:, :2])
    torch.testing.assert_close(found, wanted)


def test_an_objective_of_all_targets_refuses():
    recipe = Recipe(objective=NLLWithCRPS(), max_epochs=1)
    with pytest.raises(ValueError, match="NLLWithCRPS takes rows with every target"):
        fit(recipe, rows())


def test_em_and_gradient_descent_say_the_same_of_gaps():
    table = rows(400)
    model = fit({"kind": "gmm_em", "num_components": 1, "family": "full"}, table)
    metrics = basic_scores(model, table)
    with torch.no_grad():
        nll = -model(table.x).observed_log_prob(table.y).mean().item()
    assert metrics["test/nll"] == pytest.approx(nll)


def test_the_gaussian_of_rows_with_gaps_is_close_to_that_of_whole_ones():
    y = torch.randn(4000, 3, dtype=torch.float64).cumsum(-1)
    gaps = torch.where(torch.rand(4000, 3) < 0.3, torch.nan, y)
    covariance = gaussian_of(gaps).scale.covariance()[0]
    assert (covariance - y.T.cov()).abs().max() < 0.2
    complete = filled(gaps, gaussian_of(gaps))
    assert torch.equal(complete[~gaps.isnan()], gaps[~gaps.isnan()])
    better = (complete - y)[gaps.isnan()].square().mean()
    assert better < 0.8 * y[gaps.isnan()].square().mean()


def test_recalibration_takes_whole_rows():
    held_out = {"kind": "held_out", "least": 0.5, "most": 2.0}
    assert fit({**SMALL, "recalibration": held_out}, rows(share=0.1)).recalibration > 0
    lacking = rows()
    lacking.y[:, 0] = torch.where(torch.arange(len(lacking)) % 2 > 0, torch.nan, lacking.y[:, 0])
    lacking.y[:, 1] = torch.where(torch.arange(len(lacking)) % 2 > 0, lacking.y[:, 1], torch.nan)
    lacking.y[:, 2] = torch.randn(len(lacking))
    with pytest.raises(ValueError, match="a recalibration takes rows with every target"):
        fit({**SMALL, "recalibration": held_out}, lacking)


@pytest.mark.parametrize("model", ["mdn", "gmm_em"])
def test_the_command_line_takes_gaps(script, tmp_path, model):
    table = rows(200)
    frame = pd.DataFrame(torch.cat([table.x, table.y], 1).numpy(), columns=[*"pqabc"])
    frame.to_csv(tmp_path / "a.csv", index=False)
    trainer = ["trainer=em"] if model == "gmm_em" else []
    settings = [f"model={model}", *trainer, "data=file", "data.path=a.csv", "data.targets=[a,b,c]"]
    status, out, err = script("train", *settings, "trainer.max_epochs=1", "run_dir=run")
    assert status == 0, out + err
    trained = json.loads((tmp_path / "run/metrics.json").read_text())
    status, out, err = script("evaluate", "ckpt=run/checkpoints/best.ckpt", "run_dir=scores")
    assert status == 0, out + err
    evaluated = json.loads((tmp_path / "scores/metrics.json").read_text())
    assert evaluated["test/nll"] == pytest.approx(trained["test/nll"])
