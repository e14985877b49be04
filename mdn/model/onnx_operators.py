"""Operators that onnxruntime does not have, or in single precision alone, by others that it has.

    softplus(x) = log(1 + exp(x)) = max(x, 0) + log(1 + u),  u = exp(-|x|)

where log(1 + u) is u log(w) / (w - 1), w = 1 + u rounded, which keeps the digits of a small u.

    hypot(x, y) = sqrt(x^2 + y^2) = a sqrt(1 + (b / a)^2)

where a is the larger and b the smaller of |x| and |y|.
"""

from collections.abc import Callable
from importlib import import_module

import torch

op = import_module("onnxscript").opset20  # its annotations do not fit its own answers

Translations = dict[Callable[..., object], Callable[..., object]]


def translations(dtype: torch.dtype) -> Translations:
    """Return what the exporter writes for some of torch's operators, for a network of a type."""
    found: Translations = {torch.ops.prims.hypot.default: _hypot}
    return found | ({torch.ops.aten.softplus.default: _softplus} if dtype == torch.float64 else {})


def _softplus(x: object, beta: float = 1.0, threshold: float = 20.0) -> object:
    u = op.Exp(op.Neg(op.Abs(x)))
    one = op.CastLike(op.Constant(value_float=1.0), x)
    w = op.Add(one, u)
    log = op.Div(op.Mul(u, op.Log(w)), op.Sub(w, one))
    return op.Add(op.Relu(x), op.Where(op.Equal(w, one), u, log))


def _hypot(x: object, y: object) -> object:
    one = op.CastLike(op.Constant(value_float=1.0), x)
    sizes = op.Abs(x), op.Abs(y)
    larger = op.Max(*sizes)
    unit = op.Where(op.Equal(larger, op.Sub(one, one)), one, larger)
    ratio = op.Div(op.Min(*sizes), unit)
    return op.Mul(larger, op.Sqrt(op.Add(one, op.Mul(ratio, ratio))))
