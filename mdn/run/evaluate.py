"""The scores of a checkpoint, on its run's own test rows or on other data."""

from pathlib import Path
from typing import Any

from mdn.module import MDNModule
from mdn.run.build import build_data, load, score
from mdn.run.results import print_results, reference_scores, write_metrics


def evaluate(config: dict[str, Any]) -> float:
    """Write and print the scores; the test NLL is what it returns."""
    module = load(config["ckpt"])
    data = build_data(_data_of(config, module))
    scores = score(module, data)
    table = data.tables["test"]
    metrics = scores | reference_scores(module, table, data.problem, scores["test/nll"])
    run_dir = Path(config["run_dir"])
    write_metrics(metrics, run_dir)
    print_results(metrics, run_dir)
    return metrics["test/nll"]


def _data_of(config: dict[str, Any], module: MDNModule) -> dict[str, Any]:
    """The run's own data, or those asked for, with the columns that the model was trained on."""
    asked = config.get("data")
    if asked is None:
        return module.recipe["data"]
    columns = {key: module.recipe[key] for key in ("inputs", "targets") if key in asked}
    return asked | {key: value for key, value in columns.items() if asked[key] is None}
