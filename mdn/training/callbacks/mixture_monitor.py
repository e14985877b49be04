"""How the mixtures develop in training."""

import torch
from jaxtyping import Float
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.trainer.states import TrainerFn
from torch import Tensor

from mdn.distributions.checks import check_at_least
from mdn.distributions.mixture import GaussianMixture
from mdn.training.callbacks.component_tags import component_tags
from mdn.training.callbacks.watched_module import mixture_module
from mdn.training.lightning_parts import table_of
from mdn.training.mixture_module import MixtureModule

TAG = "mixture"
WEIGHT = "weight"
EFFECTIVE = "effective_components", "effective_components_per_row"
"""The tags in a log; `report/usage_history.py` reads them back."""


class MixtureMonitor(Callback):
    """Logs, from some validation rows, how the components share the work.

    ```yaml
    mixture_monitor:
      _target_: mdn.training.callbacks.mixture_monitor.MixtureMonitor
      every_n_epochs: 5
      rows: 1024
    ```

    The tags are those of `describe`, under `mixture/`. Where members hold out rows of their own,
    these are training rows, which most members have learned.

    Args:
        every_n_epochs: how often.
        rows: the most rows to look at, evenly spaced over the validation rows.
    """

    def __init__(self, every_n_epochs: int = 5, rows: int = 1024) -> None:
        check_at_least("every_n_epochs", every_n_epochs, 1)
        check_at_least("rows", rows, 1)
        self.every_n_epochs = every_n_epochs
        self.rows = rows

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        fitting = trainer.state.fn == TrainerFn.FITTING and not trainer.sanity_checking
        if fitting and (trainer.current_epoch + 1) % self.every_n_epochs == 0:
            self._log(trainer, mixture_module(pl_module))

    @torch.no_grad()
    def _log(self, trainer: Trainer, module: MixtureModule) -> None:
        table = table_of(trainer, "val")
        rows = torch.linspace(0, len(table) - 1, min(self.rows, len(table))).long()
        x, y = (values[rows].to(module.device) for values in (table.x, table.y))
        targets = module.model.targets
        standardized, z = module.model.standardized(x, y)
        mixtures = standardized.expand(len(x)).to(dtype=x.dtype)
        values = describe(mixtures, z.to(x.dtype), targets.row_units(y) + targets.log_det())
        values["worst_row"] = int(rows[int(values["worst_row"])])
        for logger in trainer.loggers:
            tagged = {f"{TAG}/{name}": value for name, value in values.items()}
            logger.log_metrics(tagged, step=trainer.global_step)


def describe(
    mixtures: GaussianMixture, y: Float[Tensor, "N D"], log_det: Tensor | float = 0.0
) -> dict[str, float]:
    """Describe in numbers how components share the rows.

    `weight/<k>` is the mean weight of component k; where there are more than 20 components,
    `weight/min`, `weight/median` and `weight/max` stand for all of them. The effective number of
    components, exp(H) of weights with entropy H, is K where all weigh the same and 1 where one
    does all the work: `effective_components` takes the mean weights,
    `effective_components_per_row` is the mean over rows. The smallest scale follows, and the row
    that is explained worst with its nll.
    """
    nll = -mixtures.observed_log_prob(y) - log_det
    weight = mixtures.pi.mean(0)
    of_mean = torch.special.entr(weight).sum().exp()
    per_row = torch.special.entr(mixtures.pi).sum(-1).exp().mean()
    return {
        **dict(zip(EFFECTIVE, (of_mean.item(), per_row.item()), strict=True)),
        "smallest_scale": mixtures.scale.smallest().min().item(),
        "worst_nll": nll.max().item(),
        "worst_row": int(nll.argmax()),
        **component_tags(WEIGHT, weight.tolist()),
    }
