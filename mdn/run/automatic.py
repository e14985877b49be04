"""Numbers that follow from the rows, where the configuration has a word for them."""

from typing import Any

from mdn.data.module import TableModule
from mdn.run.floor import with_floor
from mdn.sizes import AUTO, suitable_components, suitable_epochs


def with_sizes(config: dict[str, Any], data: TableModule) -> dict[str, Any]:
    """The configuration with every `auto`, and the floor `grid`, replaced by a number."""
    rows = len(data.train_table)
    config = _filled(config, "data", "batch_size", data.batch_size)
    config = _filled(config, "model", "num_components", suitable_components(rows))
    config = _filled(config, "trainer", "max_epochs", suitable_epochs(rows, data.batch_size))
    return with_floor(config, data)


def _filled(config: dict[str, Any], node: str, key: str, number: int) -> dict[str, Any]:
    if config[node].get(key) != AUTO:
        return config
    return config | {node: config[node] | {key: number}}
