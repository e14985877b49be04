"""The parts of a recipe, besides those of its network, that a checkpoint may name."""

import torch
from torch.optim import Optimizer

from mdn.fitting.objectives import NLL, BetaNLL, NaturalGradientEM, NLLWithCRPS, Regularizer
from mdn.fitting.schedules import constant, cosine
from mdn.model.network_parts import register_all
from mdn.model.registry import Part
from mdn.networks.encoding import Encoding

_NOT_FOR_US = (Optimizer, torch.optim.LBFGS, torch.optim.Muon, torch.optim.SparseAdam)
"""Optimizers that take a closure, matrices alone or sparse gradients."""

TRAINING: dict[str, dict[str, Part]] = {
    "encoding": {"columns": Encoding},
    "objective": {
        "beta_nll": BetaNLL,
        "crps": NLLWithCRPS,
        "ngem": NaturalGradientEM,
        "nll": NLL,
    },
    "optimizer": {
        name.lower(): each
        for name, each in vars(torch.optim).items()
        if isinstance(each, type) and issubclass(each, Optimizer) and each not in _NOT_FOR_US
    },
    "regularizer": {"noise_and_entropy": Regularizer},
    "schedule": {"constant": constant, "cosine": cosine},
}
"""By role and name; a part from outside is added by `mdn.register`."""

register_all(TRAINING)
