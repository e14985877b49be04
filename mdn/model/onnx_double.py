"""Operators that onnxruntime has in single precision alone, by others that it has in double.

    softplus(x) = log(1 + exp(x)) = max(x, 0) + log(1 + u),  u = exp(-|x|)

where log(1 + u) is u log(w) / (w - 1), w = 1 + u rounded, which keeps the digits of a small u.
"""

from collections.abc import Callable
from importlib import import_module

import torch

op = import_module("onnxscript").opset20  # its annotations do not fit its own answers


def translations(dtype: torch.dtype) -> dict[Callable[..., object], Callable[..., object]]:
    """Return what the exporter writes for some of torch's operators, for a network of a type."""
    return {torch.ops.aten.softplus.default: _softplus} if dtype == torch.float64 else {}


def _softplus(x: object, beta: float = 1.0, threshold: float = 20.0) -> object:
    u = op.Exp(op.Neg(op.Abs(x)))
    one = op.CastLike(op.Constant(value_float=1.0), x)
    w = op.Add(one, u)
    log = op.Div(op.Mul(u, op.Log(w)), op.Sub(w, one))
    return op.Add(op.Relu(x), op.Where(op.Equal(w, one), u, log))
