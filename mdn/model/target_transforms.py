"""On which scale each target is learned: what a recipe says, what a card keeps, and both read."""

from collections.abc import Iterator, Mapping, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from mdn.distributions.checks import check_one_of
from mdn.distributions.target_names import hint
from mdn.distributions.transformed.transforms import Identity, Transform
from mdn.model import registry
from mdn.model.card import ModelCard
from mdn.model.network_parts import NETWORK as NETWORK  # registered, and may be named
from mdn.model.registry import Description

TransformSetting = str | dict[str, object] | None
"""A word for all targets, a word or settings for each of some by name, or None for none."""


def check_setting(setting: TransformSetting) -> None:
    """Refuse a setting that names no transform, before the targets are known.

    Raises:
        ValueError: on a word or settings that no transform has.
    """
    for name, each in _of_each(setting, ["every target"]).items():
        _built(name, each)


def described(setting: TransformSetting, targets: Sequence[str]) -> dict[str, Description]:
    """Return what a card keeps of a setting: a description by the name of the target.

    Raises:
        ValueError: on the name of no target, and as `check_setting`.
    """
    found = _of_each(setting, targets)
    for name, each in found.items():
        if name not in targets:
            raise ValueError(
                f"`target_transform` names {name!r}, which is no target; the targets are "
                f"{list(targets)}{hint(name, targets)}"
            )
        _built(name, each)
    return {name: registry.describe(_built(name, each)) for name, each in found.items()}


def transforms_of(card: ModelCard) -> tuple[Transform, ...]:
    """Return the transform of each target; empty where none is on another scale.

    Raises:
        ValueError: on a description of no transform, and on one for no target.
    """
    if not card.transforms:
        return ()
    unknown = sorted(card.transforms.keys() - set(card.targets))
    if unknown:
        raise ValueError(f"its transforms name {unknown[0]!r:.100}, which is no target")
    known = {name: registry.build("transform", each) for name, each in card.transforms.items()}
    return tuple(known.get(name, Identity()) for name in card.targets)


def outside(
    transforms: Sequence[Transform], names: Sequence[str], y: Float[Tensor, "N D"]
) -> Iterator[str]:
    """Say of each target with values that its scale has no place for what they are."""
    columns = zip(transforms, names, y.T, strict=True) if transforms else ()
    for transform, name, values in columns:
        rows = (~transform.holds(values)).nonzero().squeeze(-1)
        if len(rows):
            low, high = transform.support
            below = "" if high == torch.inf else f" and below {high:g}"
            others = f" and in {len(rows) - 1} more" if len(rows) > 1 else ""
            yield (
                f"target {name!r} is {values[rows[0]].item():g} in row {int(rows[0]) + 1} of "
                f"{len(values)}{others}, and is learned on a scale of values above {low:g}{below}"
            )


def _of_each(setting: TransformSetting, targets: Sequence[str]) -> Mapping[str, object]:
    if setting is None:
        return {}
    return setting if isinstance(setting, Mapping) else dict.fromkeys(targets, setting)


def _built(name: str, each: object) -> Transform:
    if isinstance(each, str):
        check_one_of(f"target_transform of {name}", each, registry.ROLES["transform"].parts)
        each = {registry.KIND: each}
    try:
        return registry.build("transform", each)
    except ValueError as error:
        raise ValueError(f"target_transform of {name} is {each!r:.100}: {error}") from None
