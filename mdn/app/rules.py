"""The rule of every key of the configuration; tests hold it against all of `conf/`.

The source of a class tells the types of its settings, and its constructor checks ranges. The table
here is for keys that no constructor of ours takes.
"""

from mdn.app.rule_kinds import (
    Choice,
    Columns,
    Devices,
    Flag,
    Gap,
    Number,
    Rule,
    Several,
    Text,
    Transforms,
    whole,
)
from mdn.app.targets import rule_by_type

MONITORED = ("val/nll", "val/nll_standardized")
"""What a run may choose its best epoch by."""

_MOST_SEED = 2**32 - 1
"""The largest seed of NumPy."""

_MOST_THREADS = 1024
"""A hundred thousand threads end the process without a word."""

_POSITIVE = Number(above=0)
_NOT_NEGATIVE = Number(0)
_FRACTION = Number(0, most=1)
_SEED = whole(0, most=_MOST_SEED)
_FILE = Text()
_ANY_FILE = Text(null=True)
_NAME = Text("text")
_CLASS = Text("a class in a module of your own, as in periodic.Periodic", null=True)
_EVERY = whole(1)
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
    "data.path": _FILE,
    "model.target_transform": Transforms(),
    "data.time_gap": Gap(),
    "optimizer.lr": _POSITIVE,
    "optimizer.betas": Several(Number(0, below=1), 2, 2),
    "optimizer.weight_decay": _NOT_NEGATIVE,
    "optimizer.fused": Flag(),
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


def rule_of(name: str, target: str = "") -> Rule | None:
    """Return the rule of a key; None where nobody knows one.

    Args:
        name: of the key.
        target: the class that takes it, if a class does.
    """
    by_hand = _RULES.get(name.removeprefix("model.") if "optimizer." in name else name)
    return by_hand or rule_by_type(target, name.rpartition(".")[2])
