"""A model whose scores have closed forms, and rows that it is right about."""

import torch
from small_runs import make_module

from mdn.data.table import Table
from mdn.distributions.mixture import GaussianMixture
from mdn.distributions.scale import CovarianceFactor
from mdn.networks.backbones import NoBackbone

F64 = torch.float64
MU, STD = [1.0, -2.0], [2.0, 0.5]
NAMES = ["price ($)", "<i>rent</i>"]


def gaussian_model(targets):
    """A model that says N(MU, STD^2) whatever the input, and of the marginal N(0, 1)."""
    module = make_module(
        num_targets=targets, num_components=1, backbone=NoBackbone, start_from_data=False
    ).double()
    mu = torch.tensor(MU[:targets], dtype=F64)[None]
    tril = torch.tensor(STD[:targets], dtype=F64).diag()[None]
    scale = CovarianceFactor.from_tril(tril)
    module.network.head.start(GaussianMixture(torch.zeros(1, dtype=F64), mu, scale), shrink=0.0)
    return module.model.eval()


def table_of(rows, targets, weight=None):
    generator = torch.Generator().manual_seed(1)
    noise = torch.randn(rows, targets, dtype=F64, generator=generator)
    y = torch.tensor(MU[:targets]) + noise * torch.tensor(STD[:targets])
    names = NAMES[:targets]
    return Table(torch.zeros(rows, 1, dtype=F64), y.to(F64), weight, ["in"], names)
