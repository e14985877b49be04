"""A checkpoint from a stranger runs nothing, and what does not fit is refused in one sentence."""

import copy
import io
import pathlib
import pickle
import time
import zipfile

import pytest
import torch
from checkpoints import stored, untrained

import mdn
from mdn.app.build_lightning import stored_data
from mdn.app.resume import check_resume
from mdn.model.archive import _check_pickle
from mdn.model.card import ModelCard
from mdn.model.checkpoint import CARD, FORMAT, WEIGHTS, read_checkpoint, write_checkpoint
from mdn.model.seal import seal

WITHIN_SECONDS = 10.0
"""So that a refusal is at once: what is refused late has done its work before."""


class Payload:
    """What an attacker would have unpickled: it makes a file."""

    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return pathlib.Path.touch, (self.marker,)


@pytest.fixture(scope="module")
def good():
    """What a healthy checkpoint of a default-shaped ensemble holds."""
    torch.manual_seed(0)
    module = untrained("model.ensemble_size=3")
    data = {
        "kind": "synthetic",
        "problem": {"kind": "two_branches"},
        **{"train_rows": 9, "val_rows": 9, "test_rows": 9, "batch_size": 3, "seed": 0},
    }
    state = {"epoch": 3, "global_step": 9, "loops": {}, "callbacks": {}}
    state |= {"optimizer_states": [], "lr_schedulers": []}
    checkpoint = stored(module)
    checkpoint[CARD]["data"] = data
    return checkpoint | state


@pytest.fixture
def hostile(good, tmp_path):
    """The path of a sealed copy of the good checkpoint after an edit."""

    def write(edit):
        checkpoint = copy.deepcopy(good)
        edit(checkpoint)
        path = tmp_path / "hostile.ckpt"
        write_checkpoint(checkpoint, path)
        return path

    return write


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


UNSAFE = {"_target_": "torch.load", "f": "evil.bin", "weights_only": False}
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
    "rows of text": (lambda c: c[CARD].update(rows={"train": "x"}), "its rows must be"),
    "no weights": (lambda c: c.pop(WEIGHTS), "holds no weights"),
    "weights of text": (
        lambda c: unreal(c[WEIGHTS], "model.inputs.shift", "x"),
        "holds no weights",
    ),
    "a weight is missing": (
        lambda c: c[WEIGHTS].pop("model.inputs.shift"),
        "inputs.shift is float64",
    ),
    "a weight too many": (
        lambda c: unreal(c[WEIGHTS], "model.network.more", torch.ones(3)),
        "network.more is not there",
    ),
    "one number for a terabyte": (
        lambda c: unreal(c[WEIGHTS], "model.inputs.shift", torch.ones(1).expand(10**6, 10**6)),
        "holds no weights",
    ),
    "NaN in the weights": (
        lambda c: c[WEIGHTS]["model.network.head.weights.bias"].fill_(torch.nan),
        "network.head.weights.bias that are not finite",
    ),
    "half precision": (
        lambda c: unreal(c[WEIGHTS], "model.inputs.shift", c[WEIGHTS]["model.inputs.shift"].half()),
        "holds no weights",
    ),
    "a name that is a number": (
        lambda c: unreal(c[WEIGHTS], 3, torch.ones(1)),
        "holds no weights",
    ),
    "a unit of 0": (
        lambda c: c[WEIGHTS]["model.inputs.factor"].zero_(),
        "inputs.factor must be above",
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
    torch.save({**good, FORMAT: 3}, tmp_path / "later.ckpt")
    seal(tmp_path / "later.ckpt")
    with pytest.raises(ValueError, match="has layout 3, and this version reads 2"):
        mdn.load(tmp_path / "later.ckpt")


@pytest.mark.parametrize("place", ["card", "weights", "beside them"])
def test_an_object_is_never_unpickled(good, tmp_path, place):
    marker = tmp_path / "marker"
    checkpoint = copy.deepcopy(good)
    node = {"card": checkpoint[CARD], "weights": checkpoint[WEIGHTS]}.get(place, checkpoint)
    node["first_layer_gain"] = Payload(marker)
    write_checkpoint(checkpoint, tmp_path / "evil.ckpt")
    with pytest.raises(ValueError, match="would have run code, which is never done"):
        mdn.load(tmp_path / "evil.ckpt")
    assert not marker.exists()


def key_of_tuples():
    """Two to the 60th steps to hash, in a hundred bytes."""
    key = ()
    for _ in range(60):
        key = (key, key)
    return key


def pickled(*instructions):
    return b"\x80\x02" + b"".join(instructions) + b"."


PICKLES = {
    "a byte array of any length": (
        pickled(b"c__builtin__\nbytearray\n", b"\x8a\x05\x00\x00\x00\x80\x01", b"\x85", b"R"),
        "__builtin__.bytearray",
    ),
    "a key whose hash takes forever": (
        pickled(b"}", b"(t", b"q\x00", *[b"0h\x00h\x00\x86q\x00"] * 60, b"K\x01", b"s"),
        "keys are not text or numbers",
    ),
    "a name from the stack": (pickled(b"U\x02os", b"U\x06system", b"\x93"), "instruction SHORT"),
    "an instance of a class": (pickled(b"(ios\nsystem\n"), "the instruction INST"),
    "nothing on the stack": (pickled(b"s"), "without what it takes"),
    "cut short": (b"\x80\x02}", "exhausted before seeing STOP"),
}


@pytest.mark.parametrize("case", PICKLES)
def test_instructions_that_no_checkpoint_needs_are_refused(tmp_path, case):
    content, message = PICKLES[case]
    with zipfile.ZipFile(tmp_path / "bad.ckpt", "w") as archive:
        archive.writestr("archive/data.pkl", content)
    seal(tmp_path / "bad.ckpt")
    start = time.monotonic()
    with pytest.raises(ValueError, match=message):
        mdn.load(tmp_path / "bad.ckpt")
    assert time.monotonic() - start < WITHIN_SECONDS


def test_a_key_of_tuples_is_refused_as_pickle_writes_it():
    with pytest.raises(ValueError, match="keys are not text or numbers"):
        _check_pickle(pickle_of_key())


def pickle_of_key():
    """A dictionary with that key, which no Python could make."""
    value = pickle.dumps(key_of_tuples(), 2)
    return value[:2] + b"}" + value[2:-1] + b"K\x01s."


def test_compressed_records_are_refused(good, tmp_path):
    write_checkpoint(good, tmp_path / "good.ckpt")
    with zipfile.ZipFile(tmp_path / "good.ckpt") as whole:
        records = {name: whole.read(name) for name in whole.namelist()}
    with zipfile.ZipFile(tmp_path / "bomb.ckpt", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in (records | {"archive/data/0": bytes(10**7)}).items():
            archive.writestr(name, content)
    seal(tmp_path / "bomb.ckpt")
    with pytest.raises(ValueError, match="compressed records"):
        mdn.load(tmp_path / "bomb.ckpt")


def laughs():
    value = ["ha"]
    for _ in range(40):
        value = [value, value]
    return value


@pytest.mark.parametrize("number", [laughs(), "1", None, 1.0, True, torch.ones(3)])
def test_a_layout_that_is_no_number_is_not_printed(good, tmp_path, number):
    torch.save({**good, FORMAT: number}, tmp_path / "odd.ckpt")
    seal(tmp_path / "odd.ckpt")
    with pytest.raises(ValueError, match=r"has layout of type \w+, and this version reads 2"):
        mdn.load(tmp_path / "odd.ckpt")


def bytes_of(value):
    stream = io.BytesIO()
    torch.save(value, stream)
    return stream.getvalue()


FILES = {
    "empty": b"",
    "one byte": b"P",
    "text": b"hello, world\n" * 100,
    "a pickle": pickle.dumps({"mdn": {}}),
    "another project's": bytes_of({"state_dict": {}, "hyper_parameters": {}}),
    "a tensor": bytes_of(torch.ones(3)),
}


@pytest.mark.parametrize("case", FILES)
def test_a_file_of_another_kind_is_refused(tmp_path, case):
    path = tmp_path / "other.ckpt"
    path.write_bytes(FILES[case])
    with pytest.raises(ValueError, match="is not a whole checkpoint of this project"):
        mdn.load(path)


@pytest.mark.parametrize("value", [{"state_dict": {}}, torch.ones(3), [1, 2]])
def test_a_sealed_file_of_another_kind_is_refused(tmp_path, value):
    torch.save(value, tmp_path / "other.ckpt")
    seal(tmp_path / "other.ckpt")
    with pytest.raises(ValueError, match="holds no card"):
        mdn.load(tmp_path / "other.ckpt")


def test_a_sealed_archive_of_another_kind_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "other.ckpt", "w") as archive:
        archive.writestr("data.txt", "hello")
    seal(tmp_path / "other.ckpt")
    with pytest.raises(ValueError, match="is no checkpoint of plain data"):
        mdn.load(tmp_path / "other.ckpt")


def test_a_folder_or_nothing_is_refused(tmp_path):
    for path in (tmp_path, tmp_path / "nothing.ckpt"):
        with pytest.raises(FileNotFoundError, match="there is no checkpoint"):
            mdn.load(path)


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


DATA = {
    "rows without end": ({"test_rows": 10**15}, r"test_rows=1e\+15` would take .* of memory"),
    "more rows than numbers": ({"test_rows": 10**40}, r"test_rows=1e\+40` would take"),
    "clusters without end": (
        {
            "problem": {
                **{"kind": "random_clusters", "num_components": 10**12, "num_targets": 2},
                **{"radius": 1.0, "correlated": True, "seed": 0},
            }
        },
        "num_components=1000000000000 and 2 targets would take",
    ),
    "a target": ({"_target_": "shutil.copyfile", "src": "a", "dst": "b"}, "with a 'kind'"),
    "a dotted kind": ({"kind": "shutil.copyfile"}, "does not know as a data"),
    "a problem that is a target": ({"problem": UNSAFE}, r"data\.problem must be settings"),
    "a number that is text": ({"train_rows": "${oc.env:HOME}"}, "train_rows must be a whole"),
    "a setting too many": ({"hook": "x"}, "has no setting 'hook'"),
}


@pytest.mark.parametrize("case", DATA)
def test_data_that_a_checkpoint_names_is_checked(good, case):
    changes, message = DATA[case]
    settings = changes if "kind" in changes or "_target_" in changes else None
    settings = settings or copy.deepcopy(good[CARD]["data"]) | changes
    with pytest.raises(ValueError, match=message):
        stored_data(settings)


def test_files_that_a_checkpoint_names_are_printed_before_they_are_opened(capsys):
    settings = {
        "kind": "file",
        "path": "/nowhere/secret.csv",
        **{"targets": [0], "inputs": None, "weight": None, "val_path": None},
        **{"test_path": "/nowhere/test.csv", "val_fraction": 0.1, "test_fraction": 0.1},
        **{"dequantize": False, "batch_size": "auto", "seed": 0},
    }
    with pytest.raises(FileNotFoundError, match="secret"):
        stored_data(settings)
    said = capsys.readouterr().out
    assert "data.path: /nowhere/secret.csv" in said
    assert "data.test_path: /nowhere/test.csv" in said


def test_a_path_that_would_move_the_cursor_is_refused_by_name(capsys):
    settings = {
        "kind": "file",
        "path": "/tmp/\x1b[31mred\x1b]0;pwn\x07.csv",
        **{"targets": [0], "inputs": None, "weight": None, "val_path": None, "test_path": None},
        **{"val_fraction": 0.1, "test_fraction": 0.1},
        **{"dequantize": False, "batch_size": "auto", "seed": 0},
    }
    with pytest.raises(ValueError, match=r"data\.path holds signs that cannot be printed") as error:
        stored_data(settings)
    assert "\x1b" not in str(error.value) + capsys.readouterr().out


def test_a_resumed_run_copies_no_file_that_a_checkpoint_names(good, tmp_path):
    """The best model so far is the file beside the one that is resumed, and no other."""
    from mdn.training.callbacks.best_and_last import BestCheckpoint, SealedCheckpointIO

    secret = tmp_path / "secret.ckpt"
    secret.write_text("secret")
    (tmp_path / "run").mkdir()
    write_checkpoint(good, tmp_path / "run" / "last.ckpt")
    callback = BestCheckpoint(str(tmp_path / "here"), "best", "val/nll", "min")
    callback._io = SealedCheckpointIO()
    callback._io.load_checkpoint(tmp_path / "run" / "last.ckpt")
    callback.load_state_dict(
        {
            "best_model_path": str(secret),
            "best_model_score": torch.tensor(1.0),
            "best_k_models": {str(secret): torch.tensor(1.0)},
            "kth_best_model_path": str(secret),
            "dirpath": str(tmp_path / "here"),
        }
    )
    assert callback.best_model_path == callback.kth_best_model_path == ""
    assert not (tmp_path / "here").exists()


def test_reading_is_free_of_the_command_line(hostile):
    """What a checkpoint says of its run is data: no override in it is composed."""
    path = hostile(lambda c: c[CARD].update(overrides=["family=full", "+x=${oc.env:HOME}"]))
    assert read_checkpoint(path)[CARD]["overrides"][1] == "+x=${oc.env:HOME}"
    mdn.load(path)
