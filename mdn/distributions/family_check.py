"""What a covariance family must do: `raw` inverts `scale`, else starts from data go wrong."""

import math

import torch

from mdn.distributions.families import Family

_ROUNDING = 1e-3
"""How far rounding may take a covariance, in sizes of the largest entry."""

_COMPONENTS = 2
"""Components that a family is tried with at most; all of them are treated alike."""


@torch.no_grad()
def check_family(family: Family, num_components: int, num_targets: int) -> None:
    """Refuse a family that does not give back a covariance from its own raw numbers.

    A floor that is still open leaves nothing to compute; it is refused where it is needed.

    Args:
        family: the covariance family.
        num_components: K.
        num_targets: D.

    Raises:
        ValueError: if `scale(raw(s))` is another covariance than s.
    """
    if family.min_scale == "grid" or min(num_components, num_targets) < 1:
        return
    shape = family.raw_shape(min(num_components, _COMPONENTS), num_targets)
    numbers = torch.linspace(-1, 2, math.prod(shape), dtype=torch.float64, device="cpu")
    # Factors of many targets stay well conditioned.
    scale = family.scale((numbers / num_targets).view(shape), num_targets)
    expected = scale.covariance()
    found = family.scale(family.raw(scale), num_targets).covariance()
    size = expected.abs().max().item()
    if not torch.allclose(found, expected, rtol=_ROUNDING, atol=_ROUNDING * size):
        worst = (found - expected).abs().nan_to_num(torch.inf).argmax()
        first, again = (covariance.flatten()[worst].item() for covariance in (expected, found))
        raise ValueError(
            f"raw() of the family {type(family).__name__} does not invert its scale(): a "
            f"covariance of {first:.4g} comes back as {again:.4g}, and training would start at "
            "another mixture than it was told; write raw() so that scale(raw(s), num_targets) is s"
        )
