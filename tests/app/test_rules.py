"""Every key of the configuration has a rule, and hostile values meet a sentence."""

import pytest
from configurations import CONF, composed

from mdn.app.command_line import _one_line
from mdn.app.errors import UserError
from mdn.app.fits import check_sizes
from mdn.app.rules import read_values, rule_of
from mdn.app.values import Choice, Column, Columns, Devices, Flag, Number, Several, Text, whole
from mdn.fitting.start import STARTS
from mdn.model.export_formats import FORMATS
from mdn.networks.backbones import ACTIVATIONS, NORMS

FREE = {"defaults", "hydra"}
"""What Hydra reads."""

OWN_KEYS = {
    *("components", "dims", "radius", "iterations", "mixture_lr", "component_lr", "log_every"),
    "visualize",
}
"""Keys of an experiment that only others refer to."""


def leaves(node, path=""):
    for key, value in node.items():
        if isinstance(value, dict) and value:
            yield from leaves(value, f"{path}{key}.")
        elif key[0] != "_" and not str(value).startswith("${") and value != {}:
            yield f"{path}{key}"


def keys():
    for file in CONF.rglob("*.yaml"):
        node = {k: v for k, v in composed(file).items() if k not in FREE}
        whole_file = file.parent == CONF or "@package _global_" in file.read_text()
        if file.name != "directories.yaml":
            yield from leaves(node, "" if whole_file else f"{file.parent.name}.")


@pytest.mark.parametrize("key", sorted({*keys()} - OWN_KEYS))
def test_every_key_has_a_rule(key):
    assert rule_of(key) is not None


@pytest.mark.parametrize(
    ("key", "known"),
    {
        "model.backbone.activation": {*ACTIVATIONS},
        "model.backbone.norm": {*NORMS},
        "model.start_from": {*STARTS},
        "format": {*FORMATS},
    }.items(),
)
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
    read = read_values({"data": {"train_rows": 1e4}, "seed": 3.0})
    assert read == {"data": {"train_rows": 10000}, "seed": 3}
    assert isinstance(read["data"]["train_rows"], int)


def test_a_range_is_said_with_both_ends():
    with pytest.raises(UserError, match=r"^threads must be a whole number from 1 to 1024, got 0"):
        read_values({"threads": 0})


def test_what_a_model_repeats_of_a_group_keeps_to_the_rule_of_the_group():
    with pytest.raises(UserError, match=r"^model\.family\.min_scale must be a positive number"):
        read_values({"model": {"family": {"min_scale": 0}}})


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
