"""From columns of a file to rows that count."""

from jaxtyping import Float64, Int64
from torch import Tensor

from mdn.data.columns import Columns, Roles, matrix
from mdn.data.missing_targets import counts
from mdn.data.stream.source import Decode
from mdn.data.table import Table


def decoder(roles: Roles) -> Decode:
    """Return what makes rows of columns; rows count that have a target and a positive weight."""

    def decode(columns: Columns) -> tuple[Int64[Tensor, " N"], Table]:
        x, y = matrix(columns, roles.inputs), matrix(columns, roles.targets, missing=True)
        weight = _weight(columns, roles)
        counting = counts(y, weight)
        rows = counting.nonzero().squeeze(-1)
        if len(rows) < len(y):
            x, y, weight = x[rows], y[rows], None if weight is None else weight[rows]
        return rows, Table(x, y, weight, roles.inputs, roles.targets)

    return decode


def _weight(columns: Columns, roles: Roles) -> Float64[Tensor, " N"] | None:
    if roles.weight is None:
        return None
    weight = matrix(columns, [roles.weight], missing=True).squeeze(-1)
    _check_weights(columns.source, weight)
    return weight


def _check_weights(source: str, weight: Float64[Tensor, " N"]) -> None:
    if (weight < 0).any():
        raise ValueError(
            f"{source}: weights must be 0 or more; the smallest so far is "
            f"{weight.nan_to_num().min().item():g}; mend the column or leave `weight` out"
        )
