"""Remarks that offer another scale to learn targets on."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from torch.special import ndtr

from mdn.data.profile import ColumnProfile, Profile

_MUCH = 0.02
"""The share of a Gaussian beyond an end of the values from which there is something to say."""

_WHERE = {"log": "above 0", "logit": "between 0 and 1"}


@dataclass(frozen=True)
class _Offer:
    """Another scale for one target.

    Attributes:
        share: of a Gaussian beyond the ends of the values.
    """

    target: str
    kind: str
    share: float


def transform_remarks(profile: Profile) -> Iterator[str]:
    """Offer a log or logit scale for targets that a Gaussian would put where no value is.

    Args:
        profile: of the training rows.
    """
    offers = list(_offers(profile.targets))
    setting = _setting(offers, len(profile.targets.names))
    for each in offers:
        yield (
            f"target {each.target!r} lies {_WHERE[each.kind]} in every row, and a Gaussian with "
            f"its mean and spread has {100 * each.share:.0f} % elsewhere: "
            f"`target_transform={setting}` learns it on a {each.kind} scale, with nothing elsewhere"
        )


def _setting(offers: Sequence[_Offer], num_targets: int) -> str:
    """All offers in one setting: a second would take the place of the first."""
    if num_targets == 1:
        return "".join(each.kind for each in offers)
    return f"{{{', '.join(f'{each.target}: {each.kind}' for each in offers)}}}"


def _offers(targets: ColumnProfile) -> Iterator[_Offer]:
    center, spread = targets.center, targets.spread
    below, above = ndtr(-center / spread), ndtr((center - 1) / spread)
    columns = (v.tolist() for v in (targets.low, targets.high, below, above))
    for name, low, high, under, over in zip(targets.names, *columns, strict=True):
        kind, share = ("logit", under + over) if high < 1 else ("log", under)
        if low > 0 and share > _MUCH:
            yield _Offer(name, kind, share)
