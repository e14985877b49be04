"""What a model says of itself: columns, mixture, adjustments and training, from its card."""

from dataclasses import replace

import pytest
import torch
from checkpoints import untrained, untrained_mixed
from hard_names import NAMES as HARD_NAMES

import mdn
from mdn.networks.kinds import Number, kind_word


def test_it_says_what_it_takes_gives_and_is():
    model = untrained("model.num_components=2", "model.ensemble_size=3", "family=tied")
    sizes = {"train": [1200.0, 1.0], "val": [300.0]}
    recipe = model.card.model | {"max_epochs": 40}
    model.card = replace(model.card, rows=sizes, model=recipe)
    said = repr(model).splitlines()
    numbers = sum(p.numel() for p in model.parameters())
    assert said[:6] == [
        "Model of y0 given 3 inputs",
        "  ensemble    3 networks of 2 components, 6 in all",
        "  family      tied, floor 0.001 of a standardized target",
        f"  parameters  {numbers:,}, float32 on cpu",
        "  recipe      mdn, backbone mlp, objective nll, optimizer adamw, at most 40 epochs",
        "  rows        train 1,200, val 300",
    ]
    assert said[7].split("   ")[0].strip() == "input"
    assert said[8].split() == ["x0", "number"]


def test_kinds_gaps_and_values_of_training_are_said():
    said = repr(untrained_mixed())
    for name, kind, gaps, values in (
        ("size", "number", "yes", "-"),
        ("city", "category", "yes", "Berlin, São Paulo, Oslo, north, others"),
        ("when", "time", "yes", "2020-09-13 to 2023-11-14"),
        ("new", "boolean", "", ""),
    ):
        line = next(line for line in said.splitlines() if line.startswith(f"  {name} "))
        assert f"{kind}" in line
        assert ("yes" in line) == bool(gaps)
        assert values in line


def test_what_was_done_after_training_is_said():
    model = untrained(num_targets=2)
    adjustments = {"recalibrated", "smoothed", "guard"}
    assert not (adjustments | {"rounded", "learned as"}) & {*repr(model).split()}
    transforms = {"y1": {"kind": "log", "low": 0.0}}
    changes = dict(recalibration=1.25, smoothing=0.08, guard=0.012, guard_width=1.5)
    changes |= dict(grid={"y0": 0.5}, transforms=transforms)
    again = type(model)(model.network, replace(model.card, **changes))
    said = repr(again)
    assert "spread about each mean times 1.25" in said
    assert "smoothed      by 0.08 standard deviations of each learned target" in said
    assert "guard         1.2 % of the probability for rows unlike those of training, 1.5 " in said
    assert "rounded       y0 to 0.5" in said
    assert "learned as    y0, log(y1)" in said


def test_a_density_of_targets_has_no_inputs():
    rows = torch.randn(60, 1, dtype=torch.float64)
    model = mdn.fit({"kind": "gmm_em", "num_components": 2}, mdn.Table.from_arrays(None, rows))
    said = repr(model).splitlines()
    assert said[0] == "Model of y0, without inputs"
    assert said[1] == "  mixture     2 components"
    assert said[4].startswith("  recipe      gmm_em")


@pytest.mark.parametrize("first", range(0, len(HARD_NAMES), 4))
def test_names_in_a_notebook_are_text(first):
    names = ["<script>alert(1)</script>", *HARD_NAMES[first : first + 4]][:4]
    model = untrained_mixed(names=names)
    model.card = replace(model.card, targets=["<b>&"], model={"kind": "<i>", "backbone": 3})
    page = model._repr_html_()
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "<i>" not in page
    assert "color" not in page
    assert "&lt;b&gt;&amp;" in page


def test_many_inputs_are_cut_short_and_a_card_may_say_nothing():
    model = untrained(num_inputs=3)
    model.card = replace(
        model.card, inputs=[f"c{i}" for i in range(500)], kinds=[], ranges=[], model={}
    )
    model.card.__dict__.pop("fitted_kinds", None)
    said = repr(model)
    assert "... and 488 more inputs" in said
    assert "recipe      not known" in said


def test_layers_are_in_the_network():
    assert "MixtureHead" in repr(untrained().network)
    assert "MixtureHead" not in repr(untrained())


def test_a_kind_from_outside_is_called_by_its_class():
    class Angle(Number):
        pass

    assert kind_word(Angle()) == "Angle"
    assert kind_word(Number()) == "number"
