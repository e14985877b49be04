"""From columns of a file to rows that count."""

import torch
from jaxtyping import Float64, Int64
from torch import Tensor

from mdn.data.columns import Columns, Roles, matrix
from mdn.data.stream.source import Decode
from mdn.data.table import Table


def decoder(roles: Roles) -> Decode:
    """Return what makes rows of columns with these roles; rows of weight zero do not count."""

    def decode(columns: Columns) -> tuple[Int64[Tensor, " N"], Table]:
        x, y = matrix(columns, roles.inputs), matrix(columns, roles.targets)
        if roles.weight is None:
            rows = torch.arange(len(y))
            return rows, Table(x, y, None, roles.inputs, roles.targets)
        weight = matrix(columns, [roles.weight]).squeeze(-1)
        _check_weights(columns.source, weight)
        rows = (weight > 0).nonzero().squeeze(-1)
        return rows, Table(x[rows], y[rows], weight[rows], roles.inputs, roles.targets)

    return decode


def _check_weights(source: str, weight: Float64[Tensor, " N"]) -> None:
    if (weight < 0).any():
        raise ValueError(
            f"{source}: weights must be 0 or more; the smallest so far is "
            f"{weight.min().item():g}; mend the column or leave `weight` out"
        )
