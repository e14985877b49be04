"""The rule of every key of the configuration; tests hold it against all of `conf/`."""

from collections.abc import Mapping
from typing import Any

from mdn.app.values import (
    Choice,
    Column,
    Columns,
    Devices,
    Flag,
    Number,
    Rule,
    Several,
    Text,
    whole,
)

MONITORED = ("val/nll", "val/nll_standardized")
"""What a run may choose its best epoch by."""

_MOST_SEED = 2**32 - 1
"""The largest seed of NumPy."""

_MOST_THREADS = 1024
"""A hundred thousand threads end the process without a word."""

_MOST_SCALE = 100
"""Standardised targets have a standard deviation of 1: a floor far above it leaves nothing."""

_POSITIVE = Number(above=0)
_NOT_NEGATIVE = Number(0)
_FRACTION = Number(0, most=1)
_SEED = whole(0, most=_MOST_SEED)
_FILE = Text()
_ANY_FILE = Text(null=True)
_NAME = Text("text")
_CLASS = Text("a class in a module of your own, as in periodic.Periodic", null=True)
_EVERY = whole(1)
_RATE = Number(above=0, words=(None,))
_NOISE = Several(_NOT_NEGATIVE, single=True)
_FACTOR = Choice(("covariance", "precision"))
_TABLE = Choice(("train", "val", "test"))
_BATCHES = Number(
    above=0, words=(None,), hint="; without rows there is nothing to train on or to judge by"
)
_EPOCHS = whole(1, "auto", hint="; set trainer.max_epochs to a number of epochs or leave it out")
_PRECISION = (*("32-true", "32", "bf16-mixed", "bf16", "16-mixed", "16", "64-true", "64"),)

_RULES: dict[str, Rule] = {
    "seed": _SEED,
    "monitor": Choice(MONITORED),
    "ckpt_path": _ANY_FILE,
    "recalibrate": Flag(),
    "compile": Flag(),
    "threads": whole(1, None, most=_MOST_THREADS),
    "run_dir": Text("the path of a folder"),
    "family.min_scale": Number(above=0, most=_MOST_SCALE, words=("grid",)),
    "family.factor": _FACTOR,
    "family.std": _POSITIVE,
    "objective.beta": _FRACTION,
    "objective.weight": _NOT_NEGATIVE,
    "objective.num_directions": _EVERY,
    "objective.damping": _NOT_NEGATIVE,
    "regularizer.input_noise": _NOISE,
    "regularizer.target_noise": _NOISE,
    "regularizer.entropy": _NOT_NEGATIVE,
    "optimizer.lr": _POSITIVE,
    "optimizer.betas": Several(Number(0, below=1), 2, 2),
    "optimizer.weight_decay": _NOT_NEGATIVE,
    "optimizer.fused": Flag(),
    "schedule.warmup": _FRACTION,
    "data.train_rows": whole(2),
    "data.val_rows": _EVERY,
    "data.test_rows": _EVERY,
    "data.batch_size": whole(1, "auto"),
    "data.seed": _SEED,
    "data.path": _FILE,
    "data.targets": Columns(),
    "data.inputs": Columns(),
    "data.weight": Column(null=True),
    "data.val_path": _ANY_FILE,
    "data.test_path": _ANY_FILE,
    "data.val_fraction": Number(above=0, below=1),
    "data.test_fraction": Number(above=0, below=1),
    "data.dequantize": Flag(),
    "data.problem.num_components": _EVERY,
    "data.problem.num_targets": _EVERY,
    "data.problem.radius": _NOT_NEGATIVE,
    "data.problem.correlated": Flag(),
    "data.problem.seed": _SEED,
    "data.problem.factor": _FACTOR,
    "trainer.accelerator": Choice(("auto", "cpu", "gpu", "cuda", "mps")),
    "trainer.devices": Devices(),
    "trainer.num_nodes": _EVERY,
    "trainer.max_epochs": _EPOCHS,
    "trainer.max_steps": _EVERY,
    "trainer.log_every_n_steps": _EVERY,
    "trainer.check_val_every_n_epoch": _EVERY,
    "trainer.val_check_interval": Number(above=0, words=(None,)),
    "trainer.min_epochs": whole(0, None),
    "trainer.default_root_dir": Text("the path of a folder", null=True),
    "trainer.limit_train_batches": _BATCHES,
    "trainer.limit_val_batches": _BATCHES,
    "trainer.limit_test_batches": _BATCHES,
    "trainer.precision": Choice(_PRECISION, "; use bf16-mixed or 32-true"),
    "trainer.num_sanity_val_steps": whole(-1),
    "trainer.enable_model_summary": Flag(),
    "callbacks.finite.every_n_steps": _EVERY,
    "callbacks.singularity_reset.every_n_epochs": _EVERY,
    "callbacks.singularity_reset.until": _FRACTION,
    "callbacks.singularity_reset.patience": _EVERY,
    "callbacks.singularity_reset.max_resets": whole(0),
    "callbacks.singularity_reset.on_exhausted": Choice(("warn", "raise")),
    "callbacks.singularity_reset.seed": _SEED,
    "callbacks.singularity_reset.thresholds.min_mass": _NOT_NEGATIVE,
    "callbacks.singularity_reset.thresholds.min_rows": _NOT_NEGATIVE,
    "callbacks.singularity_reset.thresholds.floor_factor": _NOT_NEGATIVE,
    "callbacks.singularity_reset.thresholds.floor_share": _FRACTION,
    "callbacks.best_checkpoint.dirpath": Text("the path of a folder"),
    "callbacks.best_checkpoint.filename": _NAME,
    "callbacks.best_checkpoint.monitor": Choice(MONITORED),
    "callbacks.best_checkpoint.mode": Choice(("min",)),
    "callbacks.best_checkpoint.every_seconds": _NOT_NEGATIVE,
    "callbacks.last_checkpoint.dirpath": Text("the path of a folder"),
    "callbacks.last_checkpoint.filename": _NAME,
    "callbacks.last_checkpoint.every_seconds": _NOT_NEGATIVE,
    "callbacks.early_stopping.monitor": Choice(MONITORED),
    "callbacks.early_stopping.mode": Choice(("min",)),
    "callbacks.early_stopping.patience": _EVERY,
    "callbacks.early_stopping.min_delta": _NOT_NEGATIVE,
    "callbacks.early_stopping.check_finite": Flag(),
    "callbacks.learning_rate.logging_interval": Choice(("epoch", "step")),
    "callbacks.progress.monitor": _NAME,
    "callbacks.progress.metrics": Several(_NAME, 0),
    "callbacks.progress.lines": _EVERY,
    "callbacks.mixture_monitor.every_n_epochs": _EVERY,
    "callbacks.mixture_monitor.rows": _EVERY,
    "callbacks.density_plot.enabled": Flag(),
    "callbacks.density_plot.table": _TABLE,
    "callbacks.density_plot.every_n_epochs": whole(1, None),
    "callbacks.fit_frames.enabled": Flag(),
    "callbacks.fit_frames.table": _TABLE,
    "callbacks.fit_frames.most_frames": whole(2),
    "callbacks.fit_frames.frames_per_second": _EVERY,
    "model.num_components": whole(1, "auto"),
    "model.ensemble_size": _EVERY,
    "model.backbone.width": _EVERY,
    "model.backbone.depth": whole(0, "auto"),
    "model.backbone.activation": Choice(("elu", "gelu", "leaky_relu", "relu", "silu", "tanh")),
    "model.backbone.dropout": Number(0, below=1),
    "model.backbone.norm": Choice((None, "layer", "batch")),
    "model.backbone.residual": Flag(),
    "model.first_layer_gain": Several(_POSITIVE),
    "model.start_from_data": Flag(),
    "model.mixture_lr": _RATE,
    "model.component_lr": _RATE,
    "model.gradient_clip": _RATE,
    "model.start_from": Choice(("k-means", "k-means++", "random")),
    "model.n_init": _EVERY,
    "model.seed": _SEED,
    "model.tol": _NOT_NEGATIVE,
    "model.relative_tol": _NOT_NEGATIVE,
    "ckpt": _FILE,
    "parts.backbone": _CLASS,
    "parts.family": _CLASS,
    "parts.objective": _CLASS,
    "parts.regularizer": _CLASS,
    "parts.optimizer": _CLASS,
    "parts.schedule": _CLASS,
    "report": Flag(),
    "out": Text("the path of the file to write"),
    "id": Columns(),
    "columns": Several(_NAME, single=True),
    "quantiles": Several(_FRACTION, single=True),
    "interval_level": Number(above=0, below=1),
    "samples": _EVERY,
    "format": Choice(("onnx", "torch_export", "safetensors")),
}

_FOLLOWED = ("family.", "objective.", "regularizer.", "optimizer.", "schedule.")
"""Groups that a model repeats."""


def rule_of(name: str) -> Rule | None:
    """The rule of a key; None where a class from outside or a group alone knows."""
    inner = name.removeprefix("model.")
    return _RULES.get(inner if inner.startswith(_FOLLOWED) else name)


def read_values(config: Mapping[str, Any], path: str = "") -> dict[str, Any]:
    """The configuration with every value as its rule reads it.

    Raises:
        UserError: at the first value that its key does not take.
    """
    return {key: _read(f"{path}{key}", value) for key, value in config.items()}


def _read(name: str, value: Any) -> Any:
    rule = rule_of(name)
    if rule is not None:
        return rule.read(name, value)
    return read_values(value, f"{name}.") if isinstance(value, dict) else value
