"""What the commands say to mistakes on the command line and in files."""

import sys

import pytest

from mdn.app.config_groups import check_choices

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


def test_only_groups_have_choices(tmp_path):
    check_choices([f"{tmp_path}=3", "../conf/family=3", "data.seed=3", "+seed=3", "=3", "family"])
    for key in ("family", "+family", "++family"):
        with pytest.raises(SystemExit, match=r"error: family must be one of .*, got 3; leave"):
            check_choices([f"{key}=3"])


def test_a_typo_costs_no_heavy_import(run):
    code = "import sys; import mdn.app.job, mdn.app.sweep; print('torch' in sys.modules)"
    import subprocess

    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "False"
