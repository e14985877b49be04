"""The command line of a run that goes on, from the overrides of the run and the user's own."""

from argparse import Namespace
from functools import cache, partial

import pytest
from hydra.errors import HydraException

from mdn.app.check import like
from mdn.app.config_groups import choices_of, group_names
from mdn.app.merged_overrides import EarlierRun, merged
from mdn.app.overrides import parsed, text_of
from mdn.app.resume_summary import summary
from mdn.app.resumed_command import compose
from mdn.app.rules import rule_of
from mdn.app.trusted_overrides import PATHS, WORDS, is_choice, untaken

NO_FLAGS = Namespace(config_path=None, config_dir=None, config_name=None)


@cache
def groups(*choices):
    return EarlierRun.of(parsed(choices)).groups


def earlier(texts):
    """The run of some overrides; composing takes a tenth of a second, once for the same choices."""
    overrides = parsed(texts)
    return EarlierRun(overrides, groups(*(text_of(each) for each in overrides if is_choice(each))))


def both(stored, given):
    """The run, the overrides that the user gives, and what holds of both."""
    run, new = earlier(stored), parsed(given)
    return run, new, merged(run, new, partial(compose, given=new, flags=NO_FLAGS))


def line(stored, given):
    """The overrides that Hydra reads."""
    _, _, result = both(stored, given)
    return [*map(text_of, result.stored), *result.given]


def said(stored, given):
    return summary(*both(stored, given))


FILE = ["data=file", "data.path=/a.csv", "data.targets=[price]"]

LINES = {
    "nothing new": (["seed=1", "optimizer.lr=1e-3"], [], ["seed=1", "optimizer.lr=1e-3"]),
    "another value": (["seed=1", "optimizer.lr=1e-3"], ["seed=2"], ["optimizer.lr=1e-3", "seed=2"]),
    "a value of an added key": (
        ["+trainer.strategy=ddp"],
        ["trainer.strategy=auto"],
        ["++trainer.strategy=auto"],
    ),
    "an added key once more": (
        ["+trainer.strategy=ddp"],
        ["+trainer.strategy=ddp"],
        ["+trainer.strategy=ddp"],
    ),
    "the same choice": (FILE, ["data=file"], [*FILE[1:], "data=file"]),
    "another choice": (FILE, ["data=jumps"], ["data=jumps"]),
    "another choice, and its settings": (
        ["schedule.warmup=0.2", "optimizer.lr=1e-3"],
        ["schedule=constant"],
        ["optimizer.lr=1e-3", "schedule=constant"],
    ),
    "a choice among many": (
        ["objective=crps", "objective.weight=2"],
        ["objective=nll,crps"],
        ["objective=nll,crps"],
    ),
    "a choice that brings others": (
        ["backbone.width=8", "optimizer.lr=1", "trainer.max_epochs=3", "model.num_components=2"],
        ["model=gmm_em"],
        ["trainer.max_epochs=3", "model=gmm_em"],
    ),
    "a key taken away": (
        ["callbacks.early_stopping.patience=3", "seed=1"],
        ["~callbacks.early_stopping"],
        ["seed=1", "~callbacks.early_stopping"],
    ),
    "taken away twice": (
        ["~callbacks.early_stopping"],
        ["~callbacks.early_stopping"],
        ["~callbacks.early_stopping"],
    ),
    "a key given back": (
        ["~callbacks.early_stopping"],
        ["callbacks.early_stopping.patience=3"],
        ["callbacks.early_stopping.patience=3"],
    ),
    "a null given back": (
        ["callbacks.density_plot=null"],
        ["callbacks.density_plot.every_n_epochs=3"],
        ["callbacks.density_plot.every_n_epochs=3"],
    ),
    "an added key taken away": (["+trainer.profiler=simple"], ["~trainer.profiler"], []),
    "an added key set to null": (["+trainer.profiler=simple"], ["+trainer.profiler=null"], []),
    "an added callback taken away": (
        ["+callbacks.mine._target_=mine.Mine", "+callbacks.mine.n=3"],
        ["~callbacks.mine"],
        [],
    ),
    "a key of an own group set to null": (
        ["callbacks=mine", "callbacks.mine.n=3"],
        ["callbacks.mine.n=null"],
        ["callbacks=mine", "callbacks.mine.n=null"],
    ),
    "a group chosen twice": (
        ["data=two_branches", "data=three_gaussians", "data.train_rows=50"],
        ["data=two_branches", "data=three_gaussians"],
        ["data.train_rows=50", "data=two_branches", "data=three_gaussians"],
    ),
    "another experiment": (
        ["experiment=seed_gradient", "components=7"],
        ["experiment=seed_em"],
        ["experiment=seed_em"],
    ),
    "a value between settings": (
        ["model.target_transform={price: log}"],
        ["model.target_transform.price=logit"],
        ["model.target_transform={price: log}", "model.target_transform.price=logit"],
    ),
}


@pytest.mark.parametrize("case", LINES)
def test_of_two_overrides_the_later_holds(case):
    stored, given, wanted = LINES[case]
    assert line(stored, given) == wanted


def test_every_change_is_said_in_a_line():
    stored = [*FILE, "+trainer.strategy=ddp", "trainer.max_epochs=5"]
    given = ["ckpt_path=a.ckpt", "trainer.max_epochs=9", "optimizer.lr=0.01", "hydra.verbose=true"]
    assert said(stored, given) == [
        "changed     trainer.max_epochs from 5 to 9",
        "reads       the checkpoint's data.path: /a.csv",
    ]
    given = ["data=jumps", "trainer.strategy=auto", "+trainer.min_epochs=3", "seed=1,2"]
    assert said(stored, given) == [
        "changed     data from file to jumps",
        "changed     trainer.strategy from ddp to auto",
        "added       trainer.min_epochs=3",
        "changed     seed from 0 to 1 or 2",
        "left out    data.path=/a.csv",
        "left out    data.targets=[price]",
    ]
    assert said(stored, ["~callbacks.finite", "threads=null", "callbacks.early_stopping=null"]) == [
        "left out    callbacks.finite",
        "changed     threads from 1 to null",
        "left out    callbacks.early_stopping",
        "reads       the checkpoint's data.path: /a.csv",
    ]


TAKEN = [
    *("seed=3", "monitor=val/nll_standardized", "recalibrate=true", "compile=true", "threads=null"),
    *("family=diagonal", "family.min_scale=grid", "family.factor=precision", "backbone=none"),
    *("optimizer.lr=1e-3", "optimizer.betas=[0.9,0.99]", "+optimizer.amsgrad=true"),
    *("model=gmm", "model.target_transform={price: log, share: {kind: logit, low: 0, high: 1}}"),
    *("experiment=seed_em", "callbacks=[default,fit_frames]", "callbacks=none"),
    *("callbacks.density_plot=null", "~callbacks.early_stopping", "~callbacks.finite=null"),
    *("callbacks.last_checkpoint.every_seconds=0", "+callbacks.early_stopping.verbose=true"),
    *("callbacks.singularity_reset.thresholds.min_rows=3", "trainer.max_epochs=auto"),
    *("trainer.accelerator=cpu", "trainer.devices=2", "trainer.devices=[0,1]", "trainer=em"),
    *("+trainer.strategy=ddp", "+trainer.limit_train_batches=0.5"),
    *("trainer.precision=bf16-mixed", "+trainer.max_time=00:01:00:00", "++seed=3"),
]
FILE_TAKEN = [
    *("data.path=/a.csv", "data.val_path='/b c.csv'", "data.test_path=null", "data.targets=price"),
    *("data.targets=['a b',\"it's\",3]", r'data.targets=["\${a}"]', "data.targets=['Größe 温度']"),
    *("data.inputs=null", "data.exclude=[]", "data.kinds={zip: category}", "data.time_gap=7d"),
    *("data.weight=w", "data.stream=true", "data.inputs=['re:temp_\\d+']", "data.seed=2"),
]


@pytest.mark.parametrize("text", TAKEN)
def test_plain_settings_are_taken(text):
    run = earlier([text])
    assert untaken(run.overrides, run.groups) == []


@pytest.mark.parametrize("text", FILE_TAKEN)
def test_plain_settings_of_a_file_are_taken(text):
    run = earlier(["data=file", text])
    assert untaken(run.overrides, run.groups) == []


UNTAKEN = [
    *("optimizer._target_=torch.optim.sgd.SGD", "callbacks.finite._target_=os.system"),
    *(
        "+callbacks.mine._target_=mine.Mine",
        "+callbacks.mine.n=3",
        "callbacks.finite={_target_: x}",
    ),
    *("+trainer.profiler=simple", "+trainer.default_root_dir=/etc", "+trainer.logger=true"),
    *("+trainer.plugins=x", "trainer.strategy={_target_: a.B}", "+trainer.callbacks=[x]"),
    *("+trainer.enable_checkpointing=false", "+trainer.fast_dev_run=true", "+trainer.barebones=1"),
    *("callbacks.best_checkpoint.dirpath=/etc", "callbacks.last_checkpoint.filename=../../x"),
    *("ckpt_path=/etc/a.ckpt", "run_dir=/etc", "hydra.run.dir=/etc", "hydra/launcher=joblib"),
    *("hydra.mode=MULTIRUN", "hydra.searchpath=[/tmp]", "+parts.backbone=os.system"),
    *("seed=${oc.env:HOME}", "monitor=${x}", "optimizer.betas=[${seed},0.9]", "seed=1,2"),
    *("backbone.activation=${oc.env:HOME}", r'backbone.activation="\\${oc.env:HOME}"'),
    *("backbone=periodic", "backbone=[mlp,none]x", "backbone=null", "~backbone", "+backbone=mlp"),
    *("backbone=../../evil", "data@problem=jumps", "experiment=mine", "optimizer={lr: 1}"),
    *("backbone.frequencies=16", "+data.x=1", "nothing=1", "seed.x=1", "model.optimizer=x"),
    *("optimizer.lr=fast", "threads=100000", "trainer.devices=1000000", "seed=-1"),
    *("data.problem._target_=os.system", "~data._target_", "data.problem={_target_: os.system}"),
    *("++trainer.num_nodes=2",),
    *("trainer.accelerator=tpu", "+trainer.max_time={_target_: x}", "model={_target_: x}"),
    *("model.target_transform={price: {_target_: os.system}}", "backbone.activation=3"),
    *("callbacks.progress.metrics=[{_target_: os.system}]", "~seed", "_target_=x", "a/b=c"),
]


@pytest.mark.parametrize("text", UNTAKEN)
def test_what_may_name_code_or_a_place_is_not_taken(text):
    try:
        run = earlier([text])
    except HydraException:
        return  # a checkpoint with it is refused as a whole
    assert untaken(run.overrides, run.groups) == [text]


def test_every_free_text_of_the_configuration_is_named_or_not_taken():
    """A new key of free text has to be thought about."""
    known, refused = {*PATHS, *WORDS}, set()
    choices = [f"{group}={each}" for group in group_names() for each in choices_of(group)]
    for choice in choices:
        here = groups(choice)
        for key, value, target in leaves(here.node):
            rule = rule_of(key, target) or like(value)
            if (rule is None or rule.free_text) and not here.takes(parsed([f"{key}=word"])[0]):
                refused.add(key)
            elif rule is None or rule.free_text:
                assert key in known
    places = {"ckpt_path", "run_dir"}
    places |= {f"callbacks.{each}_checkpoint.{key}" for each in ("best", "last") for key in PLACES}
    repeated = {f"model.{part}" for part in ("backbone", "encoding", "family", "objective")}
    repeated |= {f"model.{part}" for part in ("optimizer", "regularizer", "schedule")}
    assert refused == places | repeated


PLACES = ("dirpath", "filename")


def leaves(node, path=""):
    """Keys with plain values, each with the class that takes it."""
    for name, value in node.items():
        if isinstance(value, dict) and value:
            yield from leaves(value, f"{path}{name}.")
        elif name[0] != "_" and not isinstance(value, dict):
            yield f"{path}{name}", value, str(node.get("_target_", ""))


def test_only_the_last_of_two_choices_counts():
    twice = ["data=two_branches", "data=three_gaussians"]
    assert said(twice, twice) == []
    assert said(twice, twice[::-1]) == ["changed     data from three_gaussians to two_branches"]
