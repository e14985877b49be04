"""Row weights: only their ratios count.

A common factor of all weights changes nothing, so they are brought near one before they are
summed. That takes a power of two, which rounds nothing.
"""

import math

from jaxtyping import Float
from torch import Tensor

_USUAL_EXPONENT = 64


def unit_weights(weight: Float[Tensor, " N"]) -> Float[Tensor, " N"]:
    """Multiply weights by a power of two that lets sums of them and of their squares fit.

    Weights of a usual size are returned as they are.
    """
    exponent = math.frexp(float(weight.amax()))[1] if len(weight) else 0
    if abs(exponent) <= _USUAL_EXPONENT:
        return weight
    # Two steps, because the factor of the smallest numbers is beyond the largest one.
    half = -exponent // 2
    return weight.double() * 2.0**half * 2.0 ** (-exponent - half)


def check_weights(weight: Float[Tensor, " N"], num_rows: int) -> None:
    """Refuse weights that are not finite, negative, all zero, or not one for each row.

    Raises:
        ValueError: on such weights.
    """
    if weight.shape != (num_rows,):
        raise ValueError(
            f"weight must have one entry a row, got shape {list(weight.shape)} for {num_rows} rows"
        )
    least, most = weight.amin().item(), weight.amax().item()
    if not (least >= 0 and 0 < most < math.inf):
        raise ValueError(
            f"weights must be finite, none below 0 and not all 0; got values from {least} to {most}"
        )
