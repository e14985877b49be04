"""From columns of a file to rows that count."""

from collections.abc import Mapping
from dataclasses import replace

from jaxtyping import Float64, Int64
from torch import Tensor

from mdn.data.faults import Faults
from mdn.data.kinds.coded_columns import coded, matrix
from mdn.data.missing_targets import NO_WEIGHT, counts, without_target
from mdn.data.readers.columns import Columns
from mdn.data.reading import Reading
from mdn.data.roles import Roles
from mdn.data.splits.marks import marks_of
from mdn.data.splits.settings import SplitBy
from mdn.data.stream.source import Decode
from mdn.data.table import Table
from mdn.networks.kinds import Kind


def decoder(roles: Roles, inputs: Mapping[str, Kind], reading: Reading, by: SplitBy) -> Decode:
    """Return what makes rows of columns; rows count that have a target and a positive weight.

    Args:
        roles: which columns are targets and weight.
        inputs: the kinds of the inputs, with levels that have codes.
        reading: what was guessed.
        by: what rows are split by.
    """
    names, kinds = list(inputs), tuple(inputs.values())

    def decode(columns: Columns) -> tuple[Int64[Tensor, " N"], Table]:
        columns = replace(columns, formats=reading.formats)
        x, y, weight = _values(columns, roles, inputs)
        dropped = without_target(y) | _without_weight(weight)
        rows = counts(y, weight).nonzero().squeeze(-1)
        marks = {name: mark[rows] for name, mark in marks_of(columns, by).items()}
        if len(rows) < len(y):
            x, y, weight = x[rows], y[rows], None if weight is None else weight[rows]
        told = {"marks": marks, "split_by": by, "reading": reading}
        return rows, Table(x, y, weight, names, roles.targets, kinds, dropped, **told)

    return decode


def _values(
    columns: Columns, roles: Roles, inputs: Mapping[str, Kind]
) -> tuple[Tensor, Tensor, Tensor | None]:
    faults, parts = Faults(), []
    with faults.collected():
        parts.append(coded(columns, list(inputs), list(inputs.values())))
    with faults.collected():
        parts.append(matrix(columns, roles.targets))
    with faults.collected():
        parts.append(_weight(columns, roles))
    faults.check()
    x, y, weight = parts
    return x, y, weight


def _without_weight(weight: Float64[Tensor, " N"] | None) -> dict[str, int]:
    missing = 0 if weight is None else int(weight.isnan().sum())
    return {NO_WEIGHT: missing} if missing else {}


def _weight(columns: Columns, roles: Roles) -> Float64[Tensor, " N"] | None:
    if roles.weight is None:
        return None
    weight = matrix(columns, [roles.weight]).squeeze(-1)
    if (weight < 0).any():
        raise ValueError(
            f"{columns.source}: weights must be 0 or more; the smallest so far is "
            f"{weight.nan_to_num().min().item():g}; mend the column or leave `weight` out"
        )
    return weight
