"""Evaluation in the middle of training that leaves no trace."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

import torch
from torch import nn

AnyModule = TypeVar("AnyModule", bound=nn.Module)


@contextmanager
def evaluation_mode(module: AnyModule) -> Iterator[AnyModule]:
    """Put a module in evaluation mode without gradients, and each part back in its mode after."""
    modes = {part: part.training for part in module.modules()}
    try:
        with torch.no_grad():
            yield module.eval()
    finally:
        for part, training in modes.items():
            part.training = training
