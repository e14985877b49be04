"""The factor of a covariance to which a constant is added on its diagonal.

With A a triangular factor, A A' + s^2 I = [A, sI] [A, sI]', and a rotation of the columns of
[A, sI] leaves that product as it is. One rotation for each target gathers what its row has in
column i of A and in the columns beside it: with x the entry of A, v the others, and

    r = sqrt(x^2 + |v|^2),    c = x / r,    g = v / r,

a row (a, e) below becomes (c a + g'e, e - g (a + g'e / (1 + c))), and the row itself (r, 0). After
the last one the columns beside A are empty. No variance is formed, and a diagonal entry is a length
of what it is made of, so that it keeps its digits however small it is.

Inside, tensors are [D, K, *rows], so that every operation runs along rows.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor


def convolved_factor(
    diagonal: Float[Tensor, "D K *rows"], columns: Sequence[Tensor], std: float
) -> tuple[list[Tensor], list[Tensor]]:
    """Return the factor of the covariance plus std^2 on its diagonal.

    Args:
        diagonal: of the factor; positive.
        columns: what each column has below the diagonal, [D - 1, K, *rows], [D - 2, K, *rows], ...
        std: above 0.

    Returns:
        Diagonal entries, and what each column has below the diagonal.
    """
    added = diagonal.new_tensor(std)
    beside: list[Tensor] = []  # what the columns beside A have in the rows from the present one on
    lengths, rotated = [], []
    for own, below in zip(diagonal, columns, strict=True):
        length = _length(torch.hypot(own, added), [each[0] for each in beside])
        cosine, sine = own / length, added / length
        shares = [(each[1:], each[0] / length) for each in beside]
        gathered = torch.zeros_like(below)
        for rest, share in shares:
            gathered = torch.addcmul(gathered, rest, share)
        turned = below + gathered / (1 + cosine) if beside else below
        beside = [torch.addcmul(rest, turned, share, value=-1) for rest, share in shares]
        beside.append(-sine * turned)
        lengths.append(length)
        rotated.append(torch.addcmul(gathered, below, cosine))
    return lengths, rotated


def _length(least: Tensor, others: Sequence[Tensor]) -> Tensor:
    """Measure (least, *others), where least alone keeps the squares from under- and overflow."""
    squares = torch.ones_like(least)
    for ratio in (each / least for each in others):
        squares = torch.addcmul(squares, ratio, ratio)
    return least * squares.sqrt() if others else least


def packed_columns(lower: Float[Tensor, "P K *rows"], num_targets: int) -> tuple[Tensor, ...]:
    """Return the columns of strictly lower entries that are packed one after another."""
    return lower.split(list(range(num_targets - 1, -1, -1)))


def inverse_columns(
    diagonal: Float[Tensor, "D K *rows"], columns: Sequence[Tensor]
) -> list[Tensor]:
    """Return what (I - B)^-1 diag(s) has below its diagonal, column by column.

    Args:
        diagonal: s.
        columns: what each column of B has below the diagonal.
    """
    found = []
    for j, own in enumerate(diagonal):
        rest = columns[j] * own
        for k in range(j + 1, len(diagonal) - 1):
            done, after = rest[: k - j], rest[k - j :]
            rest = torch.cat([done, after + columns[k] * done[-1]])
        found.append(rest)
    return found
