"""Sums over the rows of an epoch that is under way, as a checkpoint keeps them.

Each process adds up its own rows, and a sum over processes that is broken off would be rounded
otherwise than one that is not: so a checkpoint keeps the sums of each.
"""

from collections.abc import Mapping
from typing import TypedDict

import torch
from jaxtyping import Bool, Shaped
from lightning.pytorch import Trainer
from torch import Tensor

Sums = dict[str, tuple[Tensor, Tensor | int]]
"""By name, a total and the rows, or their weight, that it is of."""


class SavedSum(TypedDict):
    """A sum of each process, in their order."""

    total: Tensor
    rows: Tensor


def saved_sums(trainer: Trainer, sums: Sums, stage: str) -> dict[str, SavedSum]:
    """Return the sums of a stage, and of what begins with its name, of all processes."""
    return {
        name: {
            "total": of_each_process(trainer, total),
            "rows": of_each_process(trainer, torch.as_tensor(rows, device=total.device)),
        }
        for name, (total, rows) in sums.items()
        if name.split("/")[0] == stage
    }


def own_sums(trainer: Trainer, saved: Mapping[str, SavedSum]) -> Sums:
    """Return the sums that this process has to go on from."""
    return {
        name: (own(trainer, each["total"]), own(trainer, each["rows"]))
        for name, each in saved.items()
    }


def without_last(sums: Sums, earlier: Sums, skipped: Bool[Tensor, ""] | None) -> Sums:
    """Return sums without what was added last, if that is not to count.

    Args:
        sums: as they are.
        earlier: as they were before.
        skipped: whether it is not to count; on the device, where asking would hold it up.
    """
    if skipped is None or (skipped.is_cpu and not skipped):
        return sums
    kept: Sums = {}
    for name, (total, rows) in sums.items():
        earlier_total, earlier_rows = earlier.get(name, (0.0, 0))
        kept[name] = (
            torch.where(skipped, earlier_total, total),
            torch.where(skipped, earlier_rows, rows),
        )
    return kept


def of_each_process(
    trainer: Trainer, value: Shaped[Tensor, "*of"]
) -> Shaped[Tensor, "processes *of"]:
    """Gather a value from all processes, which must all ask for it."""
    return trainer.strategy.all_gather(value).view(trainer.world_size, *value.shape)


def own(trainer: Trainer, values: Shaped[Tensor, "before *of"]) -> Shaped[Tensor, "*of"]:
    """Return the value of this process; where there were others, the first takes the sum."""
    if len(values) == trainer.world_size:
        mine = values[trainer.global_rank]
    else:
        mine = values.sum(0) * (trainer.global_rank == 0)
    return mine.to(trainer.strategy.root_device)
