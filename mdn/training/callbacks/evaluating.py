"""Looking at a model in the middle of training, without a trace."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

import torch
from torch import nn

AnyModule = TypeVar("AnyModule", bound=nn.Module)


@contextmanager
def evaluating(module: AnyModule) -> Iterator[AnyModule]:
    """The module in evaluation mode and without gradients; then each part in its own mode again."""
    modes = {part: part.training for part in module.modules()}
    try:
        with torch.no_grad():
            yield module.eval()
    finally:
        for part, training in modes.items():
            part.training = training
