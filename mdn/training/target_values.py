"""Values of targets, held against the scales that they are to be learned on."""

import torch
from jaxtyping import Float64
from torch import Tensor

from mdn.data.rows import Rows
from mdn.model.card import ModelCard
from mdn.model.target_transforms import described, outside, transforms_of
from mdn.training.base_recipe import BaseRecipe
from mdn.training.datamodule import TableModule


def check_target_values(recipe: BaseRecipe, data: TableModule) -> None:
    """Refuse rows whose targets have no place on the scale that they are to be learned on.

    Raises:
        ValueError: with every target of every table that holds such a value.
    """
    if recipe.target_transform is None:
        return
    names = data.target_names
    card = ModelCard([], names, transforms=described(recipe.target_transform, names))
    said = [
        f"{part} rows: {each}"
        for part, table in {**data.tables, "train": data.train_table}.items()
        for each in outside(transforms_of(card), names, _seen(table))
    ]
    if said:
        raise ValueError(
            f"{'; '.join(said)}; mend such rows, or choose another `target_transform`: "
            '{"kind": "log", "low": -1} takes values above -1'
        )


def _seen(table: Rows) -> Float64[Tensor, "N D"]:
    """Return the targets of a table; of a stream those of its sample, and the ends of all."""
    if len(table) == len(table.sample):
        return table.sample.y
    targets = table.profile.targets
    return torch.cat([table.sample.y, torch.stack([targets.low, targets.high])])
