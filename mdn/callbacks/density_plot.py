"""A picture of the density that has been learned, on disk and in TensorBoard."""

from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.loggers import TensorBoardLogger
from lightning.pytorch.trainer.states import TrainerFn
from lightning.pytorch.utilities import rank_zero_warn
from torch import Tensor
from torch.func import functional_call

from mdn.callbacks.evaluating import evaluating
from mdn.mixture import GaussianMixture


class DensityPlot(Callback):
    """Draws the model with the best weights at the end of the fit, and on the way if wanted.

    ```yaml
    density_plot:
      _target_: mdn.callbacks.density_plot.DensityPlot
      table: train
      every_n_epochs: null
    ```

    The files are `figures/density.png` and `figures/density_epoch_<n>.png` in the log directory.
    A figure that fails is a warning: it must not cost anybody a trained model.

    Args:
        table: whose rows are drawn: "train", "val" or "test".
        every_n_epochs: how often during the fit; None for only at its end.
    """

    def __init__(self, table: str, every_n_epochs: int | None) -> None:
        if every_n_epochs is not None and every_n_epochs < 1:
            raise ValueError(f"every_n_epochs must be at least 1 or null, got {every_n_epochs}")
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
        if not trainer.is_global_zero:
            return
        try:
            with evaluating(module):
                self._save(trainer, module, weights, Path(directory or ".") / f"figures/{name}.png")
        except Exception as error:
            rank_zero_warn(f"no figure {name}: {type(error).__name__}: {error}")

    def _save(
        self, trainer: Trainer, module: LightningModule, weights: dict[str, Tensor], path: Path
    ) -> None:
        from mdn.plotting import density_figure

        def predict(x: Float[Tensor, "N P"]) -> GaussianMixture:
            return functional_call(module, weights, (x.to(module.device),)).to("cpu")

        table = trainer.datamodule.tables[self.table]  # pyright: ignore[reportAttributeAccessIssue]
        names = table.input_names, table.target_names
        path.parent.mkdir(parents=True, exist_ok=True)
        density_figure(predict, table.x, table.y, *names).savefig(path)
        show(trainer, path)


def best_weights(trainer: Trainer) -> dict[str, Any]:
    """The weights of the best checkpoint; empty where there is none."""
    path = getattr(trainer.checkpoint_callback, "best_model_path", "")
    if not path:
        return {}
    device = trainer.strategy.root_device
    return torch.load(path, map_location=device, weights_only=True)["state_dict"]


def show(trainer: Trainer, path: Path) -> None:
    """Put a picture into TensorBoard, under its own name."""
    from matplotlib.image import imread

    for logger in trainer.loggers:
        if isinstance(logger, TensorBoardLogger):
            logger.experiment.add_image(
                f"figures/{path.stem}", imread(path), trainer.global_step, dataformats="HWC"
            )
