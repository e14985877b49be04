"""The log density of a mixture and its gradient, in one pass.

With z = A^-1 (y - mu) for the factor A of a component's covariance and s its diagonal,

    log p(y) = logsumexp_k [log pi_k - D/2 log 2 pi - sum_j log s_kj - |z_k|^2 / 2].

With r_k the responsibility of component k, which is also d log p / d log pi_k, and u_k the pulled
back residual r_k A_k^-T z_k, all other gradients are products of what is at hand:

    d / d mu = u        d / d y = -sum_k u_k
    covariance factor   d / d s_j = u_j z_j - r / s_j    d / d L_ij = u_i z_j
    precision factor    d / d s_j = v_j z_j - r / s_j    d / d B_ij = v_i (y - mu)_j    v = r z / s

Where the gradient of the output is known, all is found in one pass, which reuses the memory of what
it no longer needs. Where it is not, r, z and u wait for it.

All tensors are [P, K, *rows] or [K, *rows], so that every operation runs along rows and every sum
over components or targets is a sum of long vectors.
"""

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from mdn.distributions.likelihood.formula import LOG_2PI
from mdn.distributions.normal import farthest
from mdn.distributions.substitution import Substitution


def density(
    substitution: Substitution, y: Tensor, log_pi: Tensor, mu: Tensor, std: Tensor, *lower: Tensor
) -> Tensor:
    """Return the log density [*rows]."""
    whitened = substitution.whiten(y - mu, std, *lower)
    return _normalize(_joint(log_pi, whitened, std), whitened.shape[0])[0]


def density_and_gradient(
    substitution: Substitution,
    y: Tensor,
    grad_output: Tensor,
    logits: Tensor,
    mu: Tensor,
    std: Tensor,
    *lower: Tensor,
) -> tuple[Tensor, ...]:
    """Return log density [*rows], then gradients of logits, mu, std and lower entries."""
    log_pi = logits.log_softmax(0)
    whitened = substitution.whiten(y - mu, std, *lower)
    log_prob, r = _normalize(_joint(log_pi, whitened, std), whitened.shape[0])
    grad_logits = (r - log_pi.exp_()).mul_(grad_output)
    del log_pi
    r.mul_(grad_output)
    row_factor = substitution.row_factor(r * whitened, std, *lower)
    columns = substitution.column_factor(whitened, y, mu)
    grad_lower = [_outer(row_factor, columns, entries.shape) for entries in lower]
    grad_std = _std_gradient(r, whitened.mul_(row_factor), std)
    grad_mu = substitution.mean_gradient(row_factor, *lower)
    return log_prob, grad_logits, grad_mu, grad_std, *grad_lower


def density_and_parts(
    substitution: Substitution, y: Tensor, log_pi: Tensor, mu: Tensor, std: Tensor, *lower: Tensor
) -> tuple[Tensor, ...]:
    """Return the log density [*rows], then r, z and u, for `gradient`."""
    whitened = substitution.whiten(y - mu, std, *lower)
    log_prob, r = _normalize(_joint(log_pi, whitened, std), whitened.shape[0])
    row_factor = substitution.row_factor(r * whitened, std, *lower)
    return log_prob, r, whitened, substitution.mean_gradient(row_factor, *lower)


def gradient(
    substitution: Substitution,
    grad_output: Tensor,
    y: Tensor,
    mu: Tensor,
    std: Tensor,
    parts: Sequence[Tensor],
    lower: Sequence[tuple[int, ...]],
) -> tuple[Tensor, ...]:
    """Return the gradients of log_pi, mu, std and lower entries of these shapes."""
    r, whitened, grad_mu = parts
    r, grad_mu = grad_output * r, grad_output * grad_mu
    reused = substitution.row_factor_is_mean_gradient
    row_factor = grad_mu if reused else substitution.row_factor(r * whitened, std)
    columns = substitution.column_factor(whitened, y, mu)
    grad_lower = [_outer(row_factor, columns, shape) for shape in lower]
    grad_std = _std_gradient(r, row_factor * whitened, std)
    return r, grad_mu, grad_std, *grad_lower


def _sharing(of_targets: Tensor, std: Tensor) -> int:
    """How many targets share each standard deviation."""
    return of_targets.shape[0] // std.shape[0]


def _joint(log_pi: Tensor, whitened: Tensor, std: Tensor) -> Tensor:
    """Log of weight times density of each component, but for the constant."""
    weighed = torch.sub(log_pi, std.log().sum(0), alpha=_sharing(whitened, std))
    # Held here, for a component that is out of reach is not one without weight.
    distance = whitened.square().sum(0).clamp_(max=farthest(whitened.dtype) ** 2)
    return torch.sub(weighed, distance, alpha=0.5)


def _normalize(joint: Tensor, num_targets: int) -> tuple[Tensor, Tensor]:
    """Log density, and the share of each component in it."""
    # Not exp of log_softmax: what exp takes for a number it must round to 0 is ten times as long.
    shares = joint.softmax(0)
    log_prob = joint.amax(0) - shares.amax(0).log_() - 0.5 * LOG_2PI * num_targets
    return log_prob, shares


def _std_gradient(r: Tensor, products: Tensor, std: Tensor) -> Tensor:
    """From the products of row factor and z, whose memory it may take."""
    sharing = _sharing(products, std)
    summed = products.sum(0, keepdim=True) if sharing > 1 else products
    return summed.addcdiv_(r, std, value=-sharing)


def _outer(row_factor: Tensor, column_factor: Iterable[Tensor], shape: tuple[int, ...]) -> Tensor:
    """The outer product's strictly lower entries, column by column, summed to a shape."""
    result = row_factor.new_empty(shape)
    columns = result.split(list(range(row_factor.shape[0] - 1, 0, -1)))
    # The last target has no column.
    for j, (column, each) in enumerate(zip(columns, column_factor, strict=False)):
        if column.shape == row_factor[j + 1 :].shape:
            torch.mul(row_factor[j + 1 :], each, out=column)
        else:
            column.copy_((row_factor[j + 1 :] * each).sum_to_size(column.shape))
    return result
