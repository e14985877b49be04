"""Exported models say what PyTorch says, for any number of rows."""

import json
import logging
import sys

import numpy as np
import pytest
import torch
from checkpoints import CITIES, rows, save, untrained, untrained_mixed
from scipy.stats import multivariate_normal, norm

from mdn.app.export import export
from mdn.model.exportable import PlainModel

ADJUSTED = "smoothed and with a guard"
FAMILIES = [
    ("full", ["family.factor=covariance"]),
    ("full", ["family.factor=precision"]),
    ("diagonal", []),
    ("isotropic", []),
    ("shared_isotropic", []),
    ("constant", []),
    ("tied", []),
    ("full", ["family.factor=precision", "model.ensemble_size=3", "backbone.norm=batch"]),
    ("shared_isotropic", ["model.ensemble_size=3", "backbone.norm=layer"]),
]
CASES = [(name, choice, 2) for name, choice in FAMILIES]
CASES += [("full", ["model.ensemble_size=3"], 1), ("diagonal", ["model.ensemble_size=3"], 1)]
CASES += [("full", ["family.factor=precision", ADJUSTED], 3), ("diagonal", [ADJUSTED], 1)]
IDS = [f"{' '.join([name, *choice])} {targets}" for name, choice, targets in CASES]


@pytest.fixture(params=CASES, ids=IDS)
def module(request):
    name, choice, targets = request.param
    settings = [each for each in choice if each != ADJUSTED]
    return adjusted(untrained(f"family={name}", *settings, num_targets=targets), ADJUSTED in choice)


def adjusted(module, done=True):
    if done:
        module.keep_smoothing(0.1)
        module.keep_guard(0.03, 1.5)
    return module


def exported(module, tmp_path, kind, capsys):
    out = tmp_path / f"model.{kind}"
    checkpoint = save(module, tmp_path / "model.ckpt")
    export({"ckpt": str(checkpoint), "format": kind, "out": str(out)})
    assert str(out) in capsys.readouterr().out
    explained = set() if kind == "onnx" else {f"{out.name}.columns.json"}
    assert {path.name for path in tmp_path.iterdir()} == {"model.ckpt", out.name} | explained
    return out


def density(pi, mu, spread, y):
    """By scipy, from the plain tensors of one row."""
    if spread.ndim == 2:
        parts = [norm.pdf(y, m, s).prod() for m, s in zip(mu, spread, strict=True)]
    else:
        parts = [multivariate_normal.pdf(y, m, t @ t.T) for m, t in zip(mu, spread, strict=True)]
    return pi @ parts


def test_plain_tensors_are_the_density_of_the_model(module):
    x, mixture = rows(4), None
    with torch.no_grad():
        plain, mixture = PlainModel(module)(x), module(x)
    y = mixture.mean + mixture.std
    wanted = mixture.log_prob(y)
    found = [density(*(v[i].numpy() for v in plain), y[i].numpy()) for i in range(4)]
    np.testing.assert_allclose(np.log(found), wanted, rtol=1e-5)


@pytest.mark.parametrize("double", [False, True])
def test_a_recalibration_and_the_precision_of_em_are_part_of_it(double):
    module = untrained("family=full", "model.num_components=3", num_targets=2)
    module.recalibrate(1.7)
    module = module.double() if double else module  # as a mixture fitted by EM is
    x = rows(4)
    with torch.no_grad():
        pi, mu, tril = PlainModel(module)(x)
        mixture = module(x)
    mean = torch.einsum("nk,nkd->nd", pi, mu)
    away = mu - mean[:, None]
    spread = tril @ tril.mT + away[..., None] * away[..., None, :]
    torch.testing.assert_close(mean, mixture.mean, atol=1e-5, rtol=1e-5)
    covariance = torch.einsum("nk,nkij->nij", pi, spread)
    torch.testing.assert_close(covariance, mixture.covariance, atol=0, rtol=1e-4)


def test_a_model_and_its_tensors_do_not_see_an_offset(module):
    module.recalibrate(1.7)
    x = rows(50)
    with torch.no_grad():
        module.targets.shift.zero_()
        module.targets.factor.fill_(1.0)
        pi, mu, spread = PlainModel(module)(x)
        variance = spread.square().sum(-1) if spread.ndim > 3 else spread.square()
        mean = torch.einsum("nk,nkd->nd", pi, mu)
        std = torch.einsum("nk,nkd->nd", pi, variance + (mu - mean[:, None]).square()).sqrt()
        for offset in (0.0, 1e6, 1.7e9, -4e14):
            module.targets.shift.fill_(offset)
            mixture, tensors = module.predict(x), PlainModel(module)(x)
            grain = max(1e-12, 16 * float(np.spacing(abs(offset))))
            for weights in (mixture.pi, tensors[0]):
                assert (weights.sum(-1) - 1).abs().max() < 1e-15
                random = np.random.default_rng(0)
                assert [random.choice(len(row), p=row) for row in weights.numpy()]
            torch.testing.assert_close(mixture.mean - offset, mean, rtol=1e-6, atol=1e-6 + grain)
            torch.testing.assert_close(mixture.std, std, rtol=1e-6, atol=grain)
            torch.testing.assert_close(tensors[1] - offset, mu, rtol=0, atol=grain)


@pytest.mark.filterwarnings("ignore")  # the exporter's own
def test_onnx_says_what_pytorch_says(module, tmp_path, capsys):
    runtime = pytest.importorskip("onnxruntime")
    onnx = pytest.importorskip("onnx")
    out = exported(module, tmp_path, "onnx", capsys)
    session = runtime.InferenceSession(str(out), providers=["CPUExecutionProvider"])
    model = PlainModel(module)
    assert [output.name for output in session.get_outputs()] == model.output_names
    for number in (1, 7):
        x = rows(number)
        with torch.no_grad():
            wanted = model(x)
        given = session.run(None, dict(zip(module.card.inputs, x.T.numpy(), strict=True)))
        assert abs(given[0].sum(-1) - 1).max() < 1e-15
        for found, value in zip(given, wanted, strict=True):
            assert found.shape == value.shape
            np.testing.assert_allclose(found, value, rtol=1e-5, atol=1e-5)
    described = {p.key: p.value for p in onnx.load(str(out)).metadata_props}
    assert json.loads(described["mdn"])["targets"] == module.card.targets


@pytest.mark.filterwarnings("ignore")  # the exporter's own
@pytest.mark.parametrize("choice", ["family.factor=covariance", "family.factor=precision"])
def test_onnx_has_every_digit_of_what_comes_after_the_head(choice, tmp_path, capsys):
    runtime = pytest.importorskip("onnxruntime")
    module = adjusted(untrained("family=full", choice, num_targets=2).double())
    out, x = exported(module, tmp_path, "onnx", capsys), rows(7)
    session = runtime.InferenceSession(str(out), providers=["CPUExecutionProvider"])
    given = session.run(None, dict(zip(module.card.inputs, x.T.numpy(), strict=True)))
    with torch.no_grad():
        wanted = PlainModel(module)(x)
    for found, value, precision in zip(given, wanted, (1e-14, 1e-14, 1e-8), strict=True):
        # The exporter writes the floor of the family in single precision.
        np.testing.assert_allclose(found, value, rtol=precision, atol=1e-6 * precision)


@pytest.mark.filterwarnings("error:Exporting a model while it is in training mode")
@pytest.mark.filterwarnings("ignore")  # the exporter's own
def test_an_export_does_not_report_every_node(tmp_path, capsys, caplog):
    pytest.importorskip("onnxscript")
    caplog.set_level(logging.INFO)
    exported(untrained("family=full"), tmp_path, "onnx", capsys)
    assert [r.getMessage() for r in caplog.records if r.name.startswith("onnx")] == []
    assert logging.getLogger("onnxscript").getEffectiveLevel() == logging.INFO


def test_torch_export_says_what_pytorch_says(module, tmp_path, capsys):
    out = exported(module, tmp_path, "torch_export", capsys)
    with out.open("rb") as stream:
        program = torch.export.load(stream).module()
    for number in (1, 7):
        x = rows(number)
        assert (program(x)[0].sum(-1) - 1).abs().max() < 1e-15
        for found, value in zip(program(x), PlainModel(module)(x), strict=True):
            torch.testing.assert_close(found, value, rtol=1e-6, atol=1e-9)


def test_safetensors_hold_the_weights_and_the_recipe(tmp_path, capsys):
    safetensors = pytest.importorskip("safetensors")
    module = untrained()
    out = exported(module, tmp_path, "safetensors", capsys)
    with safetensors.safe_open(out, framework="pt") as file:
        assert json.loads(file.metadata()["mdn"]) == module.card.plain()
        for name, value in module.state_dict().items():
            torch.testing.assert_close(file.get_tensor(name), value)


def test_a_missing_package_and_a_wrong_format_are_said(tmp_path, monkeypatch):
    checkpoint = save(untrained(), tmp_path / "model.ckpt")
    asked = {"ckpt": str(checkpoint), "format": "safetensors", "out": str(tmp_path / "out")}
    monkeypatch.setitem(sys.modules, "safetensors", None)
    with pytest.raises(ImportError, match=r"pip install 'mdn\[export\]'"):
        export(asked)
    with pytest.raises(ValueError, match="format must be one of onnx"):
        export(asked | {"format": "onx"})
    with pytest.raises(ValueError, match=r"has the ending of format=torch_export, and format is"):
        export(asked | {"format": "onnx", "out": str(tmp_path / "out.pt2")})
    assert not (tmp_path / "out").exists()


def test_codes_are_explained_beside_the_file(tmp_path, capsys):
    module = untrained_mixed()
    out = exported(module, tmp_path, "safetensors", capsys)
    explained = json.loads(out.with_name(f"{out.name}.columns.json").read_text("utf-8"))
    assert explained["targets"] == ["y"]
    number, category, time, truth = explained["inputs"]
    assert number == {"name": "size", "kind": "number"}
    assert category["levels"] == list(CITIES)
    assert category["any_other_level"] == len(CITIES)
    assert time["unit"] == "seconds since 1970-01-01T00:00:00Z"
    assert truth["kind"] == "boolean"


def test_neither_file_is_there_without_the_other(tmp_path, monkeypatch):
    checkpoint = save(untrained_mixed(), tmp_path / "model.ckpt")

    def fail(card):
        raise OSError("no space left")

    monkeypatch.setattr("mdn.app.export.columns_json", fail)
    with pytest.raises(OSError, match="no space left"):
        export({"ckpt": str(checkpoint), "format": "safetensors", "out": f"{tmp_path}/out"})
    assert [path.name for path in tmp_path.iterdir()] == ["model.ckpt"]
