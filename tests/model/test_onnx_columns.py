"""An ONNX graph takes the columns of a user, and answers as the model does for their codes."""

import json

import numpy as np
import pandas as pd
import pytest
import torch
from checkpoints import CITIES, MIXED, mixed_rows, untrained, untrained_mixed

from mdn.data.table import Table
from mdn.model.export_formats import onnx_bytes
from mdn.model.exportable import PlainModel
from mdn.model.load import load
from mdn.training.fit import fit

pytest.importorskip("onnxscript")
runtime = pytest.importorskip("onnxruntime")

pytestmark = pytest.mark.filterwarnings("ignore")  # the exporter's own

MISSING_TIME = np.iinfo(np.int64).min


def graph(model, tmp_path):
    (tmp_path / "model.onnx").write_bytes(onnx_bytes(model))
    path = str(tmp_path / "model.onnx")
    return runtime.InferenceSession(path, providers=["CPUExecutionProvider"])


def load_again(model, tmp_path):
    model.save(tmp_path / "model.ckpt")
    return load(tmp_path / "model.ckpt")


def raw(mixture):
    return mixture.pi, mixture.mu, mixture.sigma


def columns(x):
    """What a user has of the rows, by the name of the column."""
    size, city, when, new = x.T.numpy()
    text = [("" if np.isnan(c) else [*CITIES, "Bonn"][int(c)]) for c in city]
    time = np.where(np.isnan(when), MISSING_TIME, np.nan_to_num(when * 1e6)).astype(np.int64)
    return dict(zip(MIXED, (size, np.array(text, object), time, new), strict=True))


@pytest.mark.parametrize("double", [False, True], ids=["single", "double"])
def test_the_graph_answers_as_the_model_does(double, tmp_path):
    model = untrained_mixed("model.ensemble_size=2")
    model = model.double() if double else model  # as a mixture fitted by EM is
    session = graph(model, tmp_path)
    assert [(each.name, each.type) for each in session.get_inputs()] == [
        ("size", "tensor(double)"),
        ("city", "tensor(string)"),
        ("when", "tensor(int64)"),
        ("new", "tensor(double)"),
    ]
    for number in (1, 40):
        x = mixed_rows(number)
        with torch.no_grad():
            wanted = PlainModel(model)(x)
        for found, value in zip(session.run(None, columns(x)), wanted, strict=True):
            np.testing.assert_allclose(found, value, rtol=1e-8 if double else 1e-5, atol=1e-6)


def test_words_for_missing_text_are_missing(tmp_path):
    session = graph(untrained_mixed(), tmp_path)
    given = columns(mixed_rows(3))
    given["city"] = np.array(["", "NA", "null"], object)
    given = {
        name: column[[0, 0, 0]] if name != "city" else column for name, column in given.items()
    }
    for answer in session.run(None, given):
        np.testing.assert_array_equal(answer, answer[[0, 0, 0]])


def test_text_is_read_as_the_model_reads_it(tmp_path):
    model = untrained_mixed()
    levels = ["1", "True", "Oslo"]
    model.card.kinds[1]["levels"] = levels
    model.card.formats["city"] = "words"
    model = load_again(model, tmp_path)
    given = {name: column[[0] * 7] for name, column in columns(mixed_rows(1)).items()}
    given["city"] = np.array(["1.0", "true", "Oslo", "-", ".", "oslo", "2.0"], object)
    frame = pd.DataFrame(given | {"when": pd.to_datetime(given["when"], unit="us")})
    wanted = model.predict(frame)
    for found, value in zip(graph(model, tmp_path).run(None, given), raw(wanted), strict=True):
        np.testing.assert_allclose(found, value, rtol=1e-5, atol=1e-6)


def test_the_graph_says_what_it_takes(tmp_path):
    session = graph(untrained_mixed(), tmp_path)
    described = json.loads(session.get_modelmeta().custom_metadata_map["mdn_inputs"])
    assert [(each["input"], each["type"], each["missing"]) for each in described] == [
        ("size", "float64", "NaN"),
        ("city", "string", ""),
        ("when", "int64", MISSING_TIME),
        ("new", "float64", "NaN"),
    ]


def test_columns_may_have_any_name(tmp_path):
    """Those of the answers too, and those that the graph would choose for itself."""
    names = ["mu", "mu_", "x", "größe, in m", "", "1"]
    model = untrained(num_inputs=3)
    for some in (names[:3], names[3:]):
        model.card.inputs[:] = some
        session = graph(model, tmp_path)
        described = json.loads(session.get_modelmeta().custom_metadata_map["mdn_inputs"])
        assert [each["column"] for each in described] == some
        inputs = [each["input"] for each in described]
        assert [each.name for each in session.get_inputs()] == inputs
        x = np.ones((2, 3))
        answers = session.run(None, dict(zip(inputs, x.T, strict=True)))
        wanted = PlainModel(model)(torch.tensor(x))
        np.testing.assert_allclose(answers[1], wanted[1].detach(), rtol=1e-5)
    assert inputs == ["größe, in m", "_", "1"]


def test_columns_of_different_lengths_are_refused(tmp_path):
    session = graph(untrained(num_inputs=2), tmp_path)
    with pytest.raises(Exception, match="Concat"):
        session.run(None, {"x0": np.ones(4), "x1": np.ones(2)})


def test_a_mixture_fitted_by_em_is_one_row(tmp_path):
    y = np.random.default_rng(0).normal(size=(60, 2))
    model = fit({"kind": "gmm_em", "num_components": 2}, Table.from_arrays(None, y))
    answers = graph(model, tmp_path).run(None, {})
    with torch.no_grad():
        wanted = PlainModel(model)(torch.empty(1, 0).double())
    for found, value in zip(answers, wanted, strict=True):
        np.testing.assert_allclose(found, value, rtol=1e-8)
