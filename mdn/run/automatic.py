"""Numbers that follow from the rows, where the configuration has a word for them."""

import math
from typing import Any

from mdn.data.module import TableModule
from mdn.run.floor import with_floor

_STEPS = 4000
"""Steps of gradient descent that a default network needs, and after which little is gained."""

_FEWEST, _MOST = 20, 200
"""Epochs: every row is worth as many looks, and few rows are overfitted by more."""


def with_sizes(config: dict[str, Any], data: TableModule) -> dict[str, Any]:
    """The configuration with `trainer.max_epochs=auto` and the floor `grid` replaced by numbers."""
    config = with_floor(config, data)
    trainer = config["trainer"]
    if trainer["max_epochs"] != "auto":
        return config
    epochs = suitable_epochs(len(data.train_table), data.batch_size)
    return config | {"trainer": trainer | {"max_epochs": epochs}}


def suitable_epochs(rows: int, batch_size: int) -> int:
    """Epochs that make about as many steps as a network needs."""
    return min(_MOST, max(_FEWEST, round(_STEPS / math.ceil(rows / batch_size))))
