"""Remarks that offer another scale to learn targets on."""

from collections.abc import Iterator

from torch.special import ndtr

from mdn.data.profile import Profile

_MUCH = 0.02
"""The share of a Gaussian beyond an end of the values from which there is something to say."""


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
        kind, where, share = ("log", "above 0", under)
        if high < 1:
            kind, where, share = ("logit", "between 0 and 1", under + over)
        if low > 0 and share > _MUCH:
            yield (
                f"target {name!r} is {where} in every row, from {low:.4g} to {high:.4g}, and a "
                f"Gaussian with its mean and spread has {100 * share:.0f} % elsewhere: "
                f"`target_transform={kind}` learns it on a {kind} scale, where nothing is"
            )
