"""Refuse configurations that need too much memory, from their numbers alone.

The sizes are lower bounds: what is not known yet, such as the columns of a file, counts as one.
"""

from mdn.app.errors import UserError
from mdn.app.node import Node
from mdn.distributions.checks import check_fits

_FLOAT32, _FLOAT64 = 4, 8

_COPIES = 4
"""A weight, its gradient, and the two moments of the optimizer."""

_COLUMN = 1000
"""Bytes of a column of answers, however few rows it has."""

_OUTPUTS = 3
"""Outputs of a component with one target: weight, mean and spread."""


def check_sizes(config: Node) -> None:
    """Refuse what cannot fit into the memory of this machine.

    Raises:
        UserError: with the setting and the size it would have.
    """
    try:
        for what, num_bytes in _sizes(config).items():
            check_fits(num_bytes, what)
    except ValueError as error:
        raise UserError(str(error)) from None


def _sizes(config: Node) -> dict[str, float]:
    data, model = config.get("data") or {}, config.get("model") or {}
    rows = {f"data.{key}={number}": _FLOAT64 * number for key, number in _rows(data).items()}
    sizes = rows | _problem(data) | (_network(model) if model else {})
    if "samples" in config and "columns" in config:
        sizes[f"samples={config['samples']}"] = _COLUMN * config["samples"]
    return sizes


def _rows(data: Node) -> dict[str, int]:
    """Return the numbers of rows that are to be drawn, without what is `auto`."""
    return {key: data[key] for key in data if key.endswith("_rows") and data[key] != "auto"}


def _problem(data: Node) -> dict[str, float]:
    problem = data.get("problem") or {}
    components, targets = problem.get("num_components", 1), problem.get("num_targets", 1)
    said = f"data.problem.num_components={components} and data.problem.num_targets={targets}"
    rows = max(_rows(data).values(), default=1)
    return {said: _FLOAT64 * targets * max(components * targets, rows)}


def _network(model: Node) -> dict[str, float]:
    members, components = model.get("ensemble_size", 1), _number(model["num_components"])
    backbone = model.get("backbone") or {}
    width, depth = backbone.get("width", 0), _number(backbone.get("depth", 0))
    scale = _FLOAT32 * _COPIES * members
    layers = f"backbone.width={width}, depth={backbone.get('depth')} and {members} networks"
    heads = f"model.num_components={model['num_components']} in {members} networks"
    return {
        f"a model of {layers}": scale * width * width * max(1, depth - 1),
        f"a model of {heads}": scale * components * _OUTPUTS * (width + 1),
    }


def _number(size: int | str) -> int:
    """Return a size, or the smallest that `auto` may stand for."""
    return size if isinstance(size, int) else 2
