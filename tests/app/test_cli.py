"""The commands as a user types them: what they leave behind, and what they say to mistakes."""

import json
import re
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch
from checkpoints import save, untrained
from omegaconf import OmegaConf
from pyarrow import csv, parquet
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import mdn
from mdn.app.config_groups import check_choices
from mdn.app.targets import is_allowed

SMALL = ["trainer.max_epochs=2", "data.train_rows=64", "data.val_rows=32", "data.test_rows=64"]
FILE = ["data=file", "trainer.max_epochs=3", "model.num_components=2"]


@pytest.fixture
def run(script):
    """Run a script in an empty folder: (exit status, what it printed)."""

    def said(name, *overrides):
        status, *printed = script(name, *overrides)
        return status, "".join(printed)

    return said


@pytest.fixture
def prices(tmp_path):
    """A CSV file with two inputs and two targets."""
    generator = np.random.default_rng(0)
    rooms, age = generator.integers(1, 9, 200), generator.uniform(0, 90, 200)
    price = 1e5 * rooms - 1e3 * age + generator.normal(0, 2e4, 200)
    rent = price / 300 + generator.normal(0, 50, 200)
    path = tmp_path / "prices.csv"
    csv.write_csv(pa.table({"rooms": rooms, "age": age, "price": price, "rent": rent}), path)
    return path


def only(folder, pattern):
    (path,) = folder.glob(pattern)
    return path


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


def test_resume_goes_on_and_refuses_to_do_nothing(run, tmp_path):
    run("train", *SMALL, "hydra.run.dir=first")
    last = "ckpt_path=first/checkpoints/last.ckpt"
    status, said = run("train", *SMALL, last, "hydra.run.dir=second")
    assert status == 1
    assert "nothing is left to do; raise trainer.max_epochs" in said
    status, said = run("train", *SMALL, "trainer.max_epochs=4", last, "hydra.run.dir=third")
    assert status == 0, said
    assert json.loads(Path("third/metrics.json").read_text())["epochs"] == 4


def test_resume_refuses_another_model(run, tmp_path):
    run("train", *SMALL, "hydra.run.dir=first")
    last = "ckpt_path=first/checkpoints/last.ckpt"
    status, said = run("train", *SMALL, "trainer.max_epochs=4", "model.num_components=3", last)
    assert status == 1
    assert "has model.num_components 2 and this run has 3; to go on" in said
    assert not list(tmp_path.glob("outputs/train/*"))


def test_resume_refuses_another_split_but_not_another_place_or_batch_size(run, prices):
    data = [*FILE, "data.targets=[price,rent]"]
    assert run("train", *data, f"data.path={prices}", "hydra.run.dir=first")[0] == 0
    more = [*data, "trainer.max_epochs=4", "ckpt_path=first/checkpoints/last.ckpt"]
    status, said = run("train", *more, f"data.path={prices}", "seed=1", "data.batch_size=16")
    assert status == 1
    assert "(test, val, train): data.seed was 0 and is 1; to go on" in said
    prices.rename("moved.csv")
    assert run("train", *more, "data.path=moved.csv", "data.batch_size=16")[0] == 0


def test_a_file_that_has_grown_is_not_resumed_from_and_not_scored_in_silence(run, prices):
    data = [*FILE, "data.targets=[price,rent]", f"data.path={prices}"]
    assert run("train", *data, "hydra.run.dir=first")[0] == 0
    lines = prices.read_text().splitlines(keepends=True)
    prices.write_text("".join([*lines, lines[1]]))
    more = ["trainer.max_epochs=4", "ckpt_path=first/checkpoints/last.ckpt"]
    status, said = run("train", *data, *more)
    assert status == 1
    assert "(test, val, train): a file has changed since; to go on" in said
    with pytest.warns(UserWarning, match="no longer those of the run .* a file has changed"):
        assert run("evaluate", "ckpt=first/checkpoints/best.ckpt", "report=false")[0] == 0


def test_rows_that_have_changed_are_not_what_inputs_are_valued_against(run, prices):
    data = [*FILE, "data.targets=[price,rent]", f"data.path={prices}"]
    assert run("train", *data, "hydra.run.dir=first")[0] == 0
    other = Path("other.csv")
    other.write_text(prices.read_text())
    asked = ["ckpt=first/checkpoints/best.ckpt", "data=file", f"data.path={other}", "report=false"]

    def scores(name):
        assert run("evaluate", *asked, f"hydra.run.dir={name}")[0] == 0
        return json.loads(Path(name, "metrics.json").read_text())

    assert "test/gain_over_marginal_mixture" in scores("before")
    lines = prices.read_text().splitlines(keepends=True)
    prices.write_text("".join([*lines, lines[1]]))
    assert "test/gain_over_marginal_mixture" not in scores("after")


def test_evaluate_refuses_other_columns(run, tmp_path):
    run("train", *SMALL, "hydra.run.dir=first")
    status, said = run("evaluate", "ckpt=first/checkpoints/best.ckpt", "data=jumps")
    assert status == 1
    assert "the model was trained with" in said


def test_what_a_user_had_in_the_run_directory_stays(run, tmp_path):
    mine = tmp_path / "mine"
    (mine / "sub").mkdir(parents=True)
    (mine / "notes.txt").touch()
    assert run("train", "family.min_scale=-1", "hydra.run.dir=mine")[0] == 1
    assert sorted(path.name for path in mine.iterdir()) == ["notes.txt", "sub"]


def test_a_log_of_the_user_stays_when_the_run_fails(run, tmp_path):
    mine = tmp_path / "mine"
    mine.mkdir()

    def overrides():  # read when the command begins: what follows is written while it runs
        (mine / "out.log").write_text("of tee")
        (mine / "events.out.tfevents.1.host.0.0").write_text("of another program")
        return ["family.min_scale=-1", "hydra.run.dir=mine"]

    assert run("train", *overrides())[0] == 1
    names = ["events.out.tfevents.1.host.0.0", "out.log"]
    assert sorted(path.name for path in mine.iterdir()) == names


DIRECTORIES = {
    "a file": (
        "hydra.run.dir=file",
        "the directory of the run cannot be made: .*file: File exists",
    ),
    "below a file": (
        "hydra.run.dir=file/run",
        "cannot be made: .*file.*: Not a directory; set hydra",
    ),
    "a file of its own": (
        "run_dir=file",
        r"run_dir=file cannot be written in \(File exists\); name",
    ),
}


@pytest.mark.parametrize("case", DIRECTORIES)
def test_a_directory_that_cannot_be_is_one_message(case, run, tmp_path):
    override, wanted = DIRECTORIES[case]
    (tmp_path / "file").write_text("mine")
    status, said = run("train", override)
    assert status == 1
    assert re.search(f"^error: .*{wanted}|^error: {wanted}", said)
    assert len(said.splitlines()) == 1
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.parametrize("name", ["predict", "export"])
def test_an_earlier_run_in_the_working_directory_stays(run, tmp_path, name):
    (tmp_path / ".hydra").mkdir()
    files = ["train.log", "events.out.tfevents.1", "config.yaml", "hparams.yaml"]
    before = [*files, ".hydra/config.yaml", ".hydra/overrides.yaml"]
    for path in before:
        (tmp_path / path).touch()
    wanted = ["data.path=a.csv"] if name == "predict" else []
    status, said = run(name, "ckpt=no.ckpt", *wanted, "out=out.csv")
    assert "there is no checkpoint no.ckpt" in f"{status}{said}"
    assert not [path for path in before if not (tmp_path / path).exists()]


def test_only_groups_have_choices(tmp_path):
    check_choices([f"{tmp_path}=3", "../conf/family=3", "data.seed=3", "+seed=3", "=3", "family"])
    for key in ("family", "+family", "++family"):
        with pytest.raises(SystemExit, match=r"error: family must be one of .*, got 3; leave"):
            check_choices([f"{key}=3"])


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


MISTAKES = {
    "misspelt group": (["famly=full"], "error: nothing reads famly; did you mean family?\n"),
    "key of another choice": (["data.path=a.csv"], "nothing reads data.path here; it belongs to"),
    "key in the wrong place": (["model.width=3"], "did you mean backbone.width?\n"),
    "a letter outside of quotes": (["seed=ü"], "error: seed=ü cannot be read as key=value; put"),
    "an interpolation that leads nowhere": (["monitor=${x}"], "for a text that holds ${...} type"),
    "threads without end": (["threads=1000000"], "threads must be a whole number from 1 to 1024"),
    "number for a path": (
        ["data=file", "data.path=5"],
        "data.path must be the path of a file, got",
    ),
    "one beta": (["optimizer.betas=[0.9]"], "optimizer.betas must be a list of 2, got [0.9]"),
    "words for betas": (["optimizer.betas=[a,b]"], "optimizer.betas must be a number, got 'a'"),
    "no validation": (["+trainer.limit_val_batches=0"], "there is nothing to train on or to judge"),
    "no learning": (["optimizer.lr=0"], "optimizer.lr must be a positive number, got 0\n"),
    "no epochs": (["trainer.max_epochs=0"], "must be a whole number of at least 1, got 0"),
    "Lightning's epochs": (["trainer.max_epochs=null"], "trainer.max_epochs must be a number, got"),
    "no devices": (["trainer.devices=0"], "must be a whole number from 1 to 1024, got 0"),
    "no such processor": (["trainer.accelerator=tpu"], "auto, cpu, gpu, cuda, mps, got 'tpu'"),
    "seed below zero": (["seed=-1"], "seed must be a whole number from 0 to 4294967295, got -1"),
    "seed too large": (
        ["seed=1e20"],
        "seed must be a whole number from 0 to 4294967295, got 1e+20",
    ),
    "more than memory": (["model.num_components=1e8"], "in 8 networks would take 2.5 TB of memory"),
    "misspelt key": (["family.min_scal=1"], "min_scal"),
    "misspelt key with a plus": (["+family.min_scal=1"], "did you mean family.min_scale?"),
    "misspelt key of Lightning": (["+trainer.max_step=1"], "did you mean trainer.max_steps?"),
    "misspelt top key": (["+sed=1"], "did you mean seed?"),
    "word for a number": (["model.num_components=abc"], "must be a number, got 'abc'"),
    "fraction for a count": (["trainer.max_epochs=1.5"], "must be a whole number, got 1.5"),
    "unknown family": (["family=ful"], "shared_isotropic"),
    "family null": (["family=null"], "family must be one of constant, diagonal, full,"),
    "family empty": (["family="], "got family=; leave it out"),
    "callbacks taken away": (["~callbacks"], "got ~callbacks; leave it out"),
    "no objective among several": (["--multirun", "objective=nll,null"], "must be one of beta_nll"),
    "number for an experiment": (["experiment=3"], "experiment must be one of regret, seed_em,"),
    "number for an added experiment": (["+experiment=3"], "experiment must be one of regret,"),
    "number for a choice": (["optimizer=3"], "optimizer must be one of adamw, got 3; leave it out"),
    "choice in the wrong place": (["model.family=full"], "is what family=... chooses, got 'full'"),
    "no backbone": (["backbone=null"], "backbone must be one of mlp, none, got null; leave it out"),
    "number for a callback": (
        ["callbacks.finite=3"],
        "set of settings, got 3; what there is: call",
    ),
    "negative floor": (["family.min_scale=-1"], "min_scale must be a positive number, got -1"),
    "zero components": (["model.num_components=0"], "at least 1, got 0"),
    "unknown activation": (["backbone.activation=sil"], "silu"),
    "forbidden target": (["+callbacks.x._target_=os.system"], "must name a class of"),
    "half precision": (["trainer.precision=bf16-true"], "use bf16-mixed or 32-true"),
    "more components than rows": (["data.train_rows=5", "model.num_components=10"], "5"),
    "no path": (["data=file", "data.targets=[y]"], "data.path=..."),
    "no file": (["data=file", "data.path=no.csv", "data.targets=[y]"], "no.csv"),
    "rate below zero": (
        ["optimizer.lr=-1e-3"],
        "lr must be a positive number, got -0.001",
    ),
    "rate without a number": (["optimizer.lr=null"], "optimizer.lr must be a number"),
    "clip below zero": (["model.gradient_clip=-1"], "gradient_clip must be a positive number"),
    "noise below zero": (["regularizer.input_noise=-1"], "input_noise must be a number of at"),
    "noise for nobody": (
        ["model.ensemble_size=1", "regularizer.input_noise=[0,0.1]"],
        "set model.ensemble_size=2 or more",
    ),
    "a word where only numbers are read": (["optimizer.lr=auto"], "must be a number, got 'auto'"),
    "a word among noises": (["regularizer.target_noise=[0,some]"], "must be a number, got 'some'"),
    "one component only": (["objective=beta_nll"], "set model.num_components=1, or take another"),
    "epochs without end": (["trainer.max_epochs=inf"], "must be a number, got inf"),
    "epochs that only the clock ends": (
        ["trainer.max_epochs=-1", "+trainer.max_time=00:01:00:00"],
        "set trainer.max_epochs to a number",
    ),
    "a gain without brackets": (["model.first_layer_gain=2"], "must be a list, got 2; put it in"),
    "no such monitor": (["monitor=val/nlll"], "must be one of val/nll"),
    "no such accelerator": (["trainer.accelerator=gpu"], "set trainer.accelerator=cpu"),
    "no checkpoint": (["ckpt_path=no.ckpt"], "there is no checkpoint no.ckpt"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_one_message_and_nothing_is_left(mistake, run, tmp_path):
    overrides, wanted = MISTAKES[mistake]
    status, said = run("train", *overrides)
    if isinstance(status, str):  # which Python prints, and exits with 1
        status, said = 1, status
    assert status == 1
    assert wanted in said
    assert "Traceback" not in said
    assert not list(tmp_path.glob("outputs/train/*"))


FILES = {
    "not what its ending says": ("a.parquet", "a,y\n1,2\n3,4\n"),
    "empty": ("a.csv", ""),
    "header only": ("a.csv", "a,y\n"),
    "text": ("a.csv", "a,y\n1,2\nx,4\n5,6\n"),
    "nan": ("a.csv", "a,y\n1,2\nnan,4\n5,6\n"),
    "inf": ("a.csv", "a,y\n1,2\ninf,4\n5,6\n"),
    "one row": ("a.csv", "a,y\n1,2\n"),
    "missing column": ("a.csv", "a,b\n1,2\n3,5\n"),
    "target among the inputs": ("a.csv", "y,z\n1,2\n3,5\n"),
}


@pytest.mark.parametrize("case", FILES)
def test_a_bad_file_is_one_message_and_nothing_is_left(case, run, tmp_path):
    name, text = FILES[case]
    (tmp_path / name).write_text(text)
    inputs = ["data.inputs=[y]"] if case == "target among the inputs" else []
    status, said = run("train", "data=file", f"data.path={name}", "data.targets=[y]", *inputs)
    assert status == 1
    assert "error: " in said
    assert "Traceback" not in said
    assert not list(tmp_path.glob("outputs/train/*"))


def test_a_typo_costs_no_heavy_import(run):
    code = "import sys; import mdn.app.job, mdn.app.sweep; print('torch' in sys.modules)"
    import subprocess

    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "False"
