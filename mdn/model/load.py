"""A model from its checkpoint, built from registered parts and checked numbers."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from mdn.model import registry
from mdn.model.checkpoint import RECIPE, WEIGHTS, read_checkpoint
from mdn.model.parts import register_parts
from mdn.model.plain import fits, in_words
from mdn.model.recalibration import LEAST, MOST
from mdn.networks.backbones import num_features
from mdn.networks.head import MixtureHead
from mdn.networks.network import MixtureNetwork
from mdn.training.mixture_module import RECALIBRATION, MixtureModule

register_parts()

_HINTS: dict[str, Any] = {
    "data": dict[str, Any],
    "inputs": list[str],
    "targets": list[str],
    "rows": dict[str, list[float]],
    "grid": dict[str, float],
    RECALIBRATION: float,
}
"""What a recipe holds beside the model; of these the first three are always there."""

_LONGEST_NAME = 1000
"""Letters of the name of a column."""

_ALWAYS = ("data", "inputs", "targets")


class TrainedModel(MixtureModule):
    """A model that answers, and is not fitted again."""

    def _start_network(self, y: Float[Tensor, "N D"], weight: Float[Tensor, " N"] | None) -> None:
        raise ValueError("a loaded model is not fitted again; train a new one, or resume its run")


def load(path: str | Path) -> MixtureModule:
    """Read the trained model of a checkpoint, ready to answer: `load(path)(x)` is p(y given x).

    The file is read as plain data and nothing in it is executed. It may name only parts that this
    program has registered (`mdn.model.registry`), and its sizes must be those of its weights.

    Args:
        path: a checkpoint written by a training run.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if the file is damaged, is not a checkpoint of this project, or does not fit
            together.
    """
    checkpoint = read_checkpoint(path)
    try:
        recipe = checked_recipe(checkpoint[RECIPE])
        module = _module(recipe, checkpoint[WEIGHTS])
    except (ValueError, TypeError, ArithmeticError, RuntimeError) as error:
        said = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise ValueError(
            f"{path} cannot be built: {said}. It was written by another version of this project, "
            "or by another program; read it with that one, or train again"
        ) from None
    module.recipe = recipe
    return module.eval()


def checked_recipe(recipe: dict[str, Any]) -> dict[str, Any]:
    """Check that every known key of a recipe holds what it must, and return the recipe.

    Raises:
        ValueError: with the key, what it holds and what it must hold.
    """
    for name, hint in _HINTS.items():
        if name in recipe or name in _ALWAYS:
            value = recipe.get(name)
            if not fits(value, hint):
                raise ValueError(f"its {name} must be {in_words(hint)}, got {value!r:.100}")
    registry.check("model", recipe.get("model"))
    _check_names([*recipe["inputs"], *recipe["targets"]])
    if not LEAST / 2 < recipe.get(RECALIBRATION, 1.0) < 2 * MOST:
        raise ValueError(
            f"its {RECALIBRATION} must lie within {LEAST:g} and {MOST:g}, got "
            f"{recipe[RECALIBRATION]!r}"
        )
    return recipe


def _check_names(names: Sequence[str]) -> None:
    if len(set(names)) < len(names):
        raise ValueError("two of its columns have one name")
    if any(len(name) > _LONGEST_NAME for name in names):
        raise ValueError(f"one of its columns has a name of more than {_LONGEST_NAME} letters")


def _module(recipe: dict[str, Any], weights: Mapping[str, Tensor]) -> MixtureModule:
    num_inputs, num_targets = len(recipe["inputs"]), len(recipe["targets"])
    network_weights = [value for name, value in weights.items() if name.startswith("network.")]
    _check_members(recipe["model"].get("ensemble_size", 1), network_weights)
    # On the meta device sizes are free, and no number of a file has cost anything before it is
    # held against the weights that are there.
    with torch.device("meta"):
        network = _network(recipe["model"], num_inputs, num_targets)
        module = TrainedModel(num_inputs, num_targets, network)
    if any(value.dtype == torch.float64 for value in network_weights):
        module.double()
    _check_same(module.state_dict(), weights)
    _check_units(weights)
    module.load_state_dict(weights, assign=True)
    return module.to("cpu")  # which it does not know yet


def _check_members(members: int, weights: Sequence[Tensor]) -> None:
    """Refuse more members than there are numbers for."""
    there = sum(value.numel() for value in weights)
    if not 1 <= members <= there:
        raise ValueError(f"its ensemble_size is {members}, and its weights are {there} numbers")


def _network(model: dict[str, Any], num_inputs: int, num_targets: int) -> MixtureNetwork:
    family = registry.build("family", model["family"])
    settings = model.get("backbone", {registry.KIND: "none"})
    backbone = registry.build("backbone", settings, num_inputs=num_inputs)
    head = MixtureHead(num_features(backbone), num_targets, model["num_components"], family)
    members = model.get("ensemble_size", 1)
    return MixtureNetwork([backbone] * members, [head] * members)


def _check_same(built: Mapping[str, Tensor], stored: Mapping[str, Tensor]) -> None:
    """Refuse weights that are not those of the network that the recipe describes."""
    for name in sorted(built.keys() | stored.keys()):
        wanted, got = (_described(each.get(name)) for each in (built, stored))
        if wanted != got:
            raise ValueError(f"by its settings {name} is {wanted}, by its weights {got}")


def _check_units(weights: Mapping[str, Tensor]) -> None:
    """Refuse units in which no column can be."""
    for name in ("inputs.factor", "inputs.limit", "targets.factor"):
        if not bool((weights[name] > 0).all()):
            raise ValueError(f"its {name} must be above 0")
    if not bool((weights["target_covariance"].diagonal() >= 0).all()):
        raise ValueError("its target_covariance has a negative variance")


def _described(tensor: Tensor | None) -> str:
    if tensor is None:
        return "not there"
    return f"{str(tensor.dtype).removeprefix('torch.')} {list(tensor.shape)}"
