"""The commands as a user types them, and what they leave behind."""

import json

import numpy as np
import pyarrow as pa
import pytest
import torch
from checkpoints import save, untrained
from command_lines import FILE, SMALL, only
from omegaconf import OmegaConf
from pyarrow import csv, parquet
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import mdn
from mdn.app.targets import is_allowed


def test_train_leaves_its_answers(run, tmp_path):
    status, said = run("train", "family=full", "trainer.devices=1", *SMALL)
    assert status == 0, said
    run_dir = only(tmp_path, "outputs/train/*")
    metrics = json.loads((run_dir / "metrics.json").read_text())
    wanted = ["test/nll", "test/nll_standardized", "fit_seconds", "epochs", "train_rows"]
    assert not [key for key in [*wanted, "num_parameters", "test/excess_nll"] if key not in metrics]
    assert metrics["train_rows"] == 64
    assert metrics["test/excess_nll"] == pytest.approx(
        metrics["test/nll"] - metrics["test/optimal_nll"]
    )
    assert {path.name for path in run_dir.glob("checkpoints/*")} == {"best.ckpt", "last.ckpt"}
    assert list(run_dir.glob("figures/*.png"))
    log = EventAccumulator(str(only(run_dir, "events.out.tfevents*"))).Reload()
    assert {"train/nll", "test/nll", "test/excess_nll"} <= {*log.Tags()["scalars"]}
    (logged,) = log.Scalars("test/excess_nll")
    assert logged.value == pytest.approx(metrics["test/excess_nll"], rel=1e-5)
    assert "tensorboard --logdir" in said


@pytest.mark.parametrize("target", ["data.targets=[-1]", "data.targets=['\\${oc.env:HOME}']"])
def test_columns_may_be_named_like_interpolations(run, tmp_path, target):
    generator = np.random.default_rng(0)
    names = ["${x}", "${oc.env:HOME}"]
    columns = dict(zip(names, generator.normal(size=(2, 100)), strict=True))
    csv.write_csv(pa.table(columns), tmp_path / "odd.csv")
    own = [*FILE, "data.path=odd.csv", target]
    status, said = run("train", *own, "hydra.run.dir=first")
    assert status == 0, said
    last = "ckpt_path=first/checkpoints/last.ckpt"
    status, said = run("train", *own, last, "trainer.max_epochs=4", "hydra.run.dir=second")
    assert status == 0, said
    status, said = run("evaluate", "ckpt=second/checkpoints/best.ckpt", "report=false")
    assert status == 0, said
    model = mdn.load("second/checkpoints/best.ckpt")
    assert [model.card.inputs, model.card.targets] == [names[:1], names[1:]]
    assert OmegaConf.load("second/config.yaml").data.path == "odd.csv"


def test_evaluate_repeats_the_test_and_predict_gives_the_density(run, tmp_path, prices):
    status, said = run("train", *FILE, f"data.path={prices}", "data.targets=[price,rent]")
    assert status == 0, said
    run_dir = only(tmp_path, "outputs/train/*")
    trained = json.loads((run_dir / "metrics.json").read_text())
    ckpt = f"ckpt={run_dir}/checkpoints/best.ckpt"

    status, said = run("evaluate", ckpt)
    assert status == 0, said
    evaluated = json.loads(only(tmp_path, "outputs/evaluate/*/metrics.json").read_text())
    for key in ("test/nll", "test/nll_standardized", "test/marginal_nll"):
        assert evaluated[key] == pytest.approx(trained[key], abs=1e-6)

    assert run("predict", ckpt, f"data.path={prices}", "out=predictions.parquet")[0] == 0
    table = parquet.read_table("predictions.parquet")
    assert table.num_rows == 200
    model = mdn.load(run_dir / "checkpoints" / "best.ckpt")
    data = csv.read_csv(prices)
    x = torch.tensor(np.column_stack([data["rooms"], data["age"]]))
    mixture = model(x)
    np.testing.assert_allclose(table["mean_rent"], mixture.mean[:, 1].detach(), rtol=1e-12)
    np.testing.assert_allclose(table["sigma_price_1"], mixture.sigma[:, 1, 0].detach(), rtol=1e-12)
    weights = sum(np.asarray(table[f"pi_{k}"]) for k in range(model.num_components))
    np.testing.assert_allclose(weights, 1, rtol=1e-6)


def test_evaluate_on_another_file_uses_every_row_of_it(run, tmp_path, prices):
    run("train", *FILE, f"data.path={prices}", "data.targets=[price]")
    checkpoint = only(tmp_path, "outputs/train/*/checkpoints/best.ckpt")
    other = tmp_path / "other.csv"
    rows = csv.read_csv(prices).slice(0, 50).select(["rent", "price", "age", "rooms"])
    csv.write_csv(rows, other)
    assert run("evaluate", f"ckpt={checkpoint}", "data=file", f"data.path={other}")[0] == 0
    evaluated = json.loads(only(tmp_path, "outputs/evaluate/*/metrics.json").read_text())
    model = mdn.load(checkpoint)
    x = torch.tensor(
        np.column_stack([rows[name] for name in model.card.inputs]), dtype=torch.float64
    )
    y = torch.tensor(np.asarray(rows["price"]))[:, None]
    assert evaluated["test/nll"] == pytest.approx(-model(x).log_prob(y).mean().item(), abs=1e-5)


def test_the_sizes_that_follow_from_the_rows_are_told(run, tmp_path):
    few = [each for each in SMALL if "max_epochs" not in each]
    assert run("train", *few, "model.ensemble_size=1", "hydra.run.dir=run")[0] == 0
    config = OmegaConf.load(tmp_path / "run" / "config.yaml")
    assert config["data"]["batch_size"] == 32
    assert config["model"]["num_components"] == 2
    assert config["trainer"]["max_epochs"] == 130
    assert json.loads((tmp_path / "run" / "metrics.json").read_text())["epochs"] <= 130


def test_evaluate_refuses_other_columns(run, tmp_path):
    run("train", *SMALL, "hydra.run.dir=first")
    status, said = run("evaluate", "ckpt=first/checkpoints/best.ckpt", "data=jumps")
    assert status == 1
    assert "the model was trained with" in said


def test_a_checkpoint_of_another_version_is_said_to_be_one(tmp_path):
    module = untrained()
    del module.card.model["family"]
    path = save(module, tmp_path / "old.ckpt")
    with pytest.raises(ValueError, match=r"old\.ckpt cannot be built: model\.family must be"):
        mdn.load(path)


TARGETS = {
    "mdn.distributions.families.Full": True,
    "mdn.data.synthetic.TwoBranches": True,
    "mdn.fitting.schedules.cosine": True,
    "torch.optim.AdamW": True,
    "lightning.pytorch.callbacks.EarlyStopping": True,
    "mdn.app.build_lightning.load": False,
    "mdn.app.build_lightning.torch.load": False,
    "mdn.distributions.triangular.floored_cholesky": False,
    "mdn.training.callbacks.best_and_last.shutil.copyfile": False,
    "lightning.pytorch.callbacks.model_checkpoint.torch.load": False,
    "os.system": False,
    "": False,
}


@pytest.mark.parametrize("target", TARGETS)
def test_only_classes_of_known_packages_are_targets(target):
    assert is_allowed(target) == TARGETS[target]


def test_sweep_ends_with_one_table_and_survives_a_bad_job(run, tmp_path):
    status, said = run(
        "train", "--multirun", "family=diagonal,constant", "family.min_scale=0.01,-1", *SMALL
    )
    assert status not in (0, None)
    sweep = only(tmp_path, "outputs/sweeps/*")
    rows = csv.read_csv(sweep / "sweep.csv").to_pylist()
    assert [bool(row["error"]) for row in rows] == [False, True, False, True]
    assert rows[0]["test/nll"] != rows[2]["test/nll"]
    assert "min_scale must be a positive number, got -1" in said
    wanted = "family.min_scale must be a positive number, got -1; it may also be grid"
    assert rows[1]["error"] == wanted
    assert (sweep / "0" / "checkpoints" / "best.ckpt").exists()


def test_jobs_of_a_sweep_share_no_state(run, tmp_path):
    run("train", "--multirun", "family=full,diagonal", *SMALL)
    run("train", "family=diagonal", *SMALL)
    swept = json.loads(only(tmp_path, "outputs/sweeps/*/1/metrics.json").read_text())
    alone = json.loads(only(tmp_path, "outputs/train/*/metrics.json").read_text())
    assert swept["test/nll"] == alone["test/nll"]


HELP = {
    "train": [
        "backbone: mlp, none",
        "family.min_scale=0.01",
        "optimizer:\n  _target_",
        "PYTHONPATH",
    ],
    "evaluate": ["data=file data.path=", "report: true", "parts.backbone="],
    "predict": ["data.path=", "most_likely", "interval_level: 0.9", "parts.backbone="],
    "export": ["safetensors", "format: onnx", "parts.backbone="],
}


@pytest.mark.parametrize("command", HELP)
def test_help_shows_a_line_to_type_groups_and_settings(command, run):
    status, said = run(command, "--help")
    assert status == 0
    assert said.startswith(f"mdn {command} ")
    assert not [each for each in HELP[command] if each not in said]
    assert max(map(len, said[: said.index("\n\n== ")].splitlines())) <= 100
