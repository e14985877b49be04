"""The parts of a network that a checkpoint may name; they need torch alone."""

from collections.abc import Mapping

from mdn.distributions.families import FAMILIES
from mdn.distributions.transformed.log_scales import LogitTransform, LogTransform
from mdn.model.registry import Part, register
from mdn.networks.backbones import MLP, NoBackbone
from mdn.networks.kinds import KINDS

NETWORK: dict[str, Mapping[str, Part]] = {
    "backbone": {"mlp": MLP, "none": NoBackbone},
    "column": KINDS,
    "family": FAMILIES,
    "transform": {"log": LogTransform, "logit": LogitTransform},
}
"""By role and name; a part from outside is added by `mdn.register`."""


def register_all(parts: Mapping[str, Mapping[str, Part]]) -> None:
    """Register parts by role and name."""
    for role, named in parts.items():
        for name, part in named.items():
            register(role, name, part)


register_all(NETWORK)
