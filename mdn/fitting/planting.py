"""A component whose mean is linear in the inputs takes the place of one in each member's head.

A head is linear in features of the inputs. Its map from features to the linear mean is fitted by
least squares to all rows, not only to the few that the component is for. Where the component has
share pi of the rows, its logit is the log of the summed weights of the others plus the log odds of
pi.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from mdn.fitting.rare_component import LinearComponent
from mdn.model.model import Model


def has_room(model: Model) -> bool:
    """Tell whether a component with a scale of its own can take the place of another one."""
    head = model.network.head
    own_scale = head.raw_shape[0] > 0 and head.raw_shape[1] == head.num_components
    return own_scale and head.num_components > 1 and head.weights.in_features > 0


@torch.no_grad()
def plant(
    model: Model,
    component: LinearComponent,
    x: Float[Tensor, "N P"],
    y: Float[Tensor, "N D"],
) -> None:
    """Put a component in the place of the one of each member that has the fewest rows.

    Args:
        model: what gets it; `has_room` holds.
        component: in standardized units.
        x: rows of the training.
        y: their targets; NaN is missing.
    """
    inputs, head = model.inputs(x, model.dtype), model.network.head
    features = model.network.features(inputs)
    mass = head(features).observed_log_responsibilities(model.targets(y, model.dtype))
    dead = mass.exp().mean(-2).argmin(-1).tolist()
    mean = torch.cat([inputs, inputs.new_ones(len(inputs), 1)], -1).double() @ component.slopes.to(
        inputs.device
    )
    logits = head.weights(features).double()
    for member, own in enumerate(dead):
        logits[own, member] = -torch.inf
        logit = logits[:, member].logsumexp(0) + component.pi.logit().item()
        _place(model, own, member, component, _linear(features[member], logit[:, None], mean))


def _linear(features: Tensor, *columns: Tensor) -> Float[Tensor, "Q C"]:
    """Return coefficients and, in the last row, the values at 0 of maps from features."""
    features = features.double()
    center = features.mean(0)
    values = torch.cat(columns, -1)
    # On the CPU, whose solver bears features that depend on each other.
    away, wanted = (features - center).cpu(), (values - values.mean(0)).cpu()
    slopes = torch.linalg.lstsq(away, wanted, rcond=1e-7, driver="gelsd").solution
    return torch.cat([slopes, values.mean(0).cpu()[None] - center.cpu()[None] @ slopes])


def _place(
    model: Model, own: int, member: int, component: LinearComponent, linear: Float[Tensor, "Q C"]
) -> None:
    head = model.network.head
    scale = model.family.nearest(
        component.std.square().diag_embed()[None], component.pi.new_ones(1)
    )
    head.reset(own, linear[-1, 0].item(), linear[-1, 1:], scale, member)
    weight, matrix = head.weights.weight, head.components.weight
    weight[member, own] = linear[:-1, 0].to(weight)
    # Means come first, target by target.
    means = matrix[member, : head.num_targets * head.num_components]
    means.unflatten(0, (head.num_targets, head.num_components))[:, own] = linear[:-1, 1:].mT.to(
        matrix
    )
