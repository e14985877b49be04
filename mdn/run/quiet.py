"""What Lightning says at every run and no user can act on."""

import logging
import warnings

_REMARKS = [
    r".*isinstance\(treespec, LeafSpec\)` is deprecated.*",  # Lightning's own use of torch
]


def quieten() -> None:
    """Silence Lightning's remarks; its warnings and errors stay."""
    for name in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.WARNING)
    for remark in _REMARKS:
        warnings.filterwarnings("ignore", message=remark)
