"""Train, restore the best weights, test, and leave the answers where a program can read them."""

import os
import time
from collections.abc import Mapping
from contextlib import closing

import torch
from lightning.pytorch import Trainer, seed_everything
from lightning.pytorch.utilities import rank_zero_only

from mdn.app.build_lightning import build_data, build_trainer
from mdn.app.interrupts import after_fit
from mdn.app.job_errors import forget_error
from mdn.app.kept_overrides import kept_overrides
from mdn.app.keys_in_messages import in_keys
from mdn.app.node import Node
from mdn.app.resume import check_resume
from mdn.app.run import Run, read_run
from mdn.app.run_directory import write_columns, write_config, write_metrics
from mdn.app.run_log import RunLog
from mdn.app.terminal import print_results, print_summary
from mdn.distributions.likelihood import use_compiled
from mdn.model.checkpoint import OVERRIDES
from mdn.report.basic_scores import basic_scores
from mdn.report.cross_validation import cross_validated_scores
from mdn.report.remarks import remarks
from mdn.report.run_settings import flat
from mdn.training import fit
from mdn.training.base_recipe import BaseRecipe
from mdn.training.callbacks.outcome import outcomes
from mdn.training.candidates import Candidates
from mdn.training.datamodule import TableModule
from mdn.training.mixture_module import MixtureModule
from mdn.training.recipe import Recipe


def train(config: Node) -> float:
    """Run one training job; return the monitored metric, which a sweep minimizes."""
    run = read_run(config)
    _set_up_torch(run)
    data = build_data(run.data, run.recipe.cross_fitting)
    if data.problem is None:
        _summarize(run, data)
    fit.warn_of_rounding(run.recipe, data)
    run = run.resolve(data)
    with closing(RunLog(run.run_dir)) as log:
        trainer, module, seconds = _fit(run, data, log)
        with after_fit():
            metrics = _test(trainer, module, data, fit.candidates_of(run.recipe, data))
            metrics |= {"fit_seconds": seconds, **_facts(run, trainer, module, data)}
            if trainer.is_global_zero:
                write_metrics(metrics, run.run_dir)
                if run.goes_on_in_place:
                    forget_error(run.run_dir)
    if trainer.is_global_zero:
        rows = {name: len(table) for name, table in data.tables.items()}
        said = [in_keys(remark) for remark in remarks(metrics, rows)]
        print_results(metrics, run.run_dir, said)
    return metrics[run.monitor]


@rank_zero_only
def _summarize(run: Run, data: TableModule) -> None:
    summary = fit.summary_for(run.recipe, data)
    write_columns(summary.plain(), run.run_dir)
    print_summary(summary, data.parts, data.cross_fitted)


def _set_up_torch(run: Run) -> None:
    os.environ.pop("PL_GLOBAL_SEED", None)  # an earlier job of this process has left its own
    seed_everything(run.seed, workers=True, verbose=False)
    use_compiled(run.compile)
    if run.threads is not None:
        torch.set_num_threads(run.threads)


def _fit(run: Run, data: TableModule, log: RunLog) -> tuple[Trainer, MixtureModule, float]:
    """Return the trainer and the module after the last epoch, and the seconds from the start."""
    card, kept = run.card(data), {OVERRIDES: kept_overrides()}
    if run.ckpt_path is not None:
        limits = run.trainer["max_epochs"], card, run.trainer.get("max_steps", -1)
        log.go_on_behind(check_resume(run.ckpt_path, *limits, kept))
    start = time.perf_counter()
    trainer = build_trainer(run.trainer, run.callbacks, log)
    _log_hyperparameters(log, run.shown)
    if trainer.is_global_zero:
        write_config(run.shown, run.run_dir)
    module = fit.train(run.recipe, data, trainer, card, run.ckpt_path, kept)
    return trainer, module, time.perf_counter() - start


def _facts(
    run: Run, trainer: Trainer, module: MixtureModule, data: TableModule
) -> dict[str, float]:
    """Return facts about the fit, without scores."""
    card = module.model.card
    recalibrated = run.recipe.recalibration != 1
    return {
        "epochs": trainer.current_epoch,
        **{f"{name}_rows": len(data.tables[name]) for name in ("train", "val", "test")},
        "num_components": module.model.num_learned,
        "num_parameters": sum(p.numel() for p in module.parameters() if p.requires_grad),
        **module.outcome,
        **outcomes(trainer),
        **({"recalibration": card.recalibration} if recalibrated else {}),
        **({"spread_refitted": card.spread_refitted} if _may_refit(run, data) else {}),
        **({"smoothing": card.smoothing} if card.smoothing else {}),
        **({"guard": card.guard, "guard_width": card.guard_width} if card.guard else {}),
        **({"rare_components": card.rare_components} if _looks_for_rare(run.recipe) else {}),
    }


def _may_refit(run: Run, data: TableModule) -> bool:
    return data.cross_fitted and bool(run.recipe.refits_spread)


def _looks_for_rare(recipe: BaseRecipe) -> bool:
    return isinstance(recipe, Recipe) and recipe.rare_components > 0


def _test(
    trainer: Trainer, module: MixtureModule, data: TableModule, candidates: Candidates
) -> dict[str, float]:
    """Return metrics of the best weights on rows held out and on test rows."""
    validation = {**trainer.validate(module, data, verbose=False)[0]}
    test = basic_scores(module.model, data.tables["test"], data.problem)
    if trainer.logger is not None:
        trainer.logger.log_metrics(test, step=trainer.global_step)
    crossed = cross_validated_scores(module.model, data, candidates, module.half_spreads)
    if module.half_spreads is not None:
        validation = _as_crossed(validation, crossed)
    return validation | crossed | test


def _as_crossed(validation: Mapping[str, float], crossed: Mapping[str, float]) -> dict[str, float]:
    """Have scores of rows that spreads were learned from tell what others would score."""
    more = crossed["cv/nll"] - validation["val/nll"]
    changed = {name: validation[name] + more for name in ("val/nll", "val/nll_standardized")}
    return {**validation, **changed}


def _log_hyperparameters(log: RunLog, config: Node) -> None:
    """Fill the HPARAMS tab: the value of test/nll arrives when the test has run."""
    shown = [key for key in ("seed", "model", "data") if key in config]
    settings = _flatten({key: config[key] for key in shown})
    log.log_hyperparams(settings, {"test/nll": float("nan")})


def _flatten(node: Node) -> dict[str, int | float | str]:
    """Return settings by dotted path: numbers as they are, the rest as text."""
    return {
        path: value if isinstance(value, int | float) else str(value) for path, value in flat(node)
    }
