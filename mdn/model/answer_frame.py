"""The answers of mixtures as a frame: one row for each mixture, in columns as `predict.py` has."""

from collections.abc import Sequence
from typing import NoReturn

import torch

from mdn.distributions.abstract import Mixture
from mdn.distributions.arguments import Levels, probabilities, probability, whole
from mdn.distributions.checks import check_fits
from mdn.distributions.long_answers import names_of
from mdn.distributions.result_frame import result_frame
from mdn.model.prediction_columns import COLUMNS, ColumnSettings, Need, Prediction

_INSTEAD: dict[Need, str] = {
    "members": "ask it of model.predict_members(frame)",
    "targets": "ask log_prob(y), with the values that came true",
    "novelty": "ask model.novelty(frame)",
}
"""What answers columns that these mixtures cannot."""


def answer_frame(
    mixture: Mixture,
    columns: str | Sequence[str],
    quantiles: Levels,
    interval_level: float,
    samples: int,
    generator: torch.Generator | None,
) -> object:
    """Return what `Mixture.to_frame` answers."""
    names = [columns] if isinstance(columns, str) else list(columns)
    levels, level = probabilities(quantiles), probability(interval_level)
    settings = ColumnSettings(names, levels, level, whole("samples", samples, 1))
    pooled, members = _with_members(mixture)
    _check_answered(settings, members)
    if "samples" in names:
        numbers = pooled.batch_shape.numel() * settings.samples * mixture.num_targets
        check_fits(16 * numbers, f"samples={settings.samples}")
    targets = names_of(mixture.target_names, mixture.num_targets)
    prediction = Prediction(pooled, targets, members, generator=generator)
    with torch.no_grad():
        return result_frame(settings.compute(prediction), pooled.origin)


def _with_members(mixture: Mixture) -> tuple[Mixture, Mixture | None]:
    """Return one mixture for each row, and the members where there are such."""
    batch, origin = mixture.batch_shape, mixture.origin
    if len(batch) <= 1:
        return (mixture if batch else mixture[None]), None
    if len(batch) == 2 and origin is not None and origin.members == batch[0]:
        return mixture.pool(), mixture
    raise ValueError(
        f"a frame has one row for each mixture of a batch with one axis, got batch shape "
        f"{list(batch)}; index it, as in mixture[0], or flatten() it"
    )


def _check_answered(settings: ColumnSettings, members: Mixture | None) -> None:
    for name in settings.columns:
        need = COLUMNS[name].needs
        if need and not (need == "members" and members is not None):
            _refuse(name, need)


def _refuse(name: str, need: Need) -> NoReturn:
    raise ValueError(f"the column {name!r} does not follow from these mixtures; {_INSTEAD[need]}")
