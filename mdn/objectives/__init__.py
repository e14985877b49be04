"""What training minimises: one number a row, from its mixture and its targets."""

from mdn.objectives.beta_nll import BetaNLL
from mdn.objectives.crps import NLLWithCRPS
from mdn.objectives.ngem import NaturalGradientEM
from mdn.objectives.nll import NLL
from mdn.objectives.objective import Objective
from mdn.objectives.regularizer import Regularizer

__all__ = ["NLL", "BetaNLL", "NLLWithCRPS", "NaturalGradientEM", "Objective", "Regularizer"]
