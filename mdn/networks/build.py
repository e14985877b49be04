"""A new network from a backbone and sizes, with what a backbone must do checked once.

A backbone answers for each row by itself: stacked, it gets [M, N, P] where it gets [N, P] alone,
and must give the same numbers. That is tried with a few rows before anything is trained.
"""

import copy
import math
import warnings
from collections.abc import Callable, Sequence
from itertools import cycle, islice

import torch
from jaxtyping import Float
from torch import Tensor, nn

from mdn.distributions.checks import check_at_least
from mdn.distributions.families import Family
from mdn.distributions.family_check import check_family
from mdn.networks.backbones import num_features
from mdn.networks.first_layer_gain import apply_first_layer_gain, check_gains
from mdn.networks.head import MixtureHead
from mdn.networks.network import MixtureNetwork
from mdn.networks.stacking import run_one_by_one, stack

_ROWS = 3
"""Rows that a backbone is tried with."""

_ROUNDING = 1e-3
"""How far rounding may take a stacked backbone from one alone, in sizes of the features."""


def build_network(
    backbone: Callable[[int], nn.Module],
    num_inputs: int,
    num_targets: int,
    num_components: int,
    family: Family,
    num_members: int = 1,
    first_layer_gain: Sequence[float] = (1.0,),
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

    Raises:
        ValueError: on a number out of range, and on a backbone that is not one.
    """
    check_at_least("num_members", num_members, 1)
    check_gains(first_layer_gain)
    check_family(family, num_components, num_targets)
    backbones, heads = [], []
    for gain in islice(cycle(first_layer_gain), num_members):
        member = _checked(backbone(num_inputs))
        apply_first_layer_gain(member, num_inputs, gain)
        backbones.append(member)
        heads.append(MixtureHead(num_features(member), num_targets, num_components, family))
    check_backbones(backbones, num_inputs)
    network = MixtureNetwork(backbones, heads)
    _warn_of_slow_layers(network)
    return network


@torch.no_grad()
def check_backbones(backbones: Sequence[nn.Module], num_inputs: int) -> None:
    """Refuse backbones that break their contract, by trying a few rows.

    Args:
        backbones: of one class and one shape; their state is left as it is.
        num_inputs: P.

    Raises:
        ValueError: if they do not map [rows, P] to [rows, num_features], or answer otherwise when
            rows of several members come at once.
    """
    first_and_last = copy.deepcopy([backbones[0], *backbones[1:][-1:]])
    x = _trial_rows(first_and_last, num_inputs)
    pairs = zip(first_and_last, x, strict=True)
    each = torch.stack([_features(backbone.eval(), rows) for backbone, rows in pairs])
    fault = _fault(stack(first_and_last).eval(), x, each)
    if fault:
        name = type(backbones[0]).__name__
        raise ValueError(
            f"{name} answers rows alone, [{_ROWS}, {num_inputs}], but of several members at once, "
            f"{list(x.shape)}, it {fault}; let it work on the last axis only, as x[..., i], "
            "unsqueeze(-2) and dim=-1 do, or have its members run one after the other: "
            f"mdn.networks.stacking.stack_layer.register({name}, OneByOne)"
        )


def _fault(
    together: nn.Module, x: Float[Tensor, "M N P"], expected: Float[Tensor, "M N F"]
) -> str | None:
    try:
        found = together(x)
    except Exception as error:
        return f"raises {_in_words(error)}"
    if found.shape != expected.shape:
        return f"gives {list(found.shape)} instead of {list(expected.shape)}"
    size = expected.abs().max().item() if expected.numel() else 0.0
    close = torch.allclose(found, expected, rtol=_ROUNDING, atol=_ROUNDING * size, equal_nan=True)
    return None if close else "gives other numbers"


def _features(backbone: nn.Module, rows: Float[Tensor, "N P"]) -> Float[Tensor, "N F"]:
    """Return what one backbone says of rows, if that is features."""
    wanted = [len(rows), num_features(backbone)]
    contract = f"{type(backbone).__name__} must map {list(rows.shape)} to {wanted}, [rows, "
    contract += "num_inputs] to [rows, num_features]"
    try:
        features = backbone(rows)
    except Exception as error:
        raise ValueError(f"{contract}; it raises {_in_words(error)}") from error
    if not isinstance(features, Tensor) or list(features.shape) != wanted:
        found = list(features.shape) if isinstance(features, Tensor) else type(features).__name__
        raise ValueError(f"{contract}; it gives {found}")
    return features


def _trial_rows(backbones: Sequence[nn.Module], num_inputs: int) -> Float[Tensor, "M N P"]:
    shape = (len(backbones), _ROWS, num_inputs)
    like = next((p for p in backbones[0].parameters() if p.is_floating_point()), torch.empty(0))
    return torch.linspace(-1, 1, math.prod(shape)).view(shape).to(like)


def _in_words(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())


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
