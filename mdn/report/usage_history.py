"""How components were used during training, read from the TensorBoard log of a run."""

import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from mdn.training.callbacks.component_tags import component_names
from mdn.training.callbacks.mixture_monitor import EFFECTIVE, TAG, WEIGHT

if TYPE_CHECKING:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

_WEIGHT = f"{TAG}/{WEIGHT}"


@dataclass(frozen=True, eq=False)
class ComponentUsage:
    """How components shared the rows while a model was trained.

    Attributes:
        epoch: when weights were logged, in rising order.
        weight: mean weights over the validation rows, by the number of the component; where there
            are many components, by "min", "median" and "max".
        effective: effective numbers of components, by their names in the log.
    """

    epoch: Float[Tensor, " T"]
    weight: dict[str, Float[Tensor, " T"]]
    effective: dict[str, Float[Tensor, " T"]]

    @property
    def is_complete(self) -> bool:
        """Tell whether every component has a weight of its own."""
        return all(name.isdigit() for name in self.weight)


def component_usage(run_dir: Path) -> ComponentUsage | None:
    """Read the usage logged in a directory; None if there is none.

    A run that was resumed or started again has several files. Each file replaces the epochs of
    earlier files from its own first epoch on.
    """
    usage = None
    for events in _event_files(run_dir):
        names = component_names(_WEIGHT, events.Tags()["scalars"])
        if names:
            usage = _continued(usage, _usage(events, names), _first_epoch(events))
    return usage


def _event_files(run_dir: Path) -> list["EventAccumulator"]:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    logs = []
    for path in run_dir.glob("events.out.tfevents*"):
        try:
            log = EventAccumulator(str(path), size_guidance={"scalars": 0}).Reload()
            logs.append((log.FirstEventTimestamp(), log))
        except Exception as error:  # of a damaged file TensorBoard raises whatever it meets
            warnings.warn(
                f"{path} cannot be read ({error}): the report leaves out what it logged",
                stacklevel=2,
            )
    return [log for _, log in sorted(logs, key=lambda pair: pair[0])]


def _usage(events: "EventAccumulator", names: Iterable[str]) -> ComponentUsage:
    steps = [event.step for event in events.Scalars(f"{TAG}/{EFFECTIVE[0]}")]
    counted = events.Scalars("epoch")
    # Lightning numbers epochs and their last steps from 0; the monitor comes a step later.
    last = np.searchsorted([event.step for event in counted], steps) - 1
    return ComponentUsage(
        torch.tensor([counted[i].value + 1 for i in last]),
        {name: _values(events, f"{_WEIGHT}/{name}") for name in names},
        {name: _values(events, f"{TAG}/{name}") for name in EFFECTIVE},
    )


def _values(events: "EventAccumulator", tag: str) -> Float[Tensor, " T"]:
    return torch.tensor([event.value for event in events.Scalars(tag)])


def _first_epoch(events: "EventAccumulator") -> float:
    return events.Scalars("epoch")[0].value + 1


def _continued(
    before: ComponentUsage | None, after: ComponentUsage, first_epoch: float
) -> ComponentUsage:
    if before is None or before.weight.keys() != after.weight.keys():
        return after
    kept = before.epoch < first_epoch
    joined = {
        part: {k: torch.cat([old[k][kept], new[k]]) for k in new}
        for part, old, new in (
            ("weight", before.weight, after.weight),
            ("effective", before.effective, after.effective),
        )
    }
    return ComponentUsage(torch.cat([before.epoch[kept], after.epoch]), **joined)
