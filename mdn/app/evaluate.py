"""Score a checkpoint, on its run's own test rows or on other data, and write a report."""

from pathlib import Path
from typing import NotRequired, TypedDict

from mdn.app.evaluated_rows import rows_to_score
from mdn.app.keys_in_messages import in_keys
from mdn.app.node import Node
from mdn.app.run_directory import METRICS_FILE, metrics_text, read_fit_facts, trained_in
from mdn.app.terminal import print_evaluation
from mdn.app.write_report import report_files, write_evaluation
from mdn.model.load import load
from mdn.report.evaluation import score
from mdn.report.marginal_mixture import marginal_mixture
from mdn.report.remarks import remarks
from mdn.report.score_tables import score_tables


class EvaluateConfig(TypedDict):
    """The configuration of the command.

    Attributes:
        data: a `data` node; without one, the run's own test rows.
    """

    ckpt: str
    data: NotRequired[Node | None]
    run_dir: str
    report: bool


def evaluate(config: EvaluateConfig) -> float:
    """Write and print the scores of a checkpoint, write a report, and return the test NLL."""
    ckpt, run_dir = Path(config["ckpt"]), Path(config["run_dir"])
    model = load(ckpt)
    rows = rows_to_score(config.get("data"), model)
    reference = None if rows.train is None else marginal_mixture(model, rows.train)
    scores = score(model, rows.table, reference, rows.problem)
    files = {METRICS_FILE: metrics_text(scores.metrics).encode()}
    counts = _row_counts(len(rows.table), ckpt)
    sentences = [in_keys(remark) for remark in remarks(scores.metrics, counts)]
    if config["report"]:
        files |= report_files(model, rows.table, scores, sentences, ckpt, run_dir)
    write_evaluation(files, run_dir)
    print_evaluation(score_tables(scores, rows.table.target_names), run_dir, sentences)
    return scores.metrics["test/nll"]


def _row_counts(test_rows: int, ckpt: Path) -> dict[str, int]:
    val_rows = read_fit_facts(trained_in(ckpt)).get("val_rows")
    return {"test": test_rows} | ({"val": val_rows} if type(val_rows) is int else {})
