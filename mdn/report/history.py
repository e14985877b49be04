"""What TensorBoard knows of a run."""

from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

_WEIGHT = "mixture/weight/"


def component_usage(
    run_dir: Path,
) -> tuple[Float[Tensor, " T"], Float[Tensor, "T K"]] | None:
    """Epochs and the mean weight of each component then; None where nothing was logged."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    if not any(run_dir.glob("events.out.tfevents*")):
        return None
    events = EventAccumulator(str(run_dir), size_guidance={"scalars": 0}).Reload()
    tags = [tag for tag in events.Tags()["scalars"] if tag.startswith(_WEIGHT)]
    if not tags:
        return None
    logged = [events.Scalars(tag) for tag in sorted(tags, key=_component)]
    weight = torch.tensor([[event.value for event in events_] for events_ in logged]).T
    counted = events.Scalars("epoch")
    epoch = np.interp(
        [event.step for event in logged[0]],
        [event.step for event in counted],
        [event.value + 1 for event in counted],
    )
    return torch.from_numpy(epoch).to(weight), weight


def _component(tag: str) -> int:
    return int(tag.removeprefix(_WEIGHT))
