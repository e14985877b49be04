"""The log density of a mixture, with its gradient in closed form."""

from mdn.likelihood.function import log_prob, log_prob_and_gradient
from mdn.likelihood.plain import component_log_prob, log_responsibilities, plain_log_prob
from mdn.likelihood.switch import use_compiled

__all__ = [
    "component_log_prob",
    "log_prob",
    "log_prob_and_gradient",
    "log_responsibilities",
    "plain_log_prob",
    "use_compiled",
]
