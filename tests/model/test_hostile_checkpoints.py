"""A checkpoint from a stranger runs nothing, and what does not fit is refused in one sentence."""

import time

import pytest
import torch
from hostile import UNSAFE, WITHIN_SECONDS, Payload

import mdn
from mdn.app.resume import check_resume
from mdn.model.card import ModelCard
from mdn.model.checkpoint import (
    CARD,
    FORMAT,
    OVERRIDES,
    WEIGHTS,
    overrides_of,
    read_checkpoint,
)
from mdn.model.seal import seal


def cyclic():
    itself = []
    itself.append(itself)
    return itself


def bomb():
    """A few kilobytes that unfold to 10 to the 24th values."""
    value = [1] * 1000
    for _ in range(7):
        value = [value] * 1000
    return value


INTERPOLATION = "${oc.create:{_target_:torch.load,f:evil.bin,weights_only:false}}"

SETTINGS = {
    "a target in a tuple": ("first_layer_gain", (UNSAFE,), "got a tuple"),
    "two targets in a tuple": ("first_layer_gain", (UNSAFE, UNSAFE), "got a tuple"),
    "a partial": ("backbone", {"_partial_": True, "_target_": "os.system"}, "with a 'kind'"),
    "a target as a backbone": ("backbone", UNSAFE, "with a 'kind'"),
    "a dotted kind": ("backbone", {"kind": "torch.load"}, "does not know as a backbone"),
    "a kind that is a list": ("family", {"kind": ["full"]}, "with a 'kind'"),
    "a kind of another role": ("family", {"kind": "mlp"}, "does not know as a family"),
    "a tuple of betas": ("optimizer.betas", (0.9, 0.99), "got a tuple"),
    "an interpolation of a number": ("num_components", "${oc.env:HOME}", "a whole number, got"),
    "the environment": ("backbone.activation", "${oc.env:HOME}", "activation must be one of"),
    "a setting too many": ("backbone.hook", "os.system", "has no setting 'hook'"),
    "an argument of the program": ("backbone.num_inputs", 10**9, "has no setting 'num_inputs'"),
    "a set": ("first_layer_gain", {1.0}, "plain data"),
    "a tensor": ("num_components", torch.tensor(3), "got a Tensor"),
    "a key that is no text": ("family", {1: 2}, "plain data"),
    "a list in itself": ("first_layer_gain", cyclic(), "at most 30 levels"),
    "a bomb": ("first_layer_gain", bomb(), "at most 1000000 values"),
    "true for a number": ("num_components", True, "a whole number, got True"),
    "a word for a number": ("backbone.width", "wide", "a whole number, got 'wide'"),
    "half a layer": ("backbone.depth", 2.5, "a whole number or auto, got 2.5"),
    "not a number": ("family.min_scale", float("nan"), "min_scale must be a positive number"),
    "a negative floor": ("family.min_scale", -1.0, "min_scale must be a positive number"),
    "an open floor": ("family.min_scale", "grid", "only the rows can turn into a number"),
    "an open depth": ("backbone.depth", "auto", "only the rows can turn into a number"),
    "an open number": ("num_components", "auto", "a whole number, got 'auto'"),
    "no family": ("family", None, "family must be settings with"),
    "a hundred million layers": ("backbone.depth", 10**8, "depth must be at most 1000"),
    "more layers than weights": ("backbone.depth", 900, r"by its settings network\.backbone"),
    "fewer layers than weights": ("backbone.depth", 2, r"by its settings network\.backbone"),
    "a huge width": ("backbone.width", 10**6, "by its settings network"),
    "a width beyond memory": ("backbone.width", 10**9, "cannot be built"),
    "a width beyond numbers": ("backbone.width", 10**30, "cannot be built"),
    "a billion members": ("ensemble_size", 10**9, "ensemble_size is 1000000000"),
    "more members than weights": ("ensemble_size", 4, "by its settings network"),
    "no members": ("ensemble_size", 0, "ensemble_size is 0"),
    "a billion components": ("num_components", 10**9, "by its settings network"),
    "another family": (
        "family",
        {"kind": "shared_isotropic", "min_scale": 1e-3},
        "by its settings",
    ),
}

TRAINING_SETTINGS = {
    "a target in a list": (
        "first_layer_gain",
        [UNSAFE],
        r"first_layer_gain must be a list, .* a number",
    ),
    "a target with arguments": ("first_layer_gain", [{"_args_": [1]} | UNSAFE], "a list"),
    "a target in the betas": ("optimizer.betas", [UNSAFE, 0.99], "betas must be a list of 2"),
    "an interpolation": ("first_layer_gain", INTERPOLATION, "gain must be a list"),
    "an interpolation in a list": (
        "first_layer_gain",
        [INTERPOLATION],
        "first_layer_gain must be a list",
    ),
    "a setting too many": ("sharpness", [1.0], "model has no setting 'sharpness'"),
}
"""What a model is not built from: resuming reads it."""


def change(path, value):
    *parents, last = path.split(".")

    def edit(checkpoint):
        node = checkpoint[CARD]["model"]
        for parent in parents:
            node = node[parent]
        node[last] = value

    return edit


@pytest.mark.parametrize("case", TRAINING_SETTINGS)
def test_settings_of_the_training_are_refused_by_who_goes_on_with_it(hostile, good, case):
    setting, value, message = TRAINING_SETTINGS[case]
    path = hostile(change(setting, value))
    with pytest.raises(ValueError, match=message):
        check_resume(str(path), 10, ModelCard.read(good[CARD]))
    assert mdn.load(path).num_members == 3


@pytest.mark.parametrize("case", SETTINGS)
def test_settings_that_do_not_fit_are_refused(hostile, case, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    marker = tmp_path / "marker"
    torch.save(Payload(marker), tmp_path / "evil.bin")
    setting, value, message = SETTINGS[case]
    path = hostile(change(setting, value))
    start = time.monotonic()
    with pytest.raises(ValueError, match=message) as refusal:
        mdn.load(path)
    assert str(path) in str(refusal.value) or "card" in str(refusal.value)
    assert time.monotonic() - start < WITHIN_SECONDS
    assert not marker.exists()


@pytest.mark.parametrize("case", [case for case in SETTINGS if "kind" in SETTINGS[case][2]])
def test_a_run_goes_on_from_no_such_checkpoint(hostile, good, case):
    setting, value, message = SETTINGS[case]
    with pytest.raises(ValueError, match=message):
        check_resume(str(hostile(change(setting, value))), 10, ModelCard.read(good[CARD]))


def of_kind(**settings):
    def edit(checkpoint):
        checkpoint[CARD]["kinds"] = [{"kind": "number"} | settings] * 3

    return edit


def unreal(weights, name, tensor):
    weights[name] = tensor


EDITS = {
    "no card": (lambda c: c[CARD].clear(), "its inputs must be"),
    "no model": (lambda c: c[CARD].pop("model"), "its model must be"),
    "no inputs": (lambda c: c[CARD].pop("inputs"), "its inputs must be"),
    "inputs that are no names": (lambda c: c[CARD].update(inputs=[1, 2, 3]), "its inputs"),
    "one input more": (lambda c: c[CARD]["inputs"].append("z"), "by its settings"),
    "a card of text": (lambda c: c.update({CARD: "full"}), "holds no card"),
    "a recalibration of 0": (lambda c: c[CARD].update(recalibration=0.0), "must lie within"),
    "a recalibration of text": (lambda c: c[CARD].update(recalibration="1"), "recalibration"),
    "a smoothing below 0": (lambda c: c[CARD].update(smoothing=-1.0), "must lie within"),
    "a smoothing that is no number": (lambda c: c[CARD].update(smoothing=float("nan")), "must lie"),
    "a smoothing of text": (lambda c: c[CARD].update(smoothing="1"), "its smoothing must be"),
    "a guard without end": (lambda c: c[CARD].update(guard_width=1e308), "must lie within"),
    "a kind that there is not": (of_kind(kind="vector"), "column is 'vector'"),
    "a kind of another setting": (of_kind(width=9), "column has no setting 'width'"),
    "pieces that are no number": (of_kind(pieces="9"), "column.pieces must be a whole number"),
    "a billion pieces": (of_kind(pieces=10**9), "pieces must be at most 256"),
    "a billion waves": (of_kind(waves=10**9), "waves must be at most 256"),
    "other pieces than trained": (of_kind(pieces=8), "by its settings"),
    "columns of many waves": (
        lambda c: c[CARD].update(
            inputs=[f"x{i}" for i in range(9000)],
            kinds=[{"kind": "number", "waves": 256}] * 9000,
        ),
        "at most 1000000 features, and 9000 inputs make 4617000",
    ),
    "rows of text": (lambda c: c[CARD].update(rows={"train": "x"}), "its rows must be"),
    "no weights": (lambda c: c.pop(WEIGHTS), "holds no weights"),
    "weights of text": (
        lambda c: unreal(c[WEIGHTS], "model.inputs.values.shift", "x"),
        "holds no weights",
    ),
    "a weight is missing": (
        lambda c: c[WEIGHTS].pop("model.inputs.values.shift"),
        "inputs.values.shift is float64",
    ),
    "a weight too many": (
        lambda c: unreal(c[WEIGHTS], "model.network.more", torch.ones(3)),
        "network.more is not there",
    ),
    "one number for a terabyte": (
        lambda c: unreal(
            c[WEIGHTS], "model.inputs.values.shift", torch.ones(1).expand(10**6, 10**6)
        ),
        "holds no weights",
    ),
    "NaN in the weights": (
        lambda c: c[WEIGHTS]["model.network.head.weights.bias"].fill_(torch.nan),
        "network.head.weights.bias that are not finite",
    ),
    "half precision": (
        lambda c: unreal(
            c[WEIGHTS], "model.inputs.values.shift", c[WEIGHTS]["model.inputs.values.shift"].half()
        ),
        "holds no weights",
    ),
    "a name that is a number": (
        lambda c: unreal(c[WEIGHTS], 3, torch.ones(1)),
        "holds no weights",
    ),
    "a unit of 0": (
        lambda c: c[WEIGHTS]["model.inputs.values.factor"].zero_(),
        "inputs.values.factor must be above",
    ),
    "a negative unit": (
        lambda c: c[WEIGHTS]["model.targets.factor"].neg_(),
        "targets.factor must be",
    ),
    "a negative variance": (
        lambda c: c[WEIGHTS]["model.target_covariance"].neg_(),
        "negative variance",
    ),
    "an endless recalibration": (lambda c: c[CARD].update(recalibration=1e308), "must lie"),
    "two columns of one name": (
        lambda c: c[CARD].update(inputs=["a", "a", "b"]),
        "two of its columns have one name",
    ),
    "a name without end": (
        lambda c: c[CARD].update(inputs=["a", "b", "c" * 10**6]),
        "a name of more than 1000 letters",
    ),
}


@pytest.mark.parametrize("case", EDITS)
def test_contents_that_do_not_fit_are_refused(hostile, case):
    edit, message = EDITS[case]
    with pytest.raises(ValueError, match=message):
        mdn.load(hostile(edit))


def test_the_good_checkpoint_is_read(hostile, good):
    model = mdn.load(hostile(lambda _: None))
    weights = {f"model.{name}": value for name, value in model.state_dict().items()}
    assert all(torch.equal(weights[name], value) for name, value in good[WEIGHTS].items())
    check_resume(str(hostile(lambda _: None)), 10, ModelCard.read(good[CARD]))


def test_keys_that_a_later_version_adds_are_left_alone(hostile):
    model = mdn.load(hostile(lambda c: c[CARD].update(columns={"x0": {"kind": "number"}})))
    assert model.card.inputs == ["x0", "x1", "x2"]


def test_a_later_layout_is_refused_by_its_number(good, tmp_path):
    torch.save({**good, FORMAT: 4}, tmp_path / "later.ckpt")
    seal(tmp_path / "later.ckpt")
    with pytest.raises(ValueError, match="has layout 4, and this version reads 3"):
        mdn.load(tmp_path / "later.ckpt")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("epoch", "3"),
        ("epoch", -5),
        ("loops", {"fit_loop"}),
        ("loops", 5),
        ("callbacks", [1]),
        ("optimizer_states", None),
    ],
)
def test_a_state_that_no_run_left_is_not_gone_on_with(hostile, good, key, value):
    path = hostile(lambda c: c.update({key: value if value != {"fit_loop"} else None}))
    with pytest.raises(ValueError, match=r"no state of a run to go on with|fewer than none"):
        check_resume(str(path), 10, ModelCard.read(good[CARD]))


def test_reading_is_free_of_the_command_line(hostile):
    """What a checkpoint says of its run is data: no override in it is composed."""
    path = hostile(lambda c: c.update({OVERRIDES: ["family=full", "+x=${oc.env:HOME}"]}))
    assert overrides_of(read_checkpoint(path), path) == ["family=full", "+x=${oc.env:HOME}"]
    mdn.load(path)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (("seed=1",), "as a list of texts"),
        ("seed=1", "as a list of texts"),
        ({"seed": 1}, "as a list of texts"),
        ([["seed=1"]], "as a list of texts"),
        (["seed=1", None], "as a list of texts"),
        (["seed=" + "1" * 50_000], "more than 50000 letters"),
        ([""] * 50_001, "more than 50000 letters"),
    ],
)
def test_overrides_that_no_run_was_given_are_not_read(hostile, overrides, message):
    path = hostile(lambda c: c.update({OVERRIDES: overrides}))
    with pytest.raises(ValueError, match=message):
        overrides_of(read_checkpoint(path), path)
    assert mdn.load(path).num_members == 3
