"""Every covariance family, and random raw numbers of it.

A new family is one line in `mdn.distributions.families.every_family` and one dense formula in
`test_families.py`, and inherits the whole contract.
"""

import torch

from mdn.distributions.families import every_family

FAMILIES = every_family(1e-3, std=0.5)


def random_raw(family, *batch: int, components: int, targets: int) -> torch.Tensor:
    """Raw numbers of a family from which a well-behaved scale comes."""
    shape = family.raw_shape(components, targets)
    return torch.randn(*batch, *shape, dtype=torch.float64)
