"""Silence what Lightning and TensorBoard say in every run and no user can act on."""

import logging
import warnings

_WARNINGS = [
    r".*isinstance\(treespec, LeafSpec\)` is deprecated.*",  # Lightning's own use of torch
    r"torch\.distributed\.nn\.functional\.all_gather is deprecated.*",  # Lightning's too
    r"Checkpoint directory .* exists and is not empty",  # what a run finds there is its own
    r"It is recommended to use `self\.log\(.*sync_dist=True",  # what is logged is summed already
    r"Grad strides do not match bucket view strides.*",  # layers of an ensemble, on processes
]


def silence_lightning() -> None:
    """Silence remarks of Lightning and TensorBoard; warnings and errors stay."""
    for name in ("lightning.pytorch", "lightning.fabric", "tensorboard"):
        logging.getLogger(name).setLevel(logging.WARNING)
    for message in _WARNINGS:
        warnings.filterwarnings("ignore", message=message)
