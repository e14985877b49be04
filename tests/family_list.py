"""Every covariance family, and random raw numbers of it.

A new family is one line in `FAMILIES` and one dense formula in `test_families.py`, and inherits
the whole contract.
"""

import torch

from mdn.families import Constant, Diagonal, Full, Isotropic, SharedIsotropic, Tied

FAMILIES = {
    "full-covariance": Full(1e-3, factor="covariance"),
    "full-precision": Full(1e-3, factor="precision"),
    "tied": Tied(1e-3, factor="covariance"),
    "diagonal": Diagonal(1e-3),
    "isotropic": Isotropic(1e-3),
    "shared_isotropic": SharedIsotropic(1e-3),
    "constant": Constant(1e-3, std=0.5),
}


def random_raw(family, *batch: int, components: int, targets: int) -> torch.Tensor:
    """Raw numbers of a family from which a well-behaved scale comes."""
    shape = family.raw_shape(components, targets)
    return torch.randn(*batch, *shape, dtype=torch.float64)
