"""Remarks that offer another scale to learn targets on."""

from collections.abc import Iterator

from torch.special import ndtr

from mdn.data.profile import Profile

_MUCH = 0.02
"""The share of a Gaussian beyond an end of the values from which there is something to say."""

_WHERE = {"log": "above 0", "logit": "between 0 and 1"}


def transform_remarks(profile: Profile) -> Iterator[str]:
    """Offer a log or logit scale for targets that a Gaussian would put where no value is.

    Args:
        profile: of the training rows.
    """
    targets = profile.targets
    center, spread = targets.center, targets.spread
    below, above = ndtr(-center / spread), ndtr((center - 1) / spread)
    columns = (v.tolist() for v in (targets.low, targets.high, below, above))
    for name, low, high, under, over in zip(targets.names, *columns, strict=True):
        kind, share = ("logit", under + over) if high < 1 else ("log", under)
        if low > 0 and share > _MUCH:
            setting = kind if len(targets.names) == 1 else f"{{{name}: {kind}}}"
            yield (
                f"target {name!r} lies {_WHERE[kind]} in every row, and a Gaussian with its mean "
                f"and spread has {100 * share:.0f} % elsewhere: `target_transform={setting}` "
                f"learns it on a {kind} scale, with nothing elsewhere"
            )
