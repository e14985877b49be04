"""Every part of this project that a checkpoint may name."""

import torch
from torch.optim import Optimizer

from mdn.data import synthetic
from mdn.distributions.families import FAMILIES
from mdn.fitting.objectives import NLL, BetaNLL, NaturalGradientEM, NLLWithCRPS, Regularizer
from mdn.fitting.schedules import constant, cosine
from mdn.model.registry import register
from mdn.networks.backbones import MLP, NoBackbone
from mdn.training.datamodule import FileData, SyntheticData
from mdn.training.em_module import EMModule
from mdn.training.module import MDNModule

PARTS = {
    "backbone": {"mlp": MLP, "none": NoBackbone},
    "data": {"file": FileData, "synthetic": SyntheticData},
    "family": FAMILIES,
    "model": {"mdn": MDNModule, "gmm_em": EMModule},
    "objective": {
        "beta_nll": BetaNLL,
        "crps": NLLWithCRPS,
        "ngem": NaturalGradientEM,
        "nll": NLL,
    },
    "optimizer": {
        name.lower(): each
        for name, each in vars(torch.optim).items()
        if isinstance(each, type) and issubclass(each, Optimizer) and each is not Optimizer
    },
    "problem": {
        "awkward_units": synthetic.AwkwardUnits,
        "circle_of_modes": synthetic.CircleOfModes,
        "heavy_skew": synthetic.HeavySkew,
        "heteroscedastic": synthetic.Heteroscedastic,
        "inverse_problem": synthetic.InverseProblem,
        "inverse_sinusoid": synthetic.InverseSinusoid,
        "irrelevant_inputs": synthetic.IrrelevantInputs,
        "jumps": synthetic.Jumps,
        "many_modes": synthetic.ManyModes,
        "random_clusters": synthetic.RandomClusters,
        "robot_arm": synthetic.RobotArm,
        "skew_normal": synthetic.SkewNormal,
        "three_gaussians": synthetic.ThreeGaussians,
        "tight_minority": synthetic.TightMinority,
        "tight_region": synthetic.TightRegion,
        "turning_correlations": synthetic.TurningCorrelations,
        "two_branches": synthetic.TwoBranches,
    },
    "regularizer": {"noise_and_entropy": Regularizer},
    "schedule": {"constant": constant, "cosine": cosine},
}
"""By role and name; a part from outside is added by `mdn.model.registry.register`."""


def register_parts() -> None:
    """Let checkpoints name every part of this project."""
    for role, parts in PARTS.items():
        for name, part in parts.items():
            register(role, name, part)
