"""Resets: one component of a model begins anew, and all others stay as they are."""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from mdn.model.model import Model
from mdn.networks.head import Part


@torch.no_grad()
def reset_component(
    model: Model, component: int, y: Float[Tensor, " D"], x: Float[Tensor, "N P"]
) -> list[Part]:
    """Begin one component anew, whatever the input, and leave the others as they are.

    As wide as all rows it would be outdone everywhere: it gets its share of their volume.

    Args:
        model: what the component belongs to.
        component: its number; m K + k is component k of member m.
        y: where its mean begins; a target that is missing begins at its mean over all rows.
        x: rows over which its weight is 1/K of what there was: on average 1/(K + 1) of the new
            total where it had been dead.

    Returns:
        The parameters that hold it, and which of their rows are its own.
    """
    head, network, targets = model.network.head, model.network, model.targets
    member, own = divmod(component, head.num_components)
    logits = head.weights(network.features(model.inputs(x, model.dtype)))
    level = logits.logsumexp(0)[member].mean().item() - math.log(head.num_components)
    width = head.num_components ** (-1 / head.num_targets) / targets.factor
    covariance = width[:, None] * model.target_covariance * width
    scale = model.family.nearest(covariance[None], covariance.new_ones(1))
    head.reset(own, level, targets(y, model.dtype).nan_to_num(nan=0.0), scale, member)
    return head.owned_by(own, member)
