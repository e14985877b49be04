"""Remarks on what columns seem to be, beside their kind."""

import re
from collections.abc import Iterator

import torch
from jaxtyping import Float64
from torch import Tensor

from mdn.data.kinds.guessed_kinds import named_like_identifier
from mdn.data.table import Table
from mdn.networks.kinds import Category, Number

_TIME = re.compile(r"(.*[\W_])?(time|survival|duration|tte|days|months|followup|follow.up)", re.I)
_STATUS = re.compile(
    r"(.*[\W_])?(status|event|cens|censor|censored|censoring|dead|death|died|delta|observed)", re.I
)
_ZIP = re.compile(r"(^|[\W_])(zip|post(al)?\W?code)", re.I)
_NEARLY_ALL = 0.9999
"""The correlation from which on an input tells the target."""

_FEW = 0.5
"""The share of rows with a value that is worth a word."""

_SHOWN = 3


def column_remarks(table: Table) -> Iterator[str]:
    """Say what else a user may want to know of the columns of a table."""
    yield from _censored(table)
    yield from _telling(table)
    yield from _identifiers(table)
    yield from _gaps(table)


def _censored(table: Table) -> Iterator[str]:
    flags = [
        name
        for name, column in zip(table.input_names, table.x.T, strict=True)
        if _STATUS.fullmatch(name) and _two_valued(column)
    ]
    times = [name for name in table.target_names if _TIME.fullmatch(name)]
    if flags and times:
        yield (
            f"input {flags[0]!r} looks as if it told which values of target {times[0]!r} are "
            "censored: that is not modeled, and a censored time counts as an observed one. Keep "
            f"the rows whose time was observed, and leave {flags[0]!r} out with `exclude`"
        )


def _two_valued(column: Float64[Tensor, " N"]) -> bool:
    return len(column[~column.isnan()].unique()) == 2


def _telling(table: Table) -> Iterator[str]:
    plain = [i for i, kind in enumerate(table.kinds) if not isinstance(kind, Category)]
    for name, y in zip(table.target_names, table.y.T, strict=True):
        strength = _correlations(table.x[:, plain], y)
        for i in (strength > _NEARLY_ALL).nonzero().squeeze(-1).tolist()[:_SHOWN]:
            yield (
                f"input {table.input_names[plain[i]]!r} tells target {name!r} nearly without "
                "error; leave it out with `exclude` if it is not known before the target is"
            )


def _correlations(x: Float64[Tensor, "N P"], y: Float64[Tensor, " N"]) -> Float64[Tensor, " P"]:
    """Return the size of the correlation of each column with y, over the rows that have both."""
    there = ~(x.isnan() | y.isnan()[:, None])
    count = there.sum(0).clamp(min=1)
    values, targets = x.nan_to_num(), y.nan_to_num()[:, None].expand_as(x)
    x0 = torch.where(there, values - (values * there).sum(0) / count, 0.0)
    y0 = torch.where(there, targets - (targets * there).sum(0) / count, 0.0)
    size = (x0.square().sum(0) * y0.square().sum(0)).sqrt()
    return ((x0 * y0).sum(0).abs() / size.clamp(min=1e-300)).masked_fill(count < 10, 0.0)


def _identifiers(table: Table) -> Iterator[str]:
    """Remark on numbers that name something, and come again."""
    suspects = [
        name
        for name, kind, column in zip(table.input_names, table.kinds, table.x.T, strict=True)
        if type(kind) is Number and _named_like_code(name) and _whole(column)
    ]
    for name in suspects[:_SHOWN]:
        yield (
            f"input {name!r} is named like an identifier, and is taken for a number; if its "
            f"numbers are but names, say `kinds={{{name}: category}}` or leave it out"
        )


def _named_like_code(name: str) -> bool:
    return named_like_identifier(name) or bool(_ZIP.search(name))


def _whole(column: Float64[Tensor, " N"]) -> bool:
    present = column[~column.isnan()]
    return bool((present == present.round()).all())


def _gaps(table: Table) -> Iterator[str]:
    share = table.x.isnan().double().mean(0) if len(table) else table.x.new_zeros(0)
    sparse = [
        f"{table.input_names[i]!r} ({100 * share[i].item():.0f} %)"
        for i in (share > _FEW).nonzero().squeeze(-1).tolist()
    ]
    if sparse:
        more = f" and {len(sparse) - _SHOWN} more" if len(sparse) > _SHOWN else ""
        yield f"most values are missing in {', '.join(sparse[:_SHOWN])}{more}"
