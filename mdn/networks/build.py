"""A new network from a backbone, a family and sizes, with what these must do checked once."""

import warnings
from collections.abc import Callable, Sequence
from itertools import cycle, islice

from torch import nn

from mdn.distributions.checks import check_at_least
from mdn.distributions.families import Family
from mdn.distributions.family_check import check_family
from mdn.networks.backbone_trial import check_backbones, check_rebuilt
from mdn.networks.backbones import num_features
from mdn.networks.first_layer_gain import apply_first_layer_gain, check_gains
from mdn.networks.head import MixtureHead
from mdn.networks.network import MixtureNetwork
from mdn.networks.stacking import run_one_by_one


def build_network(
    backbone: Callable[[int], nn.Module],
    num_inputs: int,
    num_targets: int,
    num_components: int,
    family: Family,
    num_members: int = 1,
    first_layer_gain: Sequence[float] = (1.0,),
    num_columns: int | None = None,
) -> MixtureNetwork:
    """Return a network that begins at random.

    Args:
        backbone: given P, the module in front of the head.
        num_inputs: P.
        num_targets: D.
        num_components: K.
        family: the covariance family.
        num_members: M.
        first_layer_gain: factors on the initial numbers of first layers, dealt to members in turn.
        num_columns: from which the P inputs come; P where it is None.

    Raises:
        ValueError: on a number out of range, and on a backbone or a family that is not one.
    """
    check_at_least("num_members", num_members, 1)
    check_gains(first_layer_gain)
    check_family(family, num_components, num_targets)
    backbones, heads = [], []
    for gain in islice(cycle(first_layer_gain), num_members):
        member = _checked(backbone(num_inputs))
        apply_first_layer_gain(member, num_columns or num_inputs, gain)
        backbones.append(member)
        heads.append(MixtureHead(num_features(member), num_targets, num_components, family))
    check_rebuilt(backbone, backbones[0], num_inputs)
    can_be_stacked = check_backbones(backbones, num_inputs)
    network = MixtureNetwork(backbones, heads, one_by_one=not can_be_stacked)
    _warn_of_slow_layers(network)
    return network


def _checked(backbone: object) -> nn.Module:
    if not isinstance(backbone, nn.Module):
        raise ValueError(f"a backbone must be a torch.nn.Module, got {type(backbone).__name__}")
    return backbone


def _warn_of_slow_layers(network: MixtureNetwork) -> None:
    names = run_one_by_one(network)
    if names and network.num_members > 1:
        warnings.warn(
            f"the backbone's {' and '.join(names)} cannot be stacked: {network.num_members} "
            "members run one after the other there, and a training step takes up to three times "
            "as long; register a stacked form with mdn.networks.stacking.stack_layer.register, or "
            "set ensemble_size=1",
            stacklevel=3,
        )
