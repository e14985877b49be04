"""The demos, and mixtures without inputs by command: what a run of them finds and leaves."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hydra import compose, initialize_config_dir
from matplotlib.figure import Figure
from omegaconf import OmegaConf
from PIL import Image
from pyarrow import csv
from pyarrow import table as as_table
from sklearn.mixture import GaussianMixture

import mdn
from mdn.app.build_lightning import stored_data
from mdn.app.train import train
from mdn.fitting.em import fit_em

ROOT = Path(__file__).parents[2]
SMALL = ["data.val_rows=50", "data.test_rows=100"]


def configured(*overrides):
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        return compose("train", list(overrides))


@pytest.fixture
def run(tmp_path):
    """Train in this process: the run's metrics, its model and its training rows."""

    def go(*overrides, name="run"):
        directory = tmp_path / name
        config = configured(*overrides, f"run_dir={directory}")
        train(OmegaConf.to_container(config, resolve=True))  # pyright: ignore
        model = mdn.load(directory / "checkpoints" / "best.ckpt")
        metrics = json.loads((directory / "metrics.json").read_text())
        return metrics, model, stored_data(model.card.data).train_table

    return go


@pytest.fixture
def file(tmp_path):
    """A CSV file of two clusters in two columns."""
    generator = np.random.default_rng(0)
    rows = np.concatenate([generator.normal(0, 1, (60, 2)), generator.normal(9, 2, (60, 2))])
    csv.write_csv(as_table({"a": rows[:, 0], "b": rows[:, 1]}), tmp_path / "rows.csv")
    return tmp_path / "rows.csv"


def best_of_scikit_learn(y, components, covariance):
    reference = GaussianMixture(
        components, covariance_type=covariance, n_init=10, tol=1e-7, max_iter=500, random_state=0
    )
    return reference.fit(y.numpy()).score(y.numpy())


@pytest.fixture
def quick_figures(monkeypatch):
    """Pictures of nothing much, for they take most of the time and have tests of their own."""

    def draw(predict, x, *_):
        figure = Figure((2, 2))
        figure.add_subplot().plot(predict(x[:1]).mu[0].flatten())
        return figure

    monkeypatch.setattr("mdn.plotting.density_figure", draw)


@pytest.mark.usefixtures("quick_figures")
def test_the_demo_of_em(run, tmp_path):
    metrics, model, table = run("experiment=seed_em", *SMALL)
    likelihood = model(table.x).log_prob(table.y).mean().item()
    assert likelihood == pytest.approx(best_of_scikit_learn(table.y, 3, "diag"), abs=1e-4)
    assert metrics["converged"] is True
    frames = list((tmp_path / "run/figures/frames").glob("*.png"))
    assert len(frames) == metrics["epochs"] + 1
    with Image.open(tmp_path / "run/figures/fit.gif") as animation:
        assert animation.n_frames == len(frames)


def test_the_demo_of_gradient_descent(run, tmp_path):
    metrics, model, table = run("experiment=seed_gradient", *SMALL)
    likelihood = model(table.x).log_prob(table.y).mean().item()
    assert likelihood > best_of_scikit_learn(table.y, 5, "full") - 0.01
    assert (len(table), metrics["epochs"]) == (1000, 300)
    assert (tmp_path / "run/figures/density.png").exists()


def test_options_of_the_demo_reach_their_places():
    options = ["samples=70", "components=7", "dims=3", "radius=2.5", "iterations=9"]
    rates = ["mixture_lr=0.5", "component_lr=0.25", "log_every=3", "seed=0"]
    config = configured("experiment=seed_gradient", *options, *rates)
    problem = config.data.problem
    assert (problem.num_components, problem.num_targets, problem.radius) == (7, 3, 2.5)
    assert config.data.train_rows == config.data.batch_size == 70
    assert (config.model.num_components, config.trainer.max_epochs) == (7, 9)
    assert (config.model.mixture_lr, config.model.component_lr) == (0.5, 0.25)
    assert config.trainer.check_val_every_n_epoch == 3
    assert config.seed == config.data.seed == problem.seed == 0


@pytest.mark.parametrize("no", ["false", "False"])
def test_the_demo_without_pictures(run, tmp_path, no):
    overrides = ["samples=60", "iterations=10", f"visualize={no}", *SMALL]
    run("experiment=seed_gradient", *overrides)
    assert not (tmp_path / "run/figures").exists()


def of_rows(model):
    """The standardized mixture of a model without inputs, the same for every row."""
    return model.network(torch.zeros(1, 0, dtype=model.dtype))[0]


FAMILIES = ["full", "tied", "diagonal", "isotropic", "shared_isotropic", "constant"]


@pytest.mark.parametrize("family", FAMILIES)
def test_em_by_command_on_the_columns_of_a_file(run, file, family):
    data = ["data=file", f"data.path={file}", "data.targets=[a,b]", "data.inputs=[]"]
    em = ["model=gmm_em", "model.num_components=2", "callbacks=last_update"]
    metrics, model, table = run(*em, f"family={family}", *data)
    assert metrics["converged"] is True
    z = model.targets(table.y, torch.float64)
    before = of_rows(model).log_prob(z).mean()
    again = fit_em(z, 2, model.family, start=of_rows(model), max_iter=1, tol=0.0)
    assert 0 <= again.mixture.log_prob(z).mean() - before + 1e-12 < 1e-6
    splits = stored_data(model.card.data).tables
    nll = -model(splits["test"].x).log_prob(splits["test"].y).mean().item()
    assert metrics["test/nll"] == pytest.approx(nll, abs=1e-6)


def test_em_resumes_where_it_stopped(run, tmp_path):
    em = ["model=gmm_em", "model.num_components=3", "model.start_from=random", "model.tol=0"]
    em += ["data=three_gaussians", "data.train_rows=300", *SMALL, "callbacks=em"]
    run(*em, "trainer.max_epochs=3", name="first")
    last = f"ckpt_path={tmp_path}/first/checkpoints/last.ckpt"
    _, resumed, _ = run(*em, "trainer.max_epochs=6", last, name="second")
    _, whole, _ = run(*em, "trainer.max_epochs=6", name="whole")
    assert torch.allclose(of_rows(resumed).mu, of_rows(whole).mu, atol=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("model", ["mdn", "gmm", "gmm_em"])
def test_two_processes_leave_one_set_of_results(model, tmp_path):
    """Of gradient descent half a batch each gives the same gradient; of EM, the same sums."""
    script = [sys.executable, ROOT / "scripts" / "train.py", f"model={model}", "seed=1"]
    data = ["data=three_gaussians", "data.train_rows=300", "model.num_components=3", *SMALL]
    several = ["trainer.devices=2", "+trainer.strategy=ddp", "trainer.accelerator=cpu"]
    runs = {"one": ["data.batch_size=300"], "two": [*several, "data.batch_size=150"]}
    states = []
    for name, settings in runs.items():
        place = [f"hydra.run.dir={tmp_path / name}", "trainer.max_epochs=6"]
        subprocess.run([*script, *data, *settings, *place], check=True, capture_output=True)
        path = tmp_path / name / "checkpoints" / "last.ckpt"
        states.append(torch.load(path, weights_only=True)["state_dict"])
    tolerance = 1e-9 if model == "gmm_em" else 1e-3
    for key, value in states[0].items():
        assert torch.allclose(value.double(), states[1][key].double(), atol=tolerance)
    assert len(list(tmp_path.glob("two/metrics.json"))) == 1
    assert {path.name for path in tmp_path.glob("two/checkpoints/*")} == {"best.ckpt", "last.ckpt"}
