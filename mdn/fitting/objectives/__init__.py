"""What training minimizes: one number a row, from its mixture and its targets."""

from mdn.fitting.objectives.beta_nll import BetaNLL
from mdn.fitting.objectives.crps import NLLWithCRPS
from mdn.fitting.objectives.ngem import NaturalGradientEM
from mdn.fitting.objectives.nll import NLL
from mdn.fitting.objectives.objective import Objective
from mdn.fitting.objectives.regularizer import Regularizer

__all__ = ["NLL", "BetaNLL", "NLLWithCRPS", "NaturalGradientEM", "Objective", "Regularizer"]
