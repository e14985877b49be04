"""The scores of a checkpoint, on its run's own test rows or on other data, and a report of them."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch.utilities import rank_zero_warn
from torch.utils.tensorboard import SummaryWriter

from mdn.app.build import build_data, stored_data
from mdn.app.files import FIGURES, METRICS_FILE, REPORT_FILE
from mdn.app.results import print_evaluation, reference_scores, write_metrics
from mdn.data.batches import Batches
from mdn.data.files import read_table
from mdn.data.fingerprint import changed
from mdn.data.synthetic import Problem
from mdn.data.table import Table
from mdn.data.write import replaced, write_text
from mdn.model.load import load
from mdn.model.model import Model
from mdn.report.marginal import marginal_mixture
from mdn.report.page import Page, density_name, highlights, render
from mdn.report.pictures import DPI, Picture, pictures
from mdn.report.remarks import remarks
from mdn.report.scores import Scores, score
from mdn.report.settings import settings
from mdn.report.tables import score_tables
from mdn.training.datamodule import EVALUATION_BATCH, TableModule
from mdn.training.mixture_module import num_rows, total_of_each


def evaluate(config: dict[str, Any]) -> float:
    """Write and print the scores, and a report of them; the test NLL is what it returns."""
    model = load(config["ckpt"])
    table, problem, trained_on = _rows(config.get("data"), model)
    reference = None if trained_on is None else marginal_mixture(model, trained_on)
    scores = score(model, table, reference)
    scores = replace(scores, metrics=likelihood(model, table, problem) | scores.metrics)
    run_dir, ckpt = Path(config["run_dir"]), Path(config["ckpt"])
    write_metrics(scores.metrics, run_dir)
    if config["report"]:
        write_report(model, table, scores, ckpt, run_dir)
    said = _remarks(scores, table, _trained_in(ckpt))
    print_evaluation(score_tables(scores, table.target_names), run_dir, said)
    return scores.metrics["test/nll"]


def likelihood(model: Model, table: Table, problem: Problem | None) -> dict[str, Any]:
    """The likelihood as training has it, and what it is held against."""
    standardized = _mean_nll(model, table)
    scores = {
        "test/nll_standardized": standardized,
        "test/nll": standardized - model.targets.log_det().item(),
    }
    return scores | reference_scores(model, table, problem, scores["test/nll"])


@torch.no_grad()
def _mean_nll(model: Model, table: Table) -> float:
    """The mean over rows as training has it, from standardized densities."""
    total, rows = 0.0, 0.0
    for x, y, *weight in Batches(table.tensors, EVALUATION_BATCH):
        mixture, z = model.per_member(x, y)
        nll = -model.network.pool(mixture.log_prob(z))
        total += total_of_each(nll, weight).double().item()
        rows += float(num_rows(nll, weight))
    return total / rows


def _rows(asked: dict[str, Any] | None, model: Model) -> tuple[Table, Problem | None, Table | None]:
    """Rows to score, the problem that they are of, and the rows that the run was trained on."""
    if asked is not None:
        return *_other_rows(asked, model), _training_rows(model)
    data = _own_data(model)
    _warn_of_change(model, data)
    return data.tables["test"], data.problem, data.train_table


def _warn_of_change(model: Model, data: TableModule) -> None:
    others = _changed(model, data)
    if others:
        rank_zero_warn(
            f"the rows are no longer those of the run ({', '.join(others)}): a file has changed "
            "since, and the model may have learned rows that it is scored on here"
        )


def _changed(model: Model, data: TableModule) -> list[str]:
    return changed(model.card.rows, data.fingerprint()) if model.card.rows else []


def _own_data(model: Model) -> TableModule:
    data = stored_data(model.card.data)
    _check_columns(model, data.input_names, data.target_names)
    return data


def _other_rows(asked: dict[str, Any], model: Model) -> tuple[Table, Problem | None]:
    """The test rows of a problem; of a file every row."""
    if "path" in asked:
        _check_columns(model, asked.get("inputs"), asked.get("targets"))
        columns = model.card.targets, model.card.inputs, asked["weight"]
        return read_table(asked["path"], *columns)[0], None
    data = build_data(asked)
    _check_columns(model, data.input_names, data.target_names)
    return data.tables["test"], data.problem


def _training_rows(model: Model) -> Table | None:
    """None where they are not at hand, or their file is no longer what it was."""
    if not model.card.data:
        return None
    try:
        data = _own_data(model)
    except (OSError, ValueError):
        return None
    return None if "train" in _changed(model, data) else data.train_table


def _check_columns(model: Model, inputs: list[str] | None, targets: list[str] | None) -> None:
    card = model.card
    for key, names, own in (("inputs", inputs, card.inputs), ("targets", targets, card.targets)):
        if names is not None and list(names) != own:
            raise ValueError(
                f"the model was trained with {key} {own}, got {list(names)}; a checkpoint "
                "is evaluated on the columns that it knows"
            )


def write_report(model: Model, table: Table, scores: Scores, ckpt: Path, run_dir: Path) -> None:
    """Write the pictures as files, and one page that holds them and everything else."""
    trained_in = _trained_in(ckpt)
    drawn = list(pictures(model, table, scores, trained_in))
    save_pictures(drawn, run_dir / FIGURES)
    log_pictures(drawn, run_dir)
    page = Page(
        density_name(table.input_names, table.target_names),
        f"{len(table)} rows, scored by {ckpt}",
        highlights(scores.metrics),
        score_tables(scores, table.target_names),
        drawn,
        settings(model.card, _fit(trained_in)),
        _remarks(scores, table, trained_in),
    )
    write_text(render(page), run_dir / REPORT_FILE)


def _trained_in(ckpt: Path) -> Path:
    return ckpt.absolute().parent.parent


def _remarks(scores: Scores, table: Table, trained_in: Path) -> list[str]:
    val_rows = _fit(trained_in).get("val_rows")
    rows = {"test": len(table)} | ({"val": val_rows} if type(val_rows) is int else {})
    return remarks(scores.metrics, rows)


def save_pictures(drawn: list[Picture], folder: Path) -> None:
    """Write each picture as an image to show and as a drawing to print."""
    folder.mkdir(parents=True, exist_ok=True)
    for picture in drawn:
        with replaced(folder / f"{picture.name}.svg") as beside:
            beside.write_bytes(picture.svg)
        with replaced(folder / f"{picture.name}.png") as beside:
            picture.figure.savefig(beside, format="png", dpi=DPI)


def log_pictures(drawn: list[Picture], run_dir: Path) -> None:
    """Put each picture into a TensorBoard log beside the other answers."""
    with SummaryWriter(str(run_dir)) as writer:
        for picture in drawn:
            writer.add_figure(f"figures/{picture.name}", picture.figure, close=False)


def _fit(trained_in: Path) -> dict[str, Any]:
    """What training said of itself; its scores are told anew."""
    try:
        said = json.loads((trained_in / METRICS_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):  # none there, or not a whole one
        return {}
    known = said if isinstance(said, dict) else {}
    return {key: value for key, value in known.items() if not key.startswith("test/")}
