"""A model from its checkpoint, built from registered parts and checked numbers."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor

from mdn.distributions.open_settings import decided
from mdn.model import registry
from mdn.model.card import ModelCard
from mdn.model.checkpoint import CARD, MODEL, WEIGHTS, Checkpoint, read_checkpoint
from mdn.model.model import Model
from mdn.model.network_parts import NETWORK as NETWORK  # registered, and may be named
from mdn.model.plain import in_words
from mdn.networks.backbone_trial import can_answer, random_state_kept
from mdn.networks.backbones import num_features
from mdn.networks.head import MixtureHead
from mdn.networks.kinds import count_features
from mdn.networks.network import MixtureNetwork


def load(path: str | Path) -> Model:
    """Read the trained model of a checkpoint, ready to answer: `load(path)(x)` is p(y given x).

    The file is read as plain data and nothing in it is executed. It may name only parts that this
    program has registered (`mdn.model.registry`), and its sizes must be those of its weights.

    Args:
        path: a checkpoint, written by a training run or by `Model.save`.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if the file is damaged, is not a checkpoint of this project, or does not fit
            together.
    """
    checkpoint = read_checkpoint(path)
    try:
        return _model(ModelCard.read(checkpoint[CARD]), model_weights(checkpoint)).eval()
    except registry.UnknownPart as error:
        raise registry.UnknownPart(f"{path} cannot be built: {error}") from None
    except (ValueError, TypeError, ArithmeticError, RuntimeError) as error:
        said = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise ValueError(
            f"{path} cannot be built: {said}. It was written by another version of this project, "
            "or by another program; read it with that one, or train again"
        ) from None


def model_weights(checkpoint: Checkpoint) -> dict[str, Tensor]:
    """Return the weights of the model in a checkpoint, as the model names them."""
    return {
        name.removeprefix(MODEL): value
        for name, value in checkpoint[WEIGHTS].items()
        if name.startswith(MODEL)
    }


def _model(card: ModelCard, weights: Mapping[str, Tensor]) -> Model:
    _check_network(card.model)
    network_weights = [value for name, value in weights.items() if name.startswith("network.")]
    _check_members(_members(card.model), network_weights)
    # On the meta device sizes are free, and no number of a file has cost anything before it is
    # held against the weights that are there.
    with torch.device("meta"):
        model = _fitting(card, weights)
    _check_same(model.state_dict(), weights)
    _check_units(weights)
    model.load_state_dict(weights, assign=True)
    if not _can_answer(model):
        model = _with_other_tensors(model, card, weights)
    return model


def _fitting(card: ModelCard, weights: Mapping[str, Tensor]) -> Model:
    """Make a model in the precision of some weights; one network may run without being stacked."""
    model = Model(_network(card), card)
    if _members(card.model) == 1 and model.state_dict().keys() != weights.keys():
        alone = Model(_network(card, one_by_one=True), card)
        model = alone if alone.state_dict().keys() == weights.keys() else model
    double = any(
        value.dtype == torch.float64
        for name, value in weights.items()
        if name.startswith("network.")
    )
    return model.double() if double else model


def _can_answer(model: Model) -> bool:
    with torch.no_grad():
        return can_answer(
            model.eval().network.backbone, model.inputs.num_features, model.num_members
        )


def _with_other_tensors(model: Model, card: ModelCard, weights: Mapping[str, Tensor]) -> Model:
    """Make it once more, with the tensors that are not in its state_dict, which were on meta."""
    with random_state_kept():
        model = _fitting(card, weights)
    model.load_state_dict(weights, assign=True)
    if not _can_answer(model):
        named = f"{_backbone(card.model)!r:.100}"
        raise ValueError(f"its backbone {named} cannot answer for a few rows")
    return model


def _check_network(model: Mapping[str, object]) -> None:
    """Refuse a description from which no network can be built; nothing else in it is read."""
    _components(model)
    _members(model)
    registry.check("family", model.get("family"), "model.family")
    registry.check("backbone", _backbone(model), "model.backbone")


def _components(model: Mapping[str, object]) -> int:
    return _whole("num_components", model.get("num_components"))


def _members(model: Mapping[str, object]) -> int:
    return _whole("ensemble_size", model.get("ensemble_size", 1))


def _whole(name: str, value: object) -> int:
    if type(value) is not int:
        raise ValueError(f"model.{name} must be {in_words(int)}, got {value!r:.100}")
    return value


def _backbone(model: Mapping[str, object]) -> object:
    return model.get("backbone", {registry.KIND: "none"})


def _check_members(members: int, weights: Sequence[Tensor]) -> None:
    """Refuse more members than there are numbers for."""
    there = sum(value.numel() for value in weights)
    if not 1 <= members <= there:
        raise ValueError(f"its ensemble_size is {members}, and its weights are {there} numbers")


def _network(card: ModelCard, one_by_one: bool = False) -> MixtureNetwork:
    model = card.model
    family = registry.build("family", model["family"])
    decided("min_scale", family.min_scale)
    backbone = registry.build(
        "backbone", _backbone(model), num_inputs=count_features(card.fitted_kinds)
    )
    head = MixtureHead(num_features(backbone), len(card.targets), _components(model), family)
    members = _members(model)
    return MixtureNetwork([backbone] * members, [head] * members, one_by_one)


def _check_same(built: Mapping[str, Tensor], stored: Mapping[str, Tensor]) -> None:
    """Refuse weights that are not those of the network that the card describes."""
    for name in sorted(built.keys() | stored.keys()):
        wanted, got = (_described(each.get(name)) for each in (built, stored))
        if wanted != got:
            raise ValueError(f"by its settings {name} is {wanted}, by its weights {got}")


def _check_units(weights: Mapping[str, Tensor]) -> None:
    """Refuse units in which no column can be."""
    for name in ("inputs.values.factor", "inputs.values.limit", "targets.factor"):
        if not bool((weights[name] > 0).all()):
            raise ValueError(f"its {name} must be above 0")
    for name in {"target_covariance", "user_covariance"} & weights.keys():
        if not bool((weights[name].diagonal() >= 0).all()):
            raise ValueError(f"its {name} has a negative variance")


def _described(tensor: Tensor | None) -> str:
    if tensor is None:
        return "not there"
    return f"{str(tensor.dtype).removeprefix('torch.')} {list(tensor.shape)}"
