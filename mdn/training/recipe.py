"""Recipes: what a training is to be like, as typed settings with their defaults.

A setting is a number or a word; a part, such as the family or the backbone; or it is open. Open
settings are of two kinds. `auto` and `grid` follow from the training rows: `resolve` turns them
into numbers before anything is trained, here and nowhere else. What is `HeldOut` is decided by
`mdn.training.choose`, on rows that the network has not learned from.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from torch import nn
from torch.optim import AdamW, Optimizer
from torch.optim.lr_scheduler import LRScheduler

from mdn.data.profile import Profile
from mdn.data.splits.folds import CrossFit
from mdn.distributions.checks import (
    check_at_least,
    check_fraction,
    check_not_negative,
    check_one_of,
    check_positive,
)
from mdn.distributions.open_settings import Auto, ByHeldOut, HeldOut
from mdn.fitting.objectives import NLL, Objective, Regularizer
from mdn.fitting.schedules import cosine
from mdn.fitting.sizes import suitable_depth, suits_principal
from mdn.fitting.start import start_named
from mdn.model import registry
from mdn.networks.backbones import MLP
from mdn.networks.encoding import Encoding
from mdn.networks.first_layer_gain import check_gains
from mdn.networks.kinds import Kind
from mdn.training.base_recipe import BaseRecipe, counted_rows

Backbone = Callable[[int], nn.Module]
"""Given P, a module from [*batch, P] to [*batch, num_features], with that attribute."""

ADAMW = partial(AdamW, lr=1e-2, betas=(0.9, 0.99), weight_decay=1e-2, fused=True)
"""A shorter memory of squared gradients than usual: they change fast here."""


@dataclass(frozen=True, kw_only=True)
class Recipe(BaseRecipe):
    """Gradient descent on the mean of an objective.

    It trains a mixture density network; with `NoBackbone`, a mixture that looks at no input.

    Attributes:
        ensemble_size: M, networks that are trained side by side and pooled into one mixture.
        cross_fit: whether each network holds out an eighth of the training rows of its own, and
            learns from all others; otherwise all hold out the same part. "auto" does so with two
            networks or more and 40 training rows or more in memory, where no validation rows are
            given, nor `val_fraction`, and rows are not split by time; with groups, where there
            are 16 or more, and none brings an eighth to more than a fourth of the rows.
        encoding: features of the inputs.
        backbone: given P, the module in front of the head.
        first_layer_gain: what its first layer begins with is multiplied by, dealt to the members
            in turn.
        objective: what training minimizes; what is logged is always the nll.
        regularizer: noise and reward that it is trained with.
        optimizer: given parameter groups, the optimizer.
        schedule: given the optimizer and the number of steps, the learning-rate schedule.
        start_from_data: start the head from k-means of the targets; otherwise at random.
        mixture_lr: learning rate of the weights; None for the optimizer's.
        component_lr: learning rate of means and scales; None for the optimizer's.
        gradient_clip: the largest norm of a gradient, of each member's own; None for any.
        averaging: the share of all steps that the mean of the weights looks back on, which is what
            the model gets; 0 for the weights of the last step.
        rare_components: how many rare, narrow components may be added to each member after
            training, in the place of those that explain the fewest rows.
        patience: epochs without an improvement on the rows held out, after which it ends; None to
            go on to the end.
        refit_spread: whether each network's spread is learned again, after training, on the rows
            that it holds out; "held_out" has them decide whether that helps. It takes networks
            that hold out parts of their own, and inputs.

    Raises:
        ValueError: on a number out of range.
    """

    ensemble_size: int = 8
    cross_fit: bool | Auto = "auto"
    encoding: Encoding = field(default_factory=Encoding)
    backbone: Backbone = MLP
    first_layer_gain: Sequence[float] = (1.0, 1.5, 2.0, 3.0)
    objective: Objective = field(default_factory=NLL)
    regularizer: Regularizer = field(default_factory=Regularizer)
    optimizer: Callable[[list[dict[str, object]]], Optimizer] = ADAMW
    schedule: Callable[[Optimizer, int], LRScheduler] = cosine
    start_from_data: bool = True
    mixture_lr: float | None = None
    component_lr: float | None = None
    gradient_clip: float | None = 1.0
    averaging: float = 0.02
    rare_components: int = 0
    patience: int | None = 40
    refit_spread: bool | ByHeldOut = "held_out"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_at_least("ensemble_size", self.ensemble_size, 1)
        check_at_least("rare_components", self.rare_components, 0)
        if self.patience is not None:
            check_at_least("patience", self.patience, 1)
        for name in ("mixture_lr", "component_lr", "gradient_clip"):
            if getattr(self, name) is not None:
                check_positive(name, getattr(self, name))
        check_fraction("averaging", self.averaging)
        check_gains(self.first_layer_gain)
        self.regularizer.check_members(self.ensemble_size)
        _ = self.cross_fitting.holds  # which refuses what cannot be
        self._check_refit()

    def _check_refit(self) -> None:
        if self.refit_spread is not True:
            return
        obstacle = "" if self.cross_fitting.holds else "here all networks hold out the same"
        if not self.uses_inputs:
            obstacle = "this mixture looks at no input"
        if 0 in self.family.raw_shape(1, 1):
            obstacle = "this family has one spread for all rows, which does not change"
        if obstacle:
            raise ValueError(
                "`refit_spread=True` learns the spread of each network again on rows that it holds "
                f"out for itself, and {obstacle}; set `refit_spread` to held_out or False"
            )

    @property
    def refits_spread(self) -> bool | ByHeldOut:
        return self.refit_spread if self.uses_inputs else False

    @property
    def uses_inputs(self) -> bool:
        backbone = getattr(self.backbone, "func", self.backbone)  # a partial has its attributes
        return getattr(backbone, "num_features", None) != 0

    @property
    def cross_fitting(self) -> CrossFit:
        given = "" if self.val_fraction is None else "`val_fraction` is the part that all hold out"
        return CrossFit(self.cross_fit, self.ensemble_size, given)

    def cross_fitted(self, is_so: bool) -> "Recipe":
        return replace(self, cross_fit=is_so)

    def encoded(self, kinds: Sequence[Kind]) -> tuple[Kind, ...]:
        return self.encoding.of(kinds)

    def resolve(self, profile: Profile | None = None, processes: int = 1) -> "Recipe":
        backbone = _with_depth(self.backbone, counted_rows(profile))
        cross_fit = self.cross_fitting.holds  # as far as a recipe tells; the rows may know better
        decided = self._decided(profile, processes)
        encoding = _with_principal(self.encoding, profile)
        return replace(self, **decided, backbone=backbone, encoding=encoding, cross_fit=cross_fit)


@dataclass(frozen=True, kw_only=True)
class EMRecipe(BaseRecipe):
    """Exact EM for one mixture that looks at no input: an epoch is one update from all rows.

    The size of a batch changes memory and speed, and not the result.

    Attributes:
        start_from: a name in `mdn.fitting.start.STARTS`.
        n_init: starts to try; the likeliest after ten updates is taken.
        tol: stop when the mean log likelihood rises by less than this, in nats.
        relative_tol: or by less than this part of its size.

    Raises:
        ValueError: on an unknown start or a number out of range.
    """

    num_components: int | Auto = 5
    start_from: str = "k-means"
    n_init: int = 1
    tol: float = 1e-6
    relative_tol: float = 0.0
    batch_size: int | Auto = 8192
    max_epochs: int | Auto = 500
    smoothing: float | ByHeldOut = 0.0
    guard: float | Auto | ByHeldOut = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_at_least("n_init", self.n_init, 1)
        check_not_negative("tol", self.tol)
        check_not_negative("relative_tol", self.relative_tol)
        start_named(self.start_from)

    @property
    def uses_inputs(self) -> bool:
        return False


def _with_depth(backbone: Backbone, rows: int) -> Backbone:
    """Fill in the depth of a backbone that leaves it open."""
    if registry.settings(backbone).get("depth") != "auto":
        return backbone
    return partial(backbone, **{"depth": suitable_depth(rows)})


def _with_principal(encoding: Encoding, profile: Profile | None) -> Encoding:
    """Decide whether principal components are features, where an encoding leaves that open."""
    if encoding.principal != "auto":
        return encoding
    wanted = profile is not None and suits_principal(profile.least_variance)
    return replace(encoding, principal=wanted)


registry.register("model", "mdn", Recipe)
registry.register("model", "gmm_em", EMRecipe)
registry.register("recalibration", "held_out", HeldOut)


def as_recipe(recipe: object) -> BaseRecipe:
    """Return a recipe, made from settings if it is not one: "kind" names it, `Recipe` without.

    Raises:
        TypeError: on neither a recipe nor settings.
        ValueError: on an unknown kind or setting, or one out of range.
    """
    if isinstance(recipe, BaseRecipe):
        return recipe
    if not isinstance(recipe, Mapping):
        raise TypeError(
            "recipe must be a Recipe, an EMRecipe or settings such as {'family': 'full'}, got "
            f"{recipe!r:.100}"
        )
    known = {"mdn": Recipe, "gmm_em": EMRecipe}
    kind = str(recipe.get(registry.KIND, "mdn"))
    check_one_of("kind of recipe", kind, known)
    return known[kind].from_settings(recipe)
