"""Numbers that follow from the rows, where the configuration has a word for them."""

from collections.abc import Callable, Sequence
from typing import Any

from mdn.app.build import num_processes
from mdn.app.floor import with_floor
from mdn.data.table import Table
from mdn.fitting.sizes import AUTO, suitable_components, suitable_depth, suitable_epochs
from mdn.training.datamodule import TableModule


def with_sizes(config: dict[str, Any], data: TableModule) -> dict[str, Any]:
    """The configuration with every `auto`, and the floor `grid`, replaced by a number."""
    sizes = {
        ("data", "batch_size"): lambda: data.batch_size,
        ("model", "num_components"): lambda: suitable_components(_counted(data.train_table)),
        ("model", "backbone", "depth"): lambda: suitable_depth(_counted(data.train_table)),
        ("trainer", "max_epochs"): lambda: _epochs(config["trainer"], data),
    }
    for path, number in sizes.items():
        config = _filled(config, path, number)
    return with_floor(config, data)


def _counted(table: Table) -> int:
    """Rows that weigh something."""
    return len(table) if table.weight is None else int((table.weight > 0).sum())


def _epochs(trainer: dict[str, Any], data: TableModule) -> int:
    return suitable_epochs(len(data.train_table), data.batch_size, num_processes(trainer))


def _filled(
    config: dict[str, Any], path: Sequence[str], number: Callable[[], int]
) -> dict[str, Any]:
    """The configuration with a number where the end of the path is `auto`."""
    key, *rest = path
    value = config.get(key)
    if not rest:
        return config | {key: number()} if value == AUTO else config
    return config | {key: _filled(value, rest, number)} if isinstance(value, dict) else config
