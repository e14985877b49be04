"""Every key of the configuration has a rule, and hostile values meet a sentence."""

import copy
import re
from functools import cache

import pytest
import yaml
from configurations import CONF
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from mdn.app.check import read_node
from mdn.app.command_line import _one_line
from mdn.app.errors import UserError
from mdn.app.memory_limits import check_sizes
from mdn.app.rule_kinds import Choice, Column, Columns, Devices, Flag, Number, Several, Text, whole
from mdn.app.rules import rule_of
from mdn.app.run import read_run
from mdn.model.export_formats import FORMATS

RUNS = [
    "",
    "data=random_clusters objective=beta_nll family=constant schedule=constant",
    "data=turning_covariance objective=crps family=tied callbacks=em_frames",
    "data=file data.path=a.csv data.targets=[y] objective=ngem",
    "model=gmm_em data=three_gaussians",
]
"""Together they have every key that training takes."""

TEXTS = {
    *("run_dir", "ckpt_path", "path", "val_path", "test_path", "dirpath", "filename"),
    *("targets", "inputs", "exclude", "weight", "metrics", "progress.monitor"),
    *("split_by", "group_by", "time_by"),
}
"""Keys that take any word."""

REPEATED = ("family", "encoding", "backbone", "objective", "regularizer", "optimizer", "schedule")
"""What a model repeats."""


def leaves(node, path=""):
    for key, value in node.items():
        if isinstance(value, dict):
            inner = path == "model." and key in REPEATED
            yield from () if inner else leaves(value, f"{path}{key}.")
        elif key[0] != "_":
            yield f"{path}{key}"


@cache
def composed(overrides):
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose("train", ["run_dir=.", *overrides.split()])
    OmegaConf.set_struct(config, False)
    return config


def keys():
    configs = [OmegaConf.to_container(composed(each), resolve=True) for each in RUNS]
    named = {
        key: overrides
        for overrides, config in zip(RUNS, configs, strict=True)
        for key in leaves(config)
    }
    return sorted(named.items())


def test_every_key_of_the_groups_is_among_them():
    there = {key.rpartition(".")[2] for key, _ in keys()}
    for file in CONF.rglob("*.yaml"):
        text = yaml.safe_load(file.read_text()) or {}
        if file.parent != CONF and file.parent.name != "experiment":
            node = {k: v for k, v in text.items() if k not in ("defaults", "hydra")}
            last = {each.rpartition(".")[2] for each in leaves(node)}
            assert last - {*REPEATED} - {"run", "sweep", "dir", "subdir", "problem"} <= there, file


@pytest.mark.parametrize("value", ["no such", float("nan"), -1.5e9], ids=str)
@pytest.mark.parametrize(("key", "overrides"), keys())
def test_every_key_refuses_a_word_and_numbers_out_of_range(key, overrides, value):
    if value == "no such" and any(f".{key}".endswith(f".{each}") for each in TEXTS):
        return
    config = copy.deepcopy(composed(overrides))
    OmegaConf.update(config, key, value)
    with pytest.raises((UserError, ValueError), match=re.escape(key.rpartition(".")[2])) as refusal:
        read_run(read_node(OmegaConf.to_container(config, resolve=True)))
    assert key in str(refusal.value)
    assert "got" in str(refusal.value)


@pytest.mark.parametrize(("key", "known"), {"format": {*FORMATS}}.items())
def test_choices_are_those_of_the_code(key, known):
    rule = rule_of(key)
    assert isinstance(rule, Choice)
    assert {*rule.options} == known


HOSTILE = [None, True, 0, -1, 1.5, 1e400, float("nan"), "", "a b", "???"]
HOSTILE += [[], [1], ["a", None], {"a": 1}]
TAKEN = {
    Number(): [0, -1, 1.5],
    whole(1, "auto", most=9): [],
    Number(above=0, below=2): [1.5],
    Flag(): [True],
    Choice(("a b", None)): ["a b", None],
    Text(): ["a b", "???"],
    Text(null=True): ["a b", "???", None],
    Several(whole(0)): [[1]],
    Several(whole(0), single=True): [[1], 0],
    Column(): ["a b", "???", 0, -1],
    Columns(): ["a b", "???", 0, -1, None, [], [1]],
    Devices(): [-1, [1]],
}


@pytest.mark.parametrize("rule", TAKEN, ids=lambda rule: str(rule)[:60])
def test_a_rule_takes_these_and_refuses_the_rest_by_name(rule):
    for value in HOSTILE:
        if repr(value) in map(repr, TAKEN[rule]):
            assert rule.read("some.key", value) == value
        else:
            with pytest.raises(UserError, match=r"^some\.key must be .*got"):
                rule.read("some.key", value)


def test_a_whole_number_may_be_written_as_a_power_of_ten():
    data = {"_target_": "mdn.training.synthetic_data.SyntheticData", "train_rows": 1e4}
    read = read_node({"data": data, "seed": 3.0})
    assert read == {"data": data | {"train_rows": 10000}, "seed": 3}
    assert isinstance(read["data"]["train_rows"], int)


def test_a_range_is_said_with_both_ends():
    with pytest.raises(UserError, match=r"^threads must be a whole number from 1 to 1024, got 0"):
        read_node({"threads": 0})


def test_what_a_model_repeats_of_a_group_keeps_to_the_rule_of_the_group():
    with pytest.raises(UserError, match=r"^model\.optimizer\.lr must be a positive number"):
        read_node({"model": {"optimizer": {"lr": 0}}})


BACKBONE = {"width": 64, "depth": "auto"}
MODEL = {"num_components": "auto", "ensemble_size": 8, "backbone": BACKBONE}
TOO_LARGE = {
    "model.num_components=100000000": {"model": MODEL | {"num_components": 10**8}},
    "1000000000 networks": {"model": MODEL | {"ensemble_size": 10**9}},
    "width=10000000": {"model": MODEL | {"backbone": BACKBONE | {"width": 10**7}}},
    "depth=1000000": {"model": MODEL | {"backbone": BACKBONE | {"depth": 10**6}}},
    "data.train_rows=1000000000000": {"data": {"train_rows": 10**12}},
    "data.problem.num_targets=1000000": {"data": {"problem": {"num_targets": 10**6}}},
    "samples=100000000": {"samples": 10**8, "columns": ["samples"]},
}


@pytest.mark.parametrize("setting", TOO_LARGE)
def test_what_cannot_fit_is_refused_by_its_setting(setting, monkeypatch):
    monkeypatch.setattr("mdn.distributions.checks.available_memory", lambda: 64e9)
    with pytest.raises(UserError, match=f"{setting}.* would take .* has 64 GB left; ask for less"):
        check_sizes(TOO_LARGE[setting])
    check_sizes({"model": MODEL, "data": {"train_rows": 10**6, "problem": {}}, "samples": 3})


def test_a_warning_is_told_without_its_place_in_the_code():
    assert _one_line("mend it", UserWarning, "module.py", 3) == "warning: mend it\n"
    assert _one_line("gone", FutureWarning) == "warning (FutureWarning): gone\n"
