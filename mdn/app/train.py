"""Train, restore the best weights, test, and leave the answers where a program can read them."""

import os
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Trainer, seed_everything
from lightning.pytorch.utilities import rank_zero_warn

from mdn.app.arguments import in_keys
from mdn.app.automatic import GRID, with_sizes
from mdn.app.build import build_data, build_module, build_trainer, model_card
from mdn.app.interrupts import after_fit
from mdn.app.recalibrate import keep_recalibration, recalibrate
from mdn.app.resume import check_resume
from mdn.app.run_directory import write_config, write_metrics
from mdn.app.run_log import RunLog
from mdn.app.terminal import print_results
from mdn.data.rounding import rounding_remarks
from mdn.distributions.likelihood import use_compiled
from mdn.model.checkpoint import WEIGHTS, read_checkpoint
from mdn.report.basic_scores import basic_scores
from mdn.report.remarks import remarks
from mdn.report.run_settings import flat
from mdn.training.callbacks.best_and_last import best_path
from mdn.training.callbacks.outcome import outcomes
from mdn.training.datamodule import TableModule
from mdn.training.mixture_module import MixtureModule


def train(config: dict[str, Any]) -> float:
    """Run one training job; the monitored metric is what a sweep minimises."""
    _set_up_torch(config)
    data = build_data(config["data"])
    _warn_of_repeats(config, data)
    config = with_sizes(config, data)
    with closing(RunLog(config["run_dir"])) as log:
        trainer, module, seconds = _fit(config, data, log)
        with after_fit():
            restore_best(trainer, module)
            recalibrated = _recalibrate(trainer, module, data) if config["recalibrate"] else {}
            metrics = _test(trainer, module, data)
    metrics |= {"fit_seconds": seconds, **_facts(trainer, module, data), **recalibrated}
    if trainer.is_global_zero:
        write_metrics(metrics, Path(config["run_dir"]))
        rows = {name: len(table) for name, table in data.tables.items()}
        said = [in_keys(remark) for remark in remarks(metrics, rows)]
        print_results(metrics, Path(config["run_dir"]), said)
    return metrics[config["monitor"]]


def _set_up_torch(config: dict[str, Any]) -> None:
    os.environ.pop("PL_GLOBAL_SEED", None)  # an earlier job of this process has left its own
    seed_everything(config["seed"], workers=True, verbose=False)
    use_compiled(config["compile"])
    if config["threads"] is not None:
        torch.set_num_threads(config["threads"])


def _fit(
    config: dict[str, Any], data: TableModule, log: RunLog
) -> tuple[Trainer, MixtureModule, float]:
    """The trainer and the module after the last epoch, and the seconds from the start on."""
    card = model_card(config, data)
    if config["ckpt_path"] is not None:
        check_resume(config["ckpt_path"], config["trainer"]["max_epochs"], card)
    start = time.perf_counter()
    module = build_module(config["model"], data.num_inputs, data.num_targets)
    module.model.card = card
    module.start(data.train_table)
    trainer = build_trainer(config, log)
    _log_hyperparameters(log, config)
    if trainer.is_global_zero:
        write_config(config, Path(config["run_dir"]))
    trainer.fit(module, data, ckpt_path=config["ckpt_path"], weights_only=True)
    return trainer, module, time.perf_counter() - start


def _facts(trainer: Trainer, module: MixtureModule, data: TableModule) -> dict[str, Any]:
    """What the fit was like, its scores aside."""
    return {
        "epochs": trainer.current_epoch,
        **{f"{name}_rows": len(data.tables[name]) for name in ("train", "val", "test")},
        "num_components": module.model.num_components,
        "num_parameters": sum(p.numel() for p in module.parameters() if p.requires_grad),
        **module.outcome,
        **outcomes(trainer),
    }


def _warn_of_repeats(config: dict[str, Any], data: TableModule) -> None:
    """Warn about repeated target values unless the user has set a floor or dequantizes."""
    guarded = data.dequantize or config["model"]["family"]["min_scale"] == GRID
    for remark in rounding_remarks(data.profile, grids=not guarded):
        rank_zero_warn(remark)


def _recalibrate(trainer: Trainer, module: MixtureModule, data: TableModule) -> dict[str, float]:
    recalibrate(module.model, data.val_table)
    keep_recalibration(trainer, module.model)
    return {"recalibration": module.model.recalibration}


def restore_best(trainer: Trainer, module: MixtureModule) -> None:
    """Give the module the weights of the best checkpoint, where one was kept."""
    best = best_path(trainer)
    if best:
        module.load_state_dict(read_checkpoint(best)[WEIGHTS])


def _test(trainer: Trainer, module: MixtureModule, data: TableModule) -> dict[str, Any]:
    """Metrics of the best weights on validation and test rows."""
    validation = {**trainer.validate(module, data, verbose=False)[0]}
    test = basic_scores(module.model, data.tables["test"], data.problem)
    if trainer.logger is not None:
        trainer.logger.log_metrics(test, step=trainer.global_step)
    return validation | test


def _log_hyperparameters(log: RunLog, config: dict[str, Any]) -> None:
    """Fill the HPARAMS tab: the value of test/nll arrives when the test has run."""
    shown = [key for key in ("seed", "model", "data") if key in config]
    settings = _flatten({key: config[key] for key in shown})
    log.log_hyperparams(settings, {"test/nll": float("nan")})


def _flatten(node: dict[str, Any]) -> dict[str, Any]:
    """Numbers, and words for the rest."""
    return {
        path: value if isinstance(value, int | float) else str(value) for path, value in flat(node)
    }
