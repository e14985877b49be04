"""Inputs of a split as plain numbers, for contenders that take nothing else."""

from jaxtyping import Float64
from torch import Tensor

from benchmarks.public.split import Split
from mdn.networks.kinds import numbers


def number_inputs(split: Split, name: str) -> tuple[Float64[Tensor, "N P"], Float64[Tensor, "M P"]]:
    """Return the inputs of the training and of the test rows.

    Raises:
        ValueError: on columns that are not numbers, and on gaps.
    """
    for table in (split.train, split.test):
        if table.kinds != numbers(len(table.input_names)) or not table.x.isfinite().all():
            raise ValueError(
                f"contender {name} takes numbers without gaps, and this set has text, dates or "
                "gaps; leave it out"
            )
    return split.train.x, split.test.x
