"""Regularization, which holds training back from fitting single rows.

Noise on x and y in training is kernel smoothing of the density (Rothfuss et al. 2019,
arXiv 1907.08982). Each member of an ensemble has its own noise. A reward for the entropy of the
weights keeps components in use. Inputs that are dropped now and then teach a network to answer
without them; by default this is all, and numbers without gaps are never dropped.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle, islice

import torch
from jaxtyping import Float
from torch import Tensor

from mdn.distributions.checks import check_fraction, check_not_negative
from mdn.distributions.mixture import GaussianMixture
from mdn.networks.encoder import Encoder

Levels = list[float] | tuple[float, ...]
"""Levels of noise, dealt to the members of an ensemble in turn."""

_MANY_LEVELS = 20
"""Levels of a category from which on a new one is no surprise."""


@dataclass(frozen=True)
class Regularizer:
    """Noise on the rows of a training batch, and a reward for even weights; 0 is none of it.

    A list of levels of noise is dealt to the members of an ensemble in turn: of [0, 0.02] the
    first gets none, the second 0.02, the third none.

    Attributes:
        input_noise: its standard deviation, in units of the standardized inputs, or several.
        target_noise: its standard deviation, in units of the standardized targets, or several.
        entropy: nats of loss for each nat of entropy of the weights.
        drop_values: how often a value of an input with gaps counts as missing: with the
            probability `drop_values` s (1 - s) where a share s of the training rows lacks it.
        drop_levels: how often a level counts as one that training never saw: with the
            probability `drop_levels` V / (V + 20) where a category has V levels, since new levels
            come where there are many.

    Raises:
        ValueError: on a number out of range, and on a list without one.
    """

    input_noise: float | Levels = 0.0
    target_noise: float | Levels = 0.0
    entropy: float = 0.0
    drop_values: float = 0.5
    drop_levels: float = 0.1

    def __post_init__(self) -> None:
        check_not_negative("entropy", self.entropy)
        for name in ("drop_values", "drop_levels"):
            check_fraction(name, getattr(self, name))
        for name, levels in self._noises.items():
            if not levels:
                raise ValueError(f"{name} must be a number or a list of numbers, got []")
            for level in levels:
                check_not_negative(name, level)

    @property
    def _noises(self) -> dict[str, Levels]:
        return {name: _levels(getattr(self, name)) for name in ("input_noise", "target_noise")}

    def check_members(self, num_members: int) -> None:
        """Refuse more levels of noise than there are networks to have them."""
        for name, levels in self._noises.items():
            if len(levels) > num_members:
                raise ValueError(
                    f"{name} has {len(levels)} levels and `ensemble_size` is {num_members}; "
                    f"set `ensemble_size={len(levels)}` or more, or name fewer levels"
                )

    def drop(self, x: Float[Tensor, "*rows P"], encoder: Encoder) -> Float[Tensor, "*rows P"]:
        """Drop inputs at random, from torch's own generator; all members miss the same.

        Args:
            x: as `mdn.networks.kinds` has them.
            encoder: of these inputs.
        """
        levels = [self.drop_levels * v / (v + _MANY_LEVELS) for v in encoder.unseen.values()]
        x = _dropped(x, levels, encoder.unseen)
        shares = [self.drop_values * share * (1 - share) for share in encoder.gap_shares]
        return _dropped(x, shares, encoder.gaps)

    def disturb(
        self,
        x: Float[Tensor, "*rows P"],
        y: Float[Tensor, "*rows D"],
        num_members: int,
    ) -> tuple[Float[Tensor, "*x P"], Float[Tensor, "*y D"]]:
        """Add fresh noise to standardized inputs and targets, from torch's own generator.

        Args:
            x: inputs.
            y: targets.
            num_members: M, networks of which each sees noise of its own.

        Returns:
            Each as [M, *rows, _] where it has noise, else as it was.
        """
        return (
            _noisy(x, _levels(self.input_noise), num_members),
            _noisy(y, _levels(self.target_noise), num_members),
        )

    def penalize(
        self, mixture: GaussianMixture, loss: Float[Tensor, "*batch"]
    ) -> Float[Tensor, "*batch"]:
        """Subtract the reward from the loss."""
        return loss - self.entropy * weight_entropy(mixture) if self.entropy else loss


def weight_entropy(mixture: GaussianMixture) -> Float[Tensor, "*batch"]:
    """Return the entropy of the weights, in nats: 0 for one component, log K if even."""
    return -(mixture.pi * mixture.log_pi).sum(-1)


def _levels(noise: float | Levels) -> Levels:
    return noise if isinstance(noise, list | tuple) else [noise]


def _dropped(
    x: Float[Tensor, "*rows P"], shares: Sequence[float], instead: Mapping[int, float]
) -> Float[Tensor, "*rows P"]:
    """Put in some columns, for a share of the values that are there, others in their place."""
    if not any(shares):
        return x
    columns = list(instead)
    values, others = x[..., columns], x.new_tensor(list(instead.values()))
    dropped = (torch.rand_like(values) < x.new_tensor(shares)) & ~values.isnan()
    x = x.clone()
    x[..., columns] = torch.where(dropped, others, values)
    return x


def _noisy(
    values: Float[Tensor, "*rows F"], levels: Levels, num_members: int
) -> Float[Tensor, "*members_and_rows F"]:
    if not any(levels):
        return values
    shape = (num_members, *values.shape)
    noise = torch.randn(shape, dtype=values.dtype, device=values.device)
    if len(levels) == 1:  # a number costs a device nothing
        return values + levels[0] * noise
    dealt = values.new_tensor(list(islice(cycle(levels), num_members)))
    return values + dealt.view(num_members, *(1,) * values.ndim) * noise
