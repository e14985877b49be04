"""A picture of the density that has been learned, on disk and in TensorBoard."""

import io
from pathlib import Path
from typing import TYPE_CHECKING

from jaxtyping import Float
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.loggers import TensorBoardLogger
from lightning.pytorch.trainer.states import TrainerFn
from lightning.pytorch.utilities import rank_zero_warn
from torch import Tensor
from torch.func import functional_call

from mdn.data.write import make_folder, write_bytes
from mdn.distributions.abstract import Mixture
from mdn.distributions.checks import check_at_least, check_one_of
from mdn.model.checkpoint import WEIGHTS, read_checkpoint
from mdn.model.evaluation_mode import evaluation_mode
from mdn.training.callbacks.best_and_last import best_path
from mdn.training.lightning_parts import table_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class DensityPlot(Callback):
    """Draws the model with the best weights at the end of the fit, and on the way if asked to.

    ```yaml
    density_plot:
      _target_: mdn.training.callbacks.density_plot.DensityPlot
      enabled: true
      table: train
      every_n_epochs: null
    ```

    The files are `figures/density.png` and `figures/density_epoch_<n>.png` in the log directory.
    A figure that fails is a warning: it must not cost a trained model.

    Args:
        enabled: false draws nothing.
        table: whose rows are drawn: "train", "val" or "test".
        every_n_epochs: how often during the fit; None for only at its end.
    """

    def __init__(
        self, enabled: bool = True, table: str = "train", every_n_epochs: int | None = None
    ) -> None:
        if every_n_epochs is not None:
            check_at_least("every_n_epochs", every_n_epochs, 1)
        check_one_of("table", table, ("train", "val", "test"))
        self.enabled = enabled
        self.table = table
        self.every_n_epochs = every_n_epochs

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        fitting = trainer.state.fn == TrainerFn.FITTING and not trainer.sanity_checking
        epoch = trainer.current_epoch + 1
        if fitting and self.every_n_epochs and epoch % self.every_n_epochs == 0:
            self._draw(trainer, pl_module, {}, f"density_epoch_{epoch}")

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._draw(trainer, pl_module, best_weights(trainer), "density")

    def _draw(
        self, trainer: Trainer, module: LightningModule, weights: dict[str, Tensor], name: str
    ) -> None:
        directory = trainer.log_dir  # all processes must ask
        if self.enabled and trainer.is_global_zero:
            path = Path(directory or ".") / f"figures/{name}.png"
            if draw_density(trainer, module, self.table, path, weights):
                show(trainer, path, name)


def draw_density(
    trainer: Trainer,
    module: LightningModule,
    table: str,
    path: Path,
    weights: dict[str, Tensor] | None = None,
    caption: str = "",
) -> bool:
    """Save the figure of a model on a table; warn and return False if it cannot be drawn.

    Args:
        trainer: whose datamodule has the table.
        module: the model.
        table: "train", "val" or "test".
        path: where to.
        weights: weights to draw the model with, instead of its own.
        caption: a line above the title of the figure.

    Raises:
        WriteError: if the file cannot be written.
    """
    drawing = io.BytesIO()
    try:
        with evaluation_mode(module):
            figure = _figure(trainer, module, table, weights or {})
        if caption:
            figure.suptitle(f"{caption}\n{figure.get_suptitle()}".strip(), fontsize=9)
        figure.savefig(drawing, format="png")
    except Exception as error:
        rank_zero_warn(f"no figure {path.stem}: {type(error).__name__}: {error}")
        return False
    make_folder(path.parent)
    write_bytes(drawing.getvalue(), path)
    return True


def _figure(
    trainer: Trainer, module: LightningModule, table: str, weights: dict[str, Tensor]
) -> "Figure":
    from mdn.model.input_axes import input_axes
    from mdn.plotting import density_figure

    def predict(x: Float[Tensor, "N P"]) -> Mixture:
        return functional_call(module, weights, (x.to(module.device),)).to("cpu")

    shown = table_of(trainer, table)
    names = shown.input_names, shown.target_names
    return density_figure(predict, shown.x, shown.y, *names, input_axes(shown.kinds))


def best_weights(trainer: Trainer) -> dict[str, Tensor]:
    """Return the weights of the best checkpoint; empty where there is none."""
    path, device = best_path(trainer), trainer.strategy.root_device
    weights = read_checkpoint(path)[WEIGHTS] if path else {}
    return {name: value.to(device) for name, value in weights.items()}


def show(trainer: Trainer, path: Path, name: str) -> None:
    """Put a picture into TensorBoard."""
    from matplotlib.image import imread

    for logger in trainer.loggers:
        if isinstance(logger, TensorBoardLogger):
            logger.experiment.add_image(
                f"figures/{name}", imread(path), trainer.global_step, dataformats="HWC"
            )
