"""A run on a raw file: what it learned answers for other raw files, in every command."""

import json

import numpy as np
import pandas as pd
import pytest
from pyarrow import parquet

from mdn.app.compose import compose
from mdn.app.evaluate import evaluate
from mdn.app.export import export
from mdn.app.predict import predict
from mdn.app.train import train

# A date among the inputs; these rows are drawn independently of it.
pytestmark = pytest.mark.filterwarnings("ignore:input 'day' is a time")

ROWS = 150
SMALL = ["model.ensemble_size=1", "model.num_components=2", "trainer.max_epochs=1"]


def raw(seed, rows=ROWS, cities=("Berlin", "Oslo", "Ulm")):
    """Rows of numbers, text, dates and truth values, with gaps."""
    random = np.random.default_rng(seed)
    days = pd.Timestamp("2024-01-01") + pd.to_timedelta(random.integers(0, 900, rows), "D")
    frame = pd.DataFrame(
        {
            "size": random.normal(size=rows),
            "city": random.choice(cities, rows),
            "day": days,
            "new": random.choice(["yes", "no"], rows),
            "rent": random.normal(size=rows),
        }
    )
    frame.loc[::9, "size"] = np.nan
    frame.loc[::11, "city"] = None
    return frame


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The folder of a run, and of the file that it learned."""
    folder = tmp_path_factory.mktemp("raw")
    (folder / "run").mkdir()
    raw(0).to_csv(folder / "rows.csv", index=False)
    data = ["data=file", f"data.path={folder / 'rows.csv'}", "data.targets=[rent]"]
    train(compose("train", [*data, *SMALL], folder / "run"))
    return folder


def scored(run, data, tmp_path):
    checkpoint = str(run / "run" / "checkpoints" / "best.ckpt")
    evaluate({"ckpt": checkpoint, "data": data, "run_dir": str(tmp_path), "report": False})
    return json.loads((tmp_path / "metrics.json").read_text())


def test_its_own_rows_are_scored_again(run, tmp_path):
    trained = json.loads((run / "run" / "metrics.json").read_text())
    again = scored(run, None, tmp_path)
    assert again["test/nll"] == pytest.approx(trained["test/nll"], abs=1e-6)


def test_a_level_that_has_another_name_is_noticed(run, tmp_path):
    path = run / "rows.csv"
    text = path.read_text()
    checkpoint = run / "run" / "checkpoints" / "last.ckpt"
    again = ["data=file", f"data.path={path}", "data.targets=[rent]", *SMALL]
    again += [f"ckpt_path={checkpoint}", "trainer.max_epochs=9"]
    path.write_text(text.replace("Berlin", "Potsdam"))
    try:
        with pytest.warns(UserWarning, match="a file has changed"):
            scored(run, None, tmp_path)
        with pytest.raises(ValueError, match="belongs to other rows"):
            train(compose("train", again, tmp_path))
    finally:
        path.write_text(text)


def test_another_file_is_read_as_the_model_knows_it(run, tmp_path):
    """Levels come in another order, one is new, and a column of text has gaps alone."""
    other = raw(1, cities=("Ulm", "Bonn", "Berlin"))
    other.to_csv(tmp_path / "other.csv", index=False)
    other.assign(city=None, size=None).to_csv(tmp_path / "gaps.csv", index=False)
    for name in ("other.csv", "gaps.csv"):
        data = {"path": str(tmp_path / name), "weight": None, "stream": "auto"}
        nll = scored(run, data, tmp_path)["test/nll"]
        answers = predicted(run, tmp_path / name, tmp_path, ["log_density"])
        assert nll == pytest.approx(-answers["log_density"].to_numpy().mean(), abs=1e-5)


def predicted(run, path, tmp_path, columns):
    out = tmp_path / "answers.parquet"
    files = {
        "ckpt": str(run / "run" / "checkpoints" / "best.ckpt"),
        "data": {"path": str(path)},
        "out": str(out),
        "id": [],
    }
    numbers = {"quantiles": [0.5], "interval_level": 0.9, "samples": 1, "seed": 0}
    predict(files | {"columns": columns} | numbers)
    return parquet.read_table(out)


@pytest.mark.filterwarnings("ignore")  # the exporter's own
def test_a_graph_answers_for_raw_columns_as_predict_does(run, tmp_path):
    runtime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    checkpoint, out = str(run / "run" / "checkpoints" / "best.ckpt"), str(tmp_path / "m.onnx")
    export({"ckpt": checkpoint, "format": "onnx", "out": out})
    other = raw(2, cities=("Ulm", "Bonn", "Berlin"))
    other.loc[3, "day"] = pd.NaT
    other.to_parquet(tmp_path / "other.parquet")
    session = runtime.InferenceSession(out, providers=["CPUExecutionProvider"])
    given = {
        "size": other["size"].to_numpy(),
        "city": other["city"].fillna("").to_numpy(object),
        "day": other["day"].to_numpy("datetime64[us]").astype("int64"),
        "new": other["new"].to_numpy(object),
    }
    pi, mu, _ = session.run(None, given)
    wanted = predicted(run, tmp_path / "other.parquet", tmp_path, ["mean"])["mean_rent"]
    np.testing.assert_allclose((pi[..., None] * mu).sum(1)[:, 0], wanted, rtol=1e-4, atol=1e-5)
