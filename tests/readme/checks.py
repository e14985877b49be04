"""What a command must have come to: more than that it ended well."""

import json
import math
import warnings
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch
from documents import TABLES, printed
from pyarrow import csv
from workplace import Outcome, read

import mdn
from mdn.model.load import load

EPOCHS = 11
"""To which training is shortened: some things happen every fifth epoch."""

_OF_A_RUN = {
    "test/nll", "test/nll_standardized", "test/marginal_nll", "val/nll", "fit_seconds", "epochs",
    "train_rows", "num_parameters", "num_components",
}  # fmt: skip


def metrics(folder: Path) -> dict[str, Any]:
    found = json.loads((folder / "metrics.json").read_text())
    numbers = [value for value in found.values() if not isinstance(value, bool)]
    assert all(math.isfinite(number) for number in numbers), found
    return found


def started(outcome: Outcome, _: Path) -> dict[str, Any]:
    """A run has its scores, its figure, and a model that answers with what was scored."""
    found = metrics(outcome.run_dir)
    assert found.keys() >= _OF_A_RUN
    assert outcome.places.keys() == {"checkpoint", "figures", "metrics"}
    assert (outcome.places["figures"] / "density.png").stat().st_size > 10_000
    assert f"{found['test/nll']:.4f}" in outcome.out
    model = mdn.load(outcome.places["checkpoint"])
    assert model.num_learned == found["num_components"]
    return found


def trained(outcome: Outcome, run: Path) -> None:
    """The model has the default size, and has learned something."""
    found = started(outcome, run)
    assert found["epochs"] == EPOCHS
    assert found["num_components"] == 80
    assert found["test/nll"] < found["test/marginal_nll"]


def converged(outcome: Outcome, run: Path) -> None:
    found = started(outcome, run)
    assert found["converged"]
    assert found["test/nll"] < found["test/marginal_nll"]


def animated(outcome: Outcome, run: Path) -> None:
    converged(outcome, run)
    assert (outcome.places["figures"] / "fit.gif").read_bytes()[:3] == b"GIF"


def trained_on_raw(outcome: Outcome, run: Path) -> None:
    """What is printed of the columns is what the document shows."""
    found = started(outcome, run)
    assert found["test/nll"] < found["test/marginal_nll"] - 0.5
    said = [line.rstrip() for line in outcome.out.splitlines()]
    shown = printed(TABLES)[0].splitlines()
    assert said[: len(shown)] == shown
    columns = json.loads((outcome.run_dir / "columns.json").read_text())["columns"]
    assert [column["name"] for column in columns] == [line.split()[0] for line in shown[2:10]]


def predicted_raw(outcome: Outcome, _: Path) -> None:
    """Unknown levels and gaps are answered, named, and counted on standard error."""
    found, new = read(outcome.folder / "prices.csv"), read(outcome.folder / "new_flats.csv")
    assert (found["id"] == new["id"]).all()
    low, middle, high = (found[f"quantile_price_{level}"] for level in (0.05, 0.5, 0.95))
    assert ((low < middle) & (middle < high)).all()
    assert found["novelty"].tolist() == ["city" if k == 7 else "" for k in range(40)]
    assert (
        "1 of 40 rows hold levels of 'city' that the model does not know: 'Narvik'" in outcome.err
    )
    assert "values missing in 40 rows: " in outcome.err


def raw_in_onnx(outcome: Outcome, _: Path) -> None:
    """The graph takes raw columns under their names, as the document says what stands for gaps."""
    import onnxruntime

    new = read(outcome.folder / "new_flats.csv")
    days = [datetime.strptime(day, "%d.%m.%Y").replace(tzinfo=UTC) for day in new["sold"]]
    feeds = {
        "city": new["city"].astype(object),
        "sold": np.array([int(day.timestamp()) * 1_000_000 for day in days]),
        "rooms": np.array([float("nan" if v == "NA" else v) for v in new["rooms"]]),
        "area": new["area"].astype(float),
        "lift": new["lift"].astype(object),
    }
    session = onnxruntime.InferenceSession(outcome.folder / "flats.onnx")
    assert {given.name for given in session.get_inputs()} == feeds.keys()
    pi, mu, std = session.run(["pi", "mu", "std"], feeds)
    assert std.min() > 0
    with warnings.catch_warnings(action="ignore"):
        model = mdn.load(outcome.folder / "flats" / "checkpoints" / "best.ckpt")
        mixture = model.predict(csv.read_csv(outcome.folder / "new_flats.csv"))
    np.testing.assert_allclose((pi[..., None] * mu).sum(1), mixture.mean, rtol=1e-5)


def resumed(outcome: Outcome, run: Path) -> None:
    found = started(outcome, run)
    assert found["epochs"] == 2 * EPOCHS
    assert "epoch 12/22" in outcome.err
    assert "epoch 11/22" not in outcome.err
    assert found["val/nll"] < metrics(run)["val/nll"]


def helped(outcome: Outcome, _: Path) -> None:
    for said in ("family: constant, diagonal, full", "objective:", "max_epochs:"):
        assert said in outcome.out


def evaluated(outcome: Outcome, run: Path) -> None:
    """The scores are those of training, and the page names them and shows every figure."""
    found, before = metrics(outcome.run_dir), metrics(run)
    for key in ("test/nll", "test/nll_standardized", "test/excess_nll", "test/components_alive"):
        np.testing.assert_allclose(found[key], before[key], atol=1e-6)
    names = {"density", "slices", "reliability", "pit", "coverage", "component_usage"}
    _reported(outcome, found, names)


def evaluated_elsewhere(outcome: Outcome, run: Path) -> None:
    found = _scored_elsewhere(outcome, run)
    _reported(outcome, found, {"density", "component_usage"})


def _scored_elsewhere(outcome: Outcome, run: Path) -> dict[str, Any]:
    found, rows = metrics(outcome.run_dir), read(outcome.folder / "other.csv")
    y = np.stack([rows["y0"], rows["y1"]], 1)
    mixture = mdn.load(run / "checkpoints" / "best.ckpt").predict(rows["x"][:, None])
    nll = -mixture.log_prob(torch.from_numpy(y)).mean().item()
    np.testing.assert_allclose(found["test/nll"], nll, atol=1e-5)
    rmse = np.sqrt(((mixture.mean.numpy() - y) ** 2).mean(0))
    each = [found["test/rmse_mean/y0"], found["test/rmse_mean/y1"]]
    np.testing.assert_allclose(each, rmse, rtol=1e-5)
    return found


def scored_alone(outcome: Outcome, run: Path) -> None:
    assert outcome.places.keys() == {"metrics"}
    _scored_elsewhere(outcome, run)


def _reported(outcome: Outcome, found: dict[str, Any], names: set[str]) -> None:
    page = outcome.places["report"].read_text(encoding="utf-8")
    for said in ("CRPS", "negative log likelihood", f"{found['test/nll']:#.4g}"):
        assert said in page
        assert said in outcome.out
    for name in names:
        assert f'<figure id="{name}">' in page
        assert (outcome.places["figures"] / f"{name}.png").stat().st_size > 5_000


def predicted(outcome: Outcome, run: Path) -> None:
    """Every number is that of the loaded model, under the name of its component and target."""
    found, new = read(outcome.folder / "predictions.parquet"), read(outcome.folder / "new.csv")
    mixture = mdn.load(run / "checkpoints" / "best.ckpt").predict(new["x"][:, None])
    expected = {}
    for d, target in enumerate(("y0", "y1")):
        expected[f"mean_{target}"] = mixture.mean[:, d]
        expected[f"std_{target}"] = mixture.std[:, d]
        for k in range(mixture.num_components):
            expected[f"mu_{target}_{k}"] = mixture.mu[:, k, d]
            expected[f"sigma_{target}_{k}"] = mixture.sigma.expand_as(mixture.mu)[:, k, d]
    expected |= {f"pi_{k}": mixture.pi[:, k] for k in range(mixture.num_components)}
    _equal(found, expected)


def piped(outcome: Outcome, run: Path) -> None:
    (outcome.folder / "piped.csv").write_text(outcome.out)
    found, new = read(outcome.folder / "piped.csv"), read(outcome.folder / "new.csv")
    mixture = mdn.load(run / "checkpoints" / "best.ckpt").predict(new["x"][:, None])
    expected = {f"mean_y{d}": mixture.mean[:, d] for d in (0, 1)}
    levels = (0.05, 0.5, 0.95)
    for level, values in zip(levels, mixture.quantile(levels), strict=True):
        expected |= {f"quantile_y{d}_{level}": values[:, d] for d in (0, 1)}
    _equal(found, expected)


def _equal(found: dict[str, np.ndarray], expected: dict[str, Any]) -> None:
    assert found.keys() == expected.keys()
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, rtol=1e-6, atol=1e-6, err_msg=name)


def all_columns(outcome: Outcome, run: Path) -> None:
    """Answers hang together: parts of the variance, the middle of an interval, densities."""
    found, new = read(outcome.folder / "everything.csv"), read(outcome.folder / "new.csv")
    assert {len(column) for column in found.values()} == {len(new["x"])}
    mixture = mdn.load(run / "checkpoints" / "best.ckpt").predict(new["x"][:, None])
    y = torch.from_numpy(np.stack([new["y0"], new["y1"]], 1))
    np.testing.assert_allclose(found["log_density"], mixture.log_prob(y), atol=1e-5)
    np.testing.assert_allclose(found["x"], new["x"])
    for t in ("y0", "y1"):
        parts = found[f"aleatoric_{t}"] ** 2 + found[f"epistemic_{t}"] ** 2
        np.testing.assert_allclose(parts, found[f"std_{t}"] ** 2, rtol=1e-5)
        np.testing.assert_allclose(found[f"median_{t}"], found[f"quantile_{t}_0.5"], atol=1e-6)
        np.testing.assert_allclose(found[f"lower_{t}"], found[f"quantile_{t}_0.05"], atol=1e-6)
        assert np.isfinite(found[f"sample_{t}_0"]).all()
    component = found["component"].astype(int)
    heaviest = mixture.pi.gather(1, torch.from_numpy(component)[:, None])[:, 0]
    torch.testing.assert_close(heaviest, mixture.pi.amax(1))
    first = torch.from_numpy(np.stack([found["mode_y0_0"], found["mode_y1_0"]], 1))
    np.testing.assert_allclose(found["mode_log_density_0"], mixture.log_prob(first), atol=1e-5)
    assert (found["mode_log_density_0"] >= mixture.log_prob(mixture.mean).numpy() - 1e-6).all()


def in_onnx(outcome: Outcome, run: Path) -> None:
    import onnxruntime

    session = onnxruntime.InferenceSession(outcome.folder / "model.onnx")
    _same(run, outcome, lambda x: session.run(["pi", "mu", "tril"], {"x": x[:, 0]}))


def in_torch_export(outcome: Outcome, run: Path) -> None:
    program = torch.export.load(outcome.folder / "model.pt2").module()
    _same(run, outcome, lambda x: program(torch.tensor(x)))


def _same(run: Path, outcome: Outcome, graph: Any) -> None:
    x = read(outcome.folder / "new.csv")["x"][:, None]
    mixture = mdn.load(run / "checkpoints" / "best.ckpt").predict(x)
    answers = [np.asarray(answer.detach() if hasattr(answer, "detach") else answer)
               for answer in graph(x)]  # fmt: skip
    expected = mixture.pi, mixture.mu, mixture.scale.tril()
    for answer, values in zip(answers, expected, strict=True):
        assert answer.shape == values.shape
        np.testing.assert_allclose(answer, values, rtol=1e-6, atol=1e-6)


def in_safetensors(outcome: Outcome, run: Path) -> None:
    from safetensors.torch import load_file

    weights = load_file(outcome.folder / "model.safetensors")
    stored = load(run / "checkpoints" / "best.ckpt").state_dict()
    assert weights.keys() == stored.keys()
    for name, values in stored.items():
        torch.testing.assert_close(weights[name], values, rtol=0, atol=0)


def swept(outcome: Outcome, _: Path) -> None:
    table = outcome.places["table"]
    assert table.name == "sweep.csv"
    _two_jobs(table)


def _two_jobs(table: Path) -> None:
    found = read(table)
    assert len(found["job"]) == 2
    assert np.isfinite(found["test/nll"]).all()
    assert found["test/nll"][0] != found["test/nll"][1]
    assert (found["epochs"] == EPOCHS).all()


def regret_measured(outcome: Outcome, _: Path) -> None:
    table = outcome.places["table"]
    _two_jobs(table.with_name("sweep.csv"))
    jobs, found = read(table.with_name("sweep.csv")), read(table)
    assert found["problem"].tolist() == ["jumps", "two_branches", "all"]
    each = jobs["test/excess_nll"]
    np.testing.assert_allclose(found["excess_nll"], [*each, each.mean()], rtol=1e-9)


def logged(outcome: Outcome, _: Path) -> None:
    """TensorBoard reads every log below the folder."""
    runs = {path.parent for path in (outcome.folder / "outputs").rglob("events.out.tfevents*")}
    assert runs
    for run in runs:
        assert run.relative_to(outcome.folder).as_posix() in outcome.out
    assert "mixture/weight/median" in outcome.out


def benchmarked(outcome: Outcome, _: Path) -> None:
    written = next(line for line in outcome.out.splitlines() if line.startswith("written to "))
    path = outcome.folder / written.removeprefix("written to ").removesuffix(" and .json")
    rows = json.loads(path.with_suffix(".json").read_text())
    assert len(rows) == len(read(path)[next(iter(rows[0]))]) > 0
