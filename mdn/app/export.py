"""A trained model in a format that other programs read."""

import json
import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import torch

from mdn.app.files import check_writable
from mdn.data.write import replaced
from mdn.model.export import PlainModel
from mdn.model.load import load
from mdn.model.model import Model

_EXAMPLE_ROWS = 5
"""Rows to trace with; the graph takes any number."""


def export(config: dict[str, Any]) -> None:
    """Write the model of a checkpoint to `out`, whole or not at all."""
    if config["format"] not in FORMATS:
        raise ValueError(f"format must be one of {', '.join(FORMATS)}, got {config['format']!r}")
    out = Path(config["out"])
    check_writable(out)
    model = load(config["ckpt"])
    with replaced(out) as beside:
        FORMATS[config["format"]](model, beside)
    print(f"{config['format']}: {out}")


def write_onnx(model: Model, path: Path) -> None:
    """An ONNX graph from x [rows, P], float64, to pi, mu and std or tril."""
    _require("onnx", "onnxscript")
    plain = PlainModel(model).eval()
    with _quiet():  # it reports every pass, every node and every package that is not there
        graph = torch.onnx.export(
            plain,
            (_example(model),),
            dynamo=True,
            verbose=False,
            input_names=["x"],
            output_names=plain.output_names,
            dynamic_shapes=_any_number_of_rows(),
        )
    assert graph is not None
    graph.model.metadata_props["mdn"] = json.dumps(model.card.plain())
    graph.save(str(path))


def write_torch_export(model: Model, path: Path) -> None:
    """What `torch.export.load` reads: the same function as the ONNX graph."""
    program = torch.export.export(
        PlainModel(model).eval(), (_example(model),), dynamic_shapes=_any_number_of_rows()
    )
    with path.open("wb") as stream:
        torch.export.save(program, stream, extra_files={"mdn.json": json.dumps(model.card.plain())})


def write_safetensors(model: Model, path: Path) -> None:
    """Weights and scales by name; the card is metadata, under "mdn" as JSON."""
    _require("safetensors")
    save_file = import_module("safetensors.torch").save_file
    weights = {name: value.contiguous() for name, value in model.state_dict().items()}
    save_file(weights, path, {"mdn": json.dumps(model.card.plain())})


FORMATS: dict[str, Callable[[Model, Path], None]] = {
    "onnx": write_onnx,
    "torch_export": write_torch_export,
    "safetensors": write_safetensors,
}
"""What each format is written with."""


_LOGGERS = {
    "onnx_ir": logging.WARNING,
    "onnxscript": logging.WARNING,
    "torch.onnx._internal.exporter._registration": logging.ERROR,
}
"""What the exporters are told to report from."""


@contextmanager
def _quiet() -> Iterator[None]:
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    levels = [logger.level for logger in loggers]
    try:
        for logger, least in zip(loggers, _LOGGERS.values(), strict=True):
            logger.setLevel(least)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*LeafSpec.*deprecated")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def _example(model: Model) -> torch.Tensor:
    return model.inputs.shift.repeat(_EXAMPLE_ROWS, 1)


def _any_number_of_rows() -> dict[str, Any]:
    return {"x": {0: torch.export.Dim("rows", min=1)}}


def _require(*packages: str) -> None:
    for package in packages:
        try:
            import_module(package)
        except ImportError:
            raise ImportError(
                f"this format needs the package {package}; pip install 'mdn[export]'"
            ) from None
