"""The log density of a mixture and its gradient, in one pass.

With z = A^-1 (y - mu) for the factor A of a component's covariance and s its diagonal,

    log p(y) = logsumexp_k [log pi_k - D/2 log 2 pi - sum_j log s_kj - |z_k|^2 / 2].

With r_k the responsibility of component k, which is also d log p / d log pi_k, and u_k the pulled
back residual r_k A_k^-T z_k, all other gradients are products of what is at hand:

    d / d mu = u        d / d y = -sum_k u_k
    covariance factor   d / d s_j = u_j z_j - r / s_j    d / d L_ij = u_i z_j
    precision factor    d / d s_j = v_j z_j - r / s_j    d / d B_ij = v_i (y - mu)_j    v = r z / s

Where the gradient from above is known, all is found in one pass, and what is no longer needed gives
its memory to what is. Where it is not, r, z and u wait for it.

All tensors are [P, K, *rows] or [K, *rows], so that every operation runs along rows and every sum
over components or targets is a sum of long vectors.
"""

from collections.abc import Iterable

import torch
from torch import Tensor

from mdn.distributions.likelihood.forms import Form
from mdn.distributions.likelihood.plain import LOG_2PI
from mdn.distributions.normal import farthest


def density(
    form: Form, y: Tensor, log_pi: Tensor, mu: Tensor, std: Tensor, *lower: Tensor
) -> Tensor:
    """Log density [*rows]."""
    whitened = form.whiten(y - mu, std, *lower)
    return _normalise(_joint(log_pi, whitened, std), whitened.shape[0])[0]


def density_and_gradient(
    form: Form, y: Tensor, above: Tensor, logits: Tensor, mu: Tensor, std: Tensor, *lower: Tensor
) -> tuple[Tensor, ...]:
    """Log density [*rows]; then gradients with respect to logits, mu, std and lower entries."""
    log_pi = logits.log_softmax(0)
    whitened = form.whiten(y - mu, std, *lower)
    log_prob, r = _normalise(_joint(log_pi, whitened, std), whitened.shape[0])
    by_logits = (r - log_pi.exp_()).mul_(above)
    del log_pi
    r.mul_(above)
    left = form.left(r * whitened, std, *lower)
    by_lower = [_outer(left, form.right(whitened, y, mu), entries.shape) for entries in lower]
    by_std = _by_std(r, whitened.mul_(left), std)
    return log_prob, by_logits, form.by_mu(left, *lower), by_std, *by_lower


def density_and_parts(
    form: Form, y: Tensor, log_pi: Tensor, mu: Tensor, std: Tensor, *lower: Tensor
) -> tuple[Tensor, ...]:
    """Log density [*rows]; then r, z and u, for `gradient`."""
    whitened = form.whiten(y - mu, std, *lower)
    log_prob, r = _normalise(_joint(log_pi, whitened, std), whitened.shape[0])
    left = form.left(r * whitened, std, *lower)
    return log_prob, r, whitened, form.by_mu(left, *lower)


def gradient(
    form: Form,
    above: Tensor,
    y: Tensor,
    mu: Tensor,
    std: Tensor,
    parts: tuple[Tensor, ...],
    *lower: tuple[int, ...],
) -> tuple[Tensor, ...]:
    """Gradients with respect to log_pi, mu, std and lower entries of these shapes."""
    r, whitened, by_mu = parts
    r, by_mu = above * r, above * by_mu
    left = by_mu if form.left_is_by_mu else form.left(r * whitened, std)
    by_lower = (_outer(left, form.right(whitened, y, mu), shape) for shape in lower)
    by_std = _by_std(r, left * whitened, std)
    return r, by_mu, by_std, *by_lower


def _sharing(by_target: Tensor, std: Tensor) -> int:
    """How many targets share each standard deviation."""
    return by_target.shape[0] // std.shape[0]


def _joint(log_pi: Tensor, whitened: Tensor, std: Tensor) -> Tensor:
    """Log of weight times density of each component, but for the constant."""
    weighed = torch.sub(log_pi, std.log().sum(0), alpha=_sharing(whitened, std))
    # Held here, for a component that is out of reach is not one without weight.
    distance = whitened.square().sum(0).clamp_(max=farthest(whitened.dtype) ** 2)
    return torch.sub(weighed, distance, alpha=0.5)


def _normalise(joint: Tensor, num_targets: int) -> tuple[Tensor, Tensor]:
    """Log density, and the share of each component in it."""
    # Not exp of log_softmax: what exp takes for a number it must round to 0 is ten times as long.
    shares = joint.softmax(0)
    log_prob = joint.amax(0) - shares.amax(0).log_() - 0.5 * LOG_2PI * num_targets
    return log_prob, shares


def _by_std(r: Tensor, by_target: Tensor, std: Tensor) -> Tensor:
    """From the products of left factor and z, whose memory it may take."""
    sharing = _sharing(by_target, std)
    by_scale = by_target.sum(0, keepdim=True) if sharing > 1 else by_target
    return by_scale.addcdiv_(r, std, value=-sharing)


def _outer(left: Tensor, right: Iterable[Tensor], shape: tuple[int, ...]) -> Tensor:
    """left_i right_j for each strictly lower (i, j), column by column, summed to a shape."""
    result = left.new_empty(shape)
    columns = result.split(list(range(left.shape[0] - 1, 0, -1)))
    for j, (column, each) in enumerate(zip(columns, right, strict=False)):  # the last has no column
        if column.shape == left[j + 1 :].shape:
            torch.mul(left[j + 1 :], each, out=column)
        else:
            column.copy_((left[j + 1 :] * each).sum_to_size(column.shape))
    return result
