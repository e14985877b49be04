"""What a covariance is: a value with one stored factor.

Every covariance here is S = A A' for a lower triangular A, and everything a Gaussian is asked
follows from A: with z = A^-1 (y - mu), log N(y; mu, S) = -D/2 log 2 pi - log det A - |z|^2 / 2,
and mu + A e is a sample for standard normal e. A subclass stores A in the form that is cheapest
and easiest to learn; nothing else is kept beside it.

The two triangular factors differ in what multiplies the strictly lower entries. With s the
positive diagonal, solving A z = r for one target after the other reads

    covariance factor:  z_i = (r_i - sum_{j<i} L_ij z_j) / s_i      A = L, the Cholesky factor
    precision factor:   z_i = (r_i - sum_{j<i} B_ij r_j) / s_i      A = (I - B)^-1 diag(s)

In both, s_i is the standard deviation of target i given those before it, so a floor on s bounds
every variance and the determinant from below. The second is the modified Cholesky factor of the
precision: each target regressed on those before it (Williams 1996; Pourahmadi 1999).

The natural gradient is the inverse Fisher information of one Gaussian times a gradient. Let A move
by A P for a small lower triangular P. The covariance moves by A (P + P') A', and the
Kullback-Leibler divergence from where it was is half of

    2 sum_i P_ii^2 + sum_{i > j} P_ij^2,

so that in P the Fisher information is 2 on the diagonal and 1 below it. A gradient with respect to
what is stored is taken to P, divided, and the step is taken back to what is stored:

    diagonal             ds_i = s_i P_ii; one s for several targets is as many times as certain
    covariance factor    dL = L P
    precision factor     ds_i = s_i P_ii    dB = diag(s) (P below the diagonal) A^-1

The information about the mean is the inverse covariance; none is about mean and scale together.

Shapes: K components, D targets, any leading batch axes; an axis of length 1 is shared.
"""

from mdn.distributions.lower_entries import lower_positions
from mdn.distributions.scale.base import AnyScale, CovarianceFactor, Scale, TriangularScale
from mdn.distributions.scale.diagonal import DiagonalScale
from mdn.distributions.scale.precision import PrecisionFactor

__all__ = [
    "AnyScale",
    "CovarianceFactor",
    "DiagonalScale",
    "PrecisionFactor",
    "Scale",
    "TriangularScale",
    "lower_positions",
]
