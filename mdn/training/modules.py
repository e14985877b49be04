"""The module that trains what a recipe describes; a recipe of another class registers its own."""

from collections.abc import Sequence
from functools import singledispatch

from mdn.networks.kinds import Kind
from mdn.training.base_recipe import BaseRecipe
from mdn.training.em_module import EMModule
from mdn.training.mixture_module import MixtureModule
from mdn.training.module import MDNModule
from mdn.training.recipe import EMRecipe, Recipe


@singledispatch
def module_of(recipe: BaseRecipe, kinds: Sequence[Kind], num_targets: int) -> MixtureModule:
    """Return the untrained module of a recipe.

    Args:
        recipe: what to train, and how.
        kinds: of the P inputs, fitted.
        num_targets: D.

    Raises:
        TypeError: if nobody knows how to train it.
    """
    raise TypeError(f"no module trains a {type(recipe).__name__}; register one with module_of")


@module_of.register
def _mdn(recipe: Recipe, kinds: Sequence[Kind], num_targets: int) -> MixtureModule:
    return MDNModule(kinds, num_targets, recipe)


@module_of.register
def _em(recipe: EMRecipe, kinds: Sequence[Kind], num_targets: int) -> MixtureModule:
    return EMModule(kinds, num_targets, recipe)
