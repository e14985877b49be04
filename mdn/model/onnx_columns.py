"""An ONNX graph from the columns of a user, one named input each, to x [rows, P] of a model.

    number, boolean   float64; NaN where missing
    category          string, without blanks at its ends; empty where missing
    time              int64, microseconds since 1970-01-01 UTC; -2^63 where missing

NumPy writes a time so: `to_numpy("datetime64[us]").astype("int64")`, NaT included.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import singledispatch
from typing import Any

import numpy as np
from onnx import ModelProto, NodeProto, TensorProto, ValueInfoProto, compose, helper, numpy_helper

from mdn.data.formats.missing import MARKS
from mdn.data.formats.text_formats import WORDS
from mdn.data.kinds.level_text import MISSING_LEVELS, text_codes
from mdn.model.card import ModelCard
from mdn.model.registry import KIND, describe
from mdn.networks.kinds import Category, Kind, Time

_OWN = "mdn/"
"""What the names of values inside the graph begin with."""

_TEXT = "ai.onnx.ml"
"""The domain of the operator that looks up text."""

_MISSING_LEVEL = -1
_MISSING_TIME = int(np.iinfo(np.int64).min)

_TYPES = {
    "float64": TensorProto.DOUBLE,
    "int64": TensorProto.INT64,
    "string": TensorProto.STRING,
}
"""Types of the inputs."""

_CONSTANTS = {
    "missing": np.array(np.nan),
    "missing_level": np.array(_MISSING_LEVEL),
    "missing_time": np.array(_MISSING_TIME),
    "microseconds": np.array(1e6),
    "axis": np.array([1]),
    "no_column": np.empty((1, 0)),
}
"""Numbers that the graph needs, by name."""


@dataclass(frozen=True)
class GraphInput:
    """An input of the graph.

    Attributes:
        name: its name.
        column: the column that it takes.
        kind: of the column.
        form: how the column was written, where the model read it as text.
    """

    name: str
    column: str
    kind: Kind
    form: str = ""

    def described(self) -> dict[str, object]:
        """Return in plain data what to give it."""
        kind = describe(self.kind)[KIND]
        return {"input": self.name, "column": self.column, "kind": kind} | _format(self.kind)

    def value_info(self) -> ValueInfoProto:
        """Return how the graph declares it."""
        element = _TYPES[str(_format(self.kind)["type"])]
        return helper.make_tensor_value_info(self.name, element, ["rows"])

    @property
    def values(self) -> str:
        """The name of its column of x, [rows, 1]."""
        return f"{_OWN}{self.name}/column"

    def nodes(self) -> list[NodeProto]:
        """Return what computes its column of x."""
        code = f"{_OWN}{self.name}/code"
        column = _node("Unsqueeze", [code, _OWN + "axis"], self.values)
        return [*_code(self.kind, self, code), column]


def with_columns(core: ModelProto, card: ModelCard) -> ModelProto:
    """Return a graph that takes columns, each [rows], where `core` takes x [rows, P].

    Its metadata says what its inputs are, as JSON under "mdn_inputs". Without columns it answers
    with one row.
    """
    model = compose.add_prefix(core, _OWN, rename_outputs=False)
    graph = model.graph
    inputs = graph_inputs(card, [output.name for output in graph.output])
    before, after = _nodes(inputs), list(graph.node)
    del graph.input[:], graph.node[:]
    graph.node.extend(before + after)
    graph.input.extend(each.value_info() for each in inputs)
    graph.initializer.extend(_constants(before))
    model.opset_import.append(helper.make_opsetid(_TEXT, 2))
    described = json.dumps([each.described() for each in inputs])
    model.metadata_props.add(key="mdn_inputs", value=described)
    return model


def graph_inputs(card: ModelCard, outputs: Sequence[str]) -> list[GraphInput]:
    """Return an input for each column, of its name.

    Args:
        card: with names and kinds of the columns.
        outputs: names that are taken; a column of such a name has an input with "_" behind it.
    """
    taken = {"", *card.inputs, *outputs}
    names = [_free(each, taken) if each in ("", *outputs) else each for each in card.inputs]
    return [
        GraphInput(name, column, kind, card.formats.get(column, ""))
        for name, column, kind in zip(names, card.inputs, card.fitted_kinds, strict=True)
    ]


def _free(name: str, taken: set[str]) -> str:
    while name in taken:
        name += "_"
    return name


def _nodes(inputs: Sequence[GraphInput]) -> list[NodeProto]:
    if not inputs:
        return [_node("Identity", [_OWN + "no_column"], _OWN + "x")]
    nodes = [node for each in inputs for node in each.nodes()]
    return [*nodes, _node("Concat", [each.values for each in inputs], _OWN + "x", axis=1)]


def _constants(nodes: Sequence[NodeProto]) -> list[TensorProto]:
    """Return those that nodes look at."""
    used = {name for node in nodes for name in node.input}
    return [
        numpy_helper.from_array(value, _OWN + name)
        for name, value in _CONSTANTS.items()
        if _OWN + name in used
    ]


def _node(kind: str, inputs: Sequence[str], output: str, **attributes: Any) -> NodeProto:
    return helper.make_node(kind, inputs, [output], name=output, **attributes)


@singledispatch
def _format(kind: Kind) -> dict[str, object]:
    """Return the type of an input, and what stands in it for a missing value."""
    return {"type": "float64", "missing": "NaN"}


@_format.register
def _format_of_time(kind: Time) -> dict[str, object]:
    unit = "microseconds since 1970-01-01T00:00:00Z"
    return {"type": "int64", "missing": _MISSING_TIME, "unit": unit}


@_format.register
def _format_of_level(kind: Category) -> dict[str, object]:
    return {"type": "string", "missing": ""}


@singledispatch
def _code(kind: Kind, column: GraphInput, code: str) -> list[NodeProto]:
    return [_node("Identity", [column.name], code)]


@_code.register
def _code_of_time(kind: Time, column: GraphInput, code: str) -> list[NodeProto]:
    return [
        _node("Cast", [column.name], f"{code}/number", to=TensorProto.DOUBLE),
        _node("Div", [f"{code}/number", _OWN + "microseconds"], f"{code}/seconds"),
        *_marked(column.name, "missing_time", f"{code}/seconds", code),
    ]


@_code.register
def _code_of_level(kind: Category, column: GraphInput, code: str) -> list[NodeProto]:
    levels = _levels(kind, column.form)
    keys, values, other = [*levels.keys()], [*levels.values()], len(kind.levels)
    known = {"keys_strings": keys, "values_int64s": values, "default_int64": other}
    return [
        _node("LabelEncoder", [column.name], f"{code}/level", domain=_TEXT, **known),
        _node("Cast", [f"{code}/level"], f"{code}/number", to=TensorProto.DOUBLE),
        *_marked(f"{code}/level", "missing_level", f"{code}/number", code),
    ]


def _levels(kind: Category, form: str) -> dict[str, int]:
    """Return the code of each text; words for a missing value have theirs, unless a level is so."""
    words = [*sorted(MISSING_LEVELS), *(MARKS if form == WORDS else ())]
    return dict.fromkeys(words, _MISSING_LEVEL) | text_codes(kind.levels)


def _marked(values: str, missing: str, number: str, code: str) -> list[NodeProto]:
    """Replace a number by NaN where a value is what stands for a missing one."""
    return [
        _node("Equal", [values, _OWN + missing], f"{code}/missing"),
        _node("Where", [f"{code}/missing", _OWN + "missing", number], code),
    ]
