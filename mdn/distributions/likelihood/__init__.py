"""The log density of a mixture, with its gradient in closed form.

Values far out are answered alike by every family and everywhere in this project. A standardized
residual is held at `normal.farthest`, the largest number of the type to the power 0.45 (2e17
in single precision, 1e138 in double), and the squared distance of a component at its square. So a
log density is right down to about -2e34 (-1e276) and stays there beyond: finite, so that the sum
over thousands of rows is finite too. Log probabilities are held alike. Responsibilities, and the
weights of conditional mixtures, follow the limit instead: they are those of the nearest
component, and shared by weight where the type tells no component from another. Only a gradient
whose components are all held shares among those that have weight. The residual itself is never
held: a conditional mean keeps its distance.
"""

from mdn.distributions.likelihood.compilation import use_compiled
from mdn.distributions.likelihood.formula import (
    component_log_prob,
    log_responsibilities,
    plain_log_prob,
)
from mdn.distributions.likelihood.function import log_prob, log_prob_and_gradient
from mdn.distributions.likelihood.partial import completed

__all__ = [
    "completed",
    "component_log_prob",
    "log_prob",
    "log_prob_and_gradient",
    "log_responsibilities",
    "plain_log_prob",
    "use_compiled",
]
