"""The table of excess NLL: its figures from runs made up, and the command on small ones."""

import json
import math
import runpy
import sys
from pathlib import Path

import hydra
import pytest
import torch
from hydra import initialize_config_dir
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import OmegaConf
from pyarrow import csv

import mdn
from mdn.app.build_lightning import stored_data
from mdn.app.compose import compose
from mdn.app.regret import RegretTable
from mdn.app.train import train
from mdn.data import synthetic
from mdn.report.basic_scores import components_alive

ROOT = Path(__file__).parents[2]
SMALL = ["trainer.max_epochs=1", "data.train_rows=64", "data.val_rows=32", "data.test_rows=200"]


@pytest.fixture
def sweep(tmp_path, capsys):
    """Lay out jobs as a sweep leaves them, and end it: the table, what was said, and the error."""

    def end(*jobs):
        for number, (overrides, metrics, error) in enumerate(jobs):
            job = tmp_path / str(number)
            (job / ".hydra").mkdir(parents=True)
            OmegaConf.save(OmegaConf.create(overrides), job / ".hydra" / "overrides.yaml")
            if metrics is not None:
                (job / "metrics.json").write_text(json.dumps(metrics))
            if error is not None:
                (job / "error.txt").write_text(f"Traceback\n{error}\n")
        config = OmegaConf.create({"hydra": {"sweep": {"dir": str(tmp_path)}}})
        ended = None
        try:
            RegretTable().on_multirun_end(config)
        except SystemExit as exit_:
            ended = exit_.code
        rows = csv.read_csv(tmp_path / "regret.csv").to_pylist()
        return rows, capsys.readouterr().out, ended

    return end


def job(problem, seed, excess, *settings, seconds=10.0, **other):
    overrides = ["experiment=regret", f"data={problem}", f"seed={seed}", *settings]
    scores = {"test/excess_nll": excess, "test/optimal_nll": 2.0} if excess is not None else {}
    metrics = {"test/nll": 1.0, "fit_seconds": seconds, "test/components_alive": 3 + seed}
    return overrides, metrics | {"num_components": 5} | scores | other, None


def failed(problem, seed, message: str | None = "ValueError: no"):
    return ["experiment=regret", f"data={problem}", f"seed={seed}"], None, message


def test_means_and_standard_errors(sweep):
    rows, said, ended = sweep(
        job("a", 0, 0.1, seconds=4.0),
        job("a", 1, 0.4, seconds=8.0),
        job("a", 2, 0.7),
        job("b", 0, 1.0),
    )
    first, second, every = rows
    assert (first["problem"], first["runs"], first["failed"]) == ("a", 3, 0)
    assert first["excess_nll"] == pytest.approx(0.4)
    assert first["excess_se"] == pytest.approx(0.3 / math.sqrt(3))
    assert first["optimal_nll"] == 2.0
    assert first["seconds"] == pytest.approx(22 / 3)
    assert (first["alive"], first["components"]) == (4.0, 5.0)
    assert (second["problem"], second["excess_nll"], second["excess_se"]) == ("b", 1.0, None)
    assert (every["problem"], every["runs"]) == ("all", 4)
    assert every["excess_nll"] == pytest.approx(0.7)  # each problem counts once
    assert every["excess_se"] is None
    assert ended is None
    assert "0.4000" in said


def test_the_error_of_the_whole_is_that_of_a_mean_of_problems(sweep):
    *_, every = sweep(job("a", 0, 0.0), job("a", 1, 0.6), job("b", 0, 1.0), job("b", 1, 1.8))[0]
    assert every["excess_se"] == pytest.approx(math.sqrt(0.3**2 + 0.4**2) / 2)


def test_failed_runs_are_counted_and_left_out(sweep):
    broken = job("a", 2, math.nan, **{"test/nll": math.nan})
    rows, _, ended = sweep(job("a", 0, 0.25), failed("a", 1), broken, failed("b", 0))
    assert (rows[0]["runs"], rows[0]["failed"], rows[0]["excess_nll"]) == (3, 2, 0.25)
    assert (rows[1]["runs"], rows[1]["failed"], rows[1]["excess_nll"]) == (1, 1, None)
    assert (rows[2]["runs"], rows[2]["failed"]) == (4, 3)
    assert ended == "3 of 4 jobs failed: 1, 2, 3"


def test_each_error_is_said_once(sweep):
    same, other = "ValueError: one", "ValueError: two"
    jobs = [failed("a", 0, same), failed("a", 1, same), failed("b", 0, other), job("b", 1, 0.5)]
    _, said, _ = sweep(*jobs)
    assert (said.count(same), said.count(other)) == (1, 1)


def test_one_run_alone_needs_no_choice(sweep):
    rows, _, _ = sweep(job("a", 0, 0.25))
    assert [(row["problem"], row["choice"], row["runs"]) for row in rows] == [
        ("a", None, 1),
        ("all", None, 1),
    ]


def test_a_run_that_left_nothing_has_failed(sweep, tmp_path):
    rows, _, ended = sweep(job("a", 0, 0.25), failed("a", 1, None))
    assert rows[0]["failed"] == 1
    assert ended == "1 of 2 jobs failed: 1"
    assert (
        csv.read_csv(tmp_path / "sweep.csv").to_pylist()[1]["error"]
        == "it has left no metrics.json"
    )


def test_other_settings_are_lines_of_their_own(sweep):
    families = ["family=full", "family=diagonal"]
    jobs = [job(p, s, 0.5 * (f[7] == "d"), f) for p in "ab" for s in (0, 1) for f in families]
    rows, said, _ = sweep(*jobs)
    found = [(row["problem"], row["choice"], row["runs"], row["excess_nll"]) for row in rows]
    assert found == [
        ("a", "family=full", 2, 0.0),
        ("a", "family=diagonal", 2, 0.5),
        ("b", "family=full", 2, 0.0),
        ("b", "family=diagonal", 2, 0.5),
        ("all", "family=full", 4, 0.0),
        ("all", "family=diagonal", 4, 0.5),
    ]
    assert "choice" in said


def test_a_setting_that_all_runs_share_is_no_column(sweep):
    rows, said, _ = sweep(job("a", 0, 0.5, "family=full"), job("b", 0, 0.5, "family=full"))
    assert [row["choice"] for row in rows] == [None] * 3
    assert "choice" not in said


def test_a_problem_without_a_density_has_its_own_score(sweep):
    arm = job("arm", 0, None, **{"test/position_error": 0.002})
    rows, _, ended = sweep(job("a", 0, 0.5), arm)
    assert (rows[1]["excess_nll"], rows[1]["position_error"]) == (None, 0.002)
    assert rows[2]["excess_nll"] == 0.5
    assert ended is None


def experiment():
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        config = hydra.compose("train", ["experiment=regret"], return_hydra_config=True)
    return config.hydra


def test_the_experiment_knows_every_problem():
    """Every configuration of synthetic data is in the list, under the seeds 0 to 7."""
    params = experiment().sweeper.params
    (listed, seeds) = OverridesParser.create().parse_overrides(
        [f"data={params.data}", f"seed={params.seed}"]
    )
    files = {path.stem for path in (ROOT / "conf" / "data").glob("*.yaml")} - {"file", "synthetic"}
    assert set(listed.sweep_string_iterator()) == files
    assert [*seeds.sweep_string_iterator()] == [str(seed) for seed in range(8)]
    targets = {
        OmegaConf.load(ROOT / "conf" / "data" / f"{name}.yaml").problem._target_ for name in files
    }
    abstract = {"MixtureProblem", "Problem", "WithGaps"}
    assert {t.rsplit(".", 1)[1] for t in targets} == set(synthetic.__all__) - abstract


def test_the_command(tmp_path, monkeypatch, capfd):
    """Narrowed to one problem and two seeds, and with a setting swept besides."""
    monkeypatch.chdir(tmp_path)
    asked = ["data=tight_region", "seed=0,1", "family=isotropic,constant", *SMALL]
    script = ROOT / "scripts" / "train.py"
    monkeypatch.setattr(sys, "argv", ["train.py", "experiment=regret", *asked])
    runpy.run_path(str(script), run_name="__main__")
    (path,) = tmp_path.glob("outputs/sweeps/*/regret.csv")
    rows = csv.read_csv(path).to_pylist()
    assert [(row["problem"], row["choice"], row["runs"]) for row in rows] == [
        ("tight_region", "family=isotropic", 2),
        ("tight_region", "family=constant", 2),
        ("all", "family=isotropic", 2),
        ("all", "family=constant", 2),
    ]
    jobs = csv.read_csv(path.parent / "sweep.csv").to_pylist()
    excess = [j["test/excess_nll"] for j in jobs if "isotropic" in j["overrides"]]
    assert rows[0]["excess_nll"] == pytest.approx(sum(excess) / 2)
    assert rows[0]["excess_se"] == pytest.approx(abs(excess[0] - excess[1]) / 2)
    assert "excess_nll" in capfd.readouterr().out


@pytest.fixture
def trained(tmp_path):
    """A run on some data: its metrics, its model and its test rows."""

    def go(*overrides):
        train(compose("train", [*overrides, *SMALL], tmp_path))
        model = mdn.load(tmp_path / "checkpoints" / "best.ckpt")
        metrics = json.loads((tmp_path / "metrics.json").read_text())
        return metrics, model, stored_data(model.card.data).tables["test"]

    return go


@pytest.mark.parametrize("share", [0.5, 0.011, 0.009])
def test_components_alive(trained, share):
    """Two components of one place, of which the second takes so much of an equal share."""
    metrics, model, table = trained(
        *("data=two_branches", "model.num_components=4", "model.ensemble_size=1"),
        *("model.smoothing=0", "model.guard=0"),
    )
    assert metrics["test/components_alive"] == components_alive(model, table)
    assert metrics["num_components"] == 4
    with torch.no_grad():
        head = model.network.head
        for parameter in model.parameters():
            parameter.zero_()
        part = share / 4
        head.weights.bias.copy_(torch.tensor([[1 - part, part, 1e-6, 1e-9]]).log())
    mass = model(table.x).log_responsibilities(table.y).exp().mean(0)
    assert mass[1].item() == pytest.approx(part, rel=1e-4)
    assert components_alive(model, table) == (2 if share > 0.01 else 1)


def test_position_error(trained):
    metrics, model, table = trained("data=robot_arm", "model.num_components=3")
    mixture = model(table.x)
    rows = torch.arange(len(table))
    shoulder, elbow = mixture.mu[rows, mixture.pi.argmax(-1)].detach().unbind(-1)
    hand = 0.8 * torch.exp(1j * shoulder) - 0.2 * torch.exp(1j * (shoulder + elbow))
    wanted = torch.complex(table.x[:, 0], table.x[:, 1])
    assert metrics["test/position_error"] == pytest.approx((hand - wanted).abs().mean().item())
    assert "test/excess_nll" not in metrics
