"""The scores of a checkpoint, on its run's own test rows or on other data."""

from pathlib import Path
from typing import Any

from mdn.data.batches import Batches
from mdn.data.files import read_table
from mdn.data.module import EVALUATION_BATCH
from mdn.data.synthetic import Problem
from mdn.data.table import Table
from mdn.module import MDNModule
from mdn.run.build import build_data, load, quiet_trainer
from mdn.run.results import print_results, reference_scores, write_metrics


def evaluate(config: dict[str, Any]) -> float:
    """Write and print the scores; the test NLL is what it returns."""
    module = load(config["ckpt"])
    table, problem = _rows(config.get("data"), module)
    metrics = score(module, table, problem)
    run_dir = Path(config["run_dir"])
    write_metrics(metrics, run_dir)
    print_results(metrics, run_dir)
    return metrics["test/nll"]


def score(module: MDNModule, table: Table, problem: Problem | None) -> dict[str, Any]:
    """The scores of a model on rows, and what they are held against."""
    batches = Batches(table.tensors, EVALUATION_BATCH)
    scores = dict(quiet_trainer().test(module, batches, verbose=False)[0])
    return scores | reference_scores(module, table, problem, scores["test/nll"])


def _rows(asked: dict[str, Any] | None, module: MDNModule) -> tuple[Table, Problem | None]:
    """The test rows of the run or of a problem; of a file every row."""
    if asked is not None and "path" in asked:
        recipe = module.recipe
        columns = recipe["targets"], recipe["inputs"], asked["weight"]
        return read_table(asked["path"], *columns)[0], None
    data = build_data(module.recipe["data"] if asked is None else asked)
    return data.tables["test"], data.problem
