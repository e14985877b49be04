"""Formats in which a model is written for other programs."""

import io
import json
import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module

import torch

from mdn.model.exportable import PlainModel
from mdn.model.model import Model

_EXAMPLE_ROWS = 5
"""Rows to trace with; the graph takes any number."""


def onnx_bytes(model: Model) -> bytes:
    """Return an ONNX graph from the columns of the inputs to pi, mu and std or tril."""
    _require("onnx", "onnxscript")
    from mdn.model.onnx_columns import with_columns
    from mdn.model.onnx_operators import translations

    plain = PlainModel(model).eval()
    with _silenced():  # it reports every pass, every node and every missing package
        graph = torch.onnx.export(
            plain,
            (_example(model),),
            dynamo=True,
            verbose=False,
            input_names=["x"],
            output_names=plain.output_names,
            dynamic_shapes=_any_number_of_rows(),
            custom_translation_table=translations(model.dtype),
        )
    assert graph is not None
    whole = with_columns(graph.model_proto, model.card)
    for key, value in _metadata(model).items():
        whole.metadata_props.add(key=key, value=value)
    return whole.SerializeToString()


def torch_export_bytes(model: Model) -> bytes:
    """Return what `torch.export.load` reads: from x [rows, P], float64, to what ONNX returns."""
    program = torch.export.export(
        PlainModel(model).eval(), (_example(model),), dynamic_shapes=_any_number_of_rows()
    )
    stream = io.BytesIO()
    torch.export.save(program, stream, extra_files={"mdn.json": json.dumps(model.card.plain())})
    return stream.getvalue()


def safetensors_bytes(model: Model) -> bytes:
    """Return weights and scales by name; the card is metadata, under "mdn" as JSON."""
    _require("safetensors")
    save = import_module("safetensors.torch").save
    weights = {name: value.contiguous() for name, value in model.state_dict().items()}
    return save(weights, _metadata(model))


@dataclass(frozen=True)
class Format:
    """A format in which a model is written.

    Attributes:
        content: returns the bytes of a file that holds a model.
        ending: of the file, as it usually is.
        takes_codes: whether it takes x, which a file beside it must explain.
    """

    content: Callable[[Model], bytes]
    ending: str
    takes_codes: bool = True


FORMATS: dict[str, Format] = {
    "onnx": Format(onnx_bytes, ".onnx", takes_codes=False),
    "torch_export": Format(torch_export_bytes, ".pt2"),
    "safetensors": Format(safetensors_bytes, ".safetensors"),
}
"""Formats by name."""

_LOGGERS = {
    "onnx_ir": logging.WARNING,
    "onnxscript": logging.WARNING,
    "torch.onnx._internal.exporter._registration": logging.ERROR,
}
"""The least serious messages that the loggers of the exporters let through."""


def _metadata(model: Model) -> dict[str, str]:
    """The card, and what means and spreads are of where targets are learned on another scale."""
    pairs = zip(model.targets.transforms, model.card.targets, strict=False)
    labels = {name: transform.label(name) for transform, name in pairs}
    scales = {"scales": json.dumps(labels)} if labels else {}
    return {"mdn": json.dumps(model.card.plain())} | scales


@contextmanager
def _silenced() -> Iterator[None]:
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    levels = [logger.level for logger in loggers]
    try:
        for logger, least in zip(loggers, _LOGGERS.values(), strict=True):
            logger.setLevel(least)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*LeafSpec.*deprecated")
            # Numbers that stand in for infinite ones become such; nothing in a row is infinite.
            warnings.filterwarnings("ignore", message="overflow encountered in cast")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def _example(model: Model) -> torch.Tensor:
    return model.inputs.example().repeat(_EXAMPLE_ROWS, 1)


def _any_number_of_rows() -> dict[str, dict[int, torch.export.Dim]]:
    return {"x": {0: torch.export.Dim("rows", min=1)}}


def _require(*packages: str) -> None:
    for package in packages:
        try:
            import_module(package)
        except ImportError:
            raise ImportError(
                f"this format needs the package {package}; pip install 'mdn[export]'"
            ) from None
