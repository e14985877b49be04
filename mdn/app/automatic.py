"""Numbers that follow from the rows, where the configuration has a word for them."""

from collections.abc import Callable, Sequence
from typing import Any

from mdn.app.build import num_processes
from mdn.data.profile import Profile
from mdn.data.rounding import grid_floor
from mdn.fitting.sizes import AUTO, suitable_components, suitable_depth, suitable_epochs
from mdn.training.datamodule import TableModule

GRID = "grid"
"""The word for the floor that the grid of rounded targets gives."""


def with_sizes(config: dict[str, Any], data: TableModule) -> dict[str, Any]:
    """Replace every `auto`, and the floor `grid`, by a number.

    Raises:
        ValueError: if the floor is to be the grid's and a target lies on none.
    """
    profile = data.profile
    sizes = {
        ("data", "batch_size"): lambda: data.batch_size,
        ("model", "num_components"): lambda: suitable_components(profile.counted_rows),
        ("model", "backbone", "depth"): lambda: suitable_depth(profile.counted_rows),
        ("trainer", "max_epochs"): lambda: _epochs(config["trainer"], data),
    }
    for path, number in sizes.items():
        config = _filled(config, path, number)
    return _with_floor(config, profile)


def _epochs(trainer: dict[str, Any], data: TableModule) -> int:
    return suitable_epochs(data.profile.rows, data.batch_size, num_processes(trainer))


def _filled(
    config: dict[str, Any], path: Sequence[str], number: Callable[[], int]
) -> dict[str, Any]:
    """The configuration with a number where the end of the path is `auto`."""
    key, *rest = path
    value = config.get(key)
    if not rest:
        return config | {key: number()} if value == AUTO else config
    return config | {key: _filled(value, rest, number)} if isinstance(value, dict) else config


def _with_floor(config: dict[str, Any], profile: Profile) -> dict[str, Any]:
    model = config["model"]
    if model["family"]["min_scale"] != GRID:
        return config
    family = model["family"] | {"min_scale": grid_floor(profile)}
    return config | {"family": family, "model": model | {"family": family}}
