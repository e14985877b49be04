"""Rows that spoil a step of gradient descent, found one by one and named."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice

import torch
from jaxtyping import Int64
from lightning.pytorch import Trainer
from torch import Tensor

from mdn.data.batches import Batch
from mdn.data.kinds.value_text import value_text
from mdn.model.evaluation_mode import evaluation_mode
from mdn.networks.kinds import Kind, Number
from mdn.training.lightning_parts import rows_of
from mdn.training.module import MDNModule
from mdn.training.processes import from_all
from mdn.training.safe_steps import overflows

_SHOWN = 3
"""Rows that are named."""

_COLUMNS = 8
"""Values of a row that are shown."""


DIVERGED = "the training has diverged; lower `lr`, set `gradient_clip`, or raise `min_scale`"


@dataclass(frozen=True)
class BatchAt:
    """A batch whose step was skipped.

    Attributes:
        rows: what this process has taken the step with.
        number: of the batch in the epoch.
        spike: whether the gradient was finite, and absurdly large.
    """

    rows: Batch
    number: int
    spike: bool


@dataclass(frozen=True)
class Suspects:
    """Rows of a batch that have no finite loss or gradient of their own, or the largest loss.

    Attributes:
        named: some of them, each in a few words.
        count: how many there are, as far as they were looked for.
        of: rows of the batch.
        unusable: what is wrong with numbers of the batch; empty if nothing is.
        spike: whether the gradient was finite, and absurdly large.
    """

    named: Sequence[str]
    count: int
    of: int
    unusable: str

    spike: bool

    def message(self, at: str) -> str:
        """Say what is wrong, the likely cause, what to do about it, and which rows they are.

        Args:
            at: where that was.
        """
        if self.spike:
            return (
                f"the training gradient is a thousand times as large as usual at {at}; set "
                f"`gradient_clip`, and look at the row with the largest loss: {self.named[0]}"
            )
        return f"the training loss or its gradient is not finite at {at}: {self._cause}"

    @property
    def _cause(self) -> str:
        if not self.count:
            return self.unusable or f"no row has none by itself; {DIVERGED}"
        if self.count == self.of:
            return self.unusable or DIVERGED
        cause = self.unusable or (
            f"{self.count} of {self.of} rows have none; look at these rows, and at a backbone, "
            "regularizer or objective of your own, or lower `lr`"
        )
        more = ", ..." if self.count > len(self.named) else ""
        return f"{cause}: {', '.join(self.named)}{more}"


def find_suspects(trainer: Trainer, module: MDNModule, batch: BatchAt) -> Suspects:
    """Look for the rows of a batch that spoil a step, in all processes together.

    Args:
        trainer: of the fit.
        module: that is trained.
        batch: whose step was skipped.
    """
    look = _largest if batch.spike else _spoilers
    context = trainer.precision_plugin.forward_context()
    with context, torch.random.fork_rng(devices=[]), evaluation_mode(module):
        found = look(module, batch.rows)
    numbers = rows_of(trainer, batch.number)
    shown = [_described(module, batch.rows, row, numbers) for row in found[:_SHOWN]]
    mine = (shown, len(found), len(batch.rows[0]), _unusable(module, batch.rows))
    named, counts, rows, unusable = zip(*from_all(mine), strict=True)
    some = [*chain(*named)][:_SHOWN]
    return Suspects(some, sum(counts), sum(rows), max(unusable), batch.spike)


def _unusable(module: MDNModule, batch: Batch) -> str:
    """Say what is wrong with the numbers of a batch where the network takes them."""
    x, y, *_ = batch
    model = module.model
    y = y.nan_to_num(nan=0.0) if module.misses_targets else y
    seen = model.inputs(x, model.dtype), model.targets(y, model.dtype)
    if all(bool(values.isfinite().all()) for values in seen):
        return ""
    return f"rows hold NaN, inf, or numbers too large for {model.dtype}; clean the data"


def _largest(module: MDNModule, batch: Batch) -> list[int]:
    loss, _ = module.row_losses(batch)
    return [int(loss.amax(0).argmax())]


def _spoilers(module: MDNModule, batch: Batch) -> list[int]:
    """Positions in a batch; where losses are finite, the first whose gradients are not."""
    loss, _ = module.row_losses(batch)
    rows = overflows(loss).any(0).nonzero().squeeze(-1)
    if len(rows):
        return rows.tolist()
    everywhere = torch.arange(len(batch[0]), device=batch[0].device)
    with torch.enable_grad():
        return list(islice(_without_gradient(module, batch, everywhere), _SHOWN))


def _without_gradient(module: MDNModule, batch: Batch, rows: Int64[Tensor, " N"]) -> Iterator[int]:
    if _has_gradient(module, [each[rows] for each in batch]):
        return
    if len(rows) == 1:
        yield int(rows)
        return
    for half in rows.tensor_split(2):
        yield from _without_gradient(module, batch, half)


def _has_gradient(module: MDNModule, batch: Batch) -> bool:
    loss, _ = module.row_losses(batch)
    learnt = [p for p in module.network.parameters() if p.requires_grad]
    gradients = torch.autograd.grad(loss.sum(), learnt, allow_unused=True)
    return all(bool(each.isfinite().all()) for each in gradients if each is not None)


def _described(
    module: MDNModule, batch: Batch, row: int, numbers: Int64[Tensor, " B"] | None
) -> str:
    card, kinds = module.model.card, module.model.inputs.kinds
    x, y = batch[0][row].tolist(), batch[1][row].tolist()
    inputs = _values(card.inputs, kinds, x)
    targets = _values(card.targets, [Number()] * len(y), y)
    which = "a row" if numbers is None else f"row {int(numbers[row])} of the training part"
    return f"{which} ({', '.join([*inputs, *targets])})"


def _values(names: Sequence[str], kinds: Sequence[Kind], values: Sequence[float]) -> list[str]:
    rows = islice(zip(names, kinds, values, strict=True), _COLUMNS)
    shown = [f"{name}={value_text(kind, value)}" for name, kind, value in rows]
    return shown if len(values) <= _COLUMNS else [*shown, "..."]
