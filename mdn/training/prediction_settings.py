"""Checks of the settings that say what becomes of predicted densities."""

from mdn.distributions.open_settings import Auto, ByHeldOut, Grid, HeldOut
from mdn.model.card import (
    LEAST_RECALIBRATION,
    MOST_GUARD,
    MOST_RECALIBRATION,
    MOST_SMOOTHING,
)
from mdn.model.target_transforms import TransformSetting, check_setting


def check_recalibration(factor: float | HeldOut) -> None:
    """Refuse factors out of range."""
    ends = (factor.least, factor.most) if isinstance(factor, HeldOut) else (factor, factor)
    for each in ends:
        if not LEAST_RECALIBRATION <= each <= MOST_RECALIBRATION:
            raise ValueError(
                f"recalibration must lie within {LEAST_RECALIBRATION:g} and "
                f"{MOST_RECALIBRATION:g}, got {each!r}; 1 leaves densities as they are"
            )


def check_smoothing(smoothing: float | ByHeldOut) -> None:
    """Refuse a standard deviation out of range."""
    if not isinstance(smoothing, str) and not 0 <= smoothing <= MOST_SMOOTHING:
        raise ValueError(
            f"smoothing must lie within 0 and {MOST_SMOOTHING:g}, got {smoothing!r}; it is in "
            "units of the standardized target"
        )


def check_guard(guard: float | Auto | ByHeldOut) -> None:
    """Refuse a probability out of range."""
    if not isinstance(guard, str) and not 0 <= guard <= MOST_GUARD:
        raise ValueError(f"guard must lie within 0 and {MOST_GUARD:g}, got {guard!r}")


def check_transform(transform: TransformSetting, floor: float | Grid) -> None:
    """Refuse what is no transform, or leaves the floor without a grid."""
    check_setting(transform)
    if floor == "grid" and transform is not None:
        raise ValueError(
            "`min_scale=grid` takes the floor from a step on the scale of the user, which has no "
            "one length on another; set a number, or leave `target_transform` out"
        )
