"""Numbers that follow from the rows, where the configuration has a word for them."""

from collections.abc import Callable
from typing import Any

from mdn.data.module import TableModule
from mdn.data.table import Table
from mdn.run.build import num_processes
from mdn.run.floor import with_floor
from mdn.sizes import AUTO, suitable_components, suitable_epochs


def with_sizes(config: dict[str, Any], data: TableModule) -> dict[str, Any]:
    """The configuration with every `auto`, and the floor `grid`, replaced by a number."""
    config = _filled(config, "data", "batch_size", lambda: data.batch_size)
    config = _filled(config, "model", "num_components", lambda: _components(data.train_table))
    config = _filled(config, "trainer", "max_epochs", lambda: _epochs(config["trainer"], data))
    return with_floor(config, data)


def _components(table: Table) -> int:
    counted = len(table) if table.weight is None else int((table.weight > 0).sum())
    return suitable_components(counted)


def _epochs(trainer: dict[str, Any], data: TableModule) -> int:
    return suitable_epochs(len(data.train_table), data.batch_size, num_processes(trainer))


def _filled(
    config: dict[str, Any], node: str, key: str, number: Callable[[], int]
) -> dict[str, Any]:
    if config[node].get(key) != AUTO:
        return config
    return config | {node: config[node] | {key: number()}}
