"""The course of a fit as pictures and as an animation."""

from pathlib import Path
from shutil import copyfile
from tempfile import TemporaryDirectory
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.utilities import rank_zero_warn

from mdn.data.write import replaced
from mdn.distributions.checks import check_at_least, check_one_of
from mdn.training.callbacks.density_plot import draw_density, show


class FitFrames(Callback):
    """Draws the model as it starts and after each epoch, and at the end animates the pictures.

    ```yaml
    fit_frames:
      _target_: mdn.training.callbacks.fit_frames.FitFrames
      enabled: true
      table: train
      most_frames: 100
      frames_per_second: 4
    ```

    The frames are `figures/frames/<epoch>.png` in the log directory, the animation is
    `figures/fit.gif`, and TensorBoard has the frames as steps of one image. When there are too
    many, every other one is dropped, and from there on every other epoch skipped: they span the
    whole fit, however long it takes.

    Args:
        enabled: false draws nothing.
        table: whose rows are drawn: "train", "val" or "test".
        most_frames: that are kept, at least 2.
        frames_per_second: of the animation.

    Raises:
        ValueError: on a number out of range.
    """

    def __init__(
        self,
        enabled: bool = True,
        table: str = "train",
        most_frames: int = 100,
        frames_per_second: int = 4,
    ) -> None:
        check_at_least("most_frames", most_frames, 2)
        check_at_least("frames_per_second", frames_per_second, 1)
        check_one_of("table", table, ("train", "val", "test"))
        self.enabled = enabled
        self.table = table
        self.most_frames = most_frames
        self.frames_per_second = frames_per_second
        self.frames: list[Path] = []
        self.stride = 1
        self._earlier: dict[str, Any] = {}

    def state_dict(self) -> dict[str, object]:
        return {"epochs": [int(frame.stem) for frame in self.frames], "stride": self.stride}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self._earlier = state_dict

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        epochs, self.stride = self._earlier.get("epochs", []), self._earlier.get("stride", 1)
        self._earlier = {}
        paths = [_path(trainer, epoch) for epoch in epochs]
        self.frames = [path for path in paths if path.exists()]
        epoch = trainer.current_epoch
        if len(self.frames) < len(paths):
            rank_zero_warn(
                f"fit.gif begins at epoch {epoch}: earlier frames lie with the run that this one "
                "goes on from"
            )
        if not self.frames:
            self._draw(trainer, pl_module, epoch, f"epoch {epoch}" if epoch else "start")

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        epoch = trainer.current_epoch + 1
        if epoch % self.stride == 0:
            nll = trainer.callback_metrics.get("val/nll")
            score = "" if nll is None else f", validation NLL {nll:.4f}"
            self._draw(trainer, pl_module, epoch, f"epoch {epoch}{score}")

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if self.frames:
            animation = self.frames[0].parents[1] / "fit.gif"
            animate(self.frames, animation, self.frames_per_second)

    def _draw(self, trainer: Trainer, module: LightningModule, epoch: int, caption: str) -> None:
        path = _path(trainer, epoch)
        if not (self.enabled and trainer.is_global_zero):
            return
        if draw_density(trainer, module, self.table, path, caption=caption):
            show(trainer, path, "fit")
            self.frames.append(path)
        if len(self.frames) > self.most_frames:
            self._thin_out()

    def _thin_out(self) -> None:
        for frame in self.frames[1::2]:
            frame.unlink(missing_ok=True)
        self.frames, self.stride = self.frames[::2], 2 * self.stride


def _path(trainer: Trainer, epoch: int) -> Path:
    directory = trainer.log_dir  # all processes must ask
    return Path(directory or ".") / f"figures/frames/{epoch:05d}.png"


def animate(frames: list[Path], path: Path, frames_per_second: int) -> None:
    """Write pictures of one size as an animation; the last one stays for two seconds."""
    from matplotlib.animation import PillowWriter
    from matplotlib.figure import Figure
    from matplotlib.image import imread

    first = imread(frames[0])
    height, width = first.shape[:2]
    figure = Figure((width / 100, height / 100), dpi=100)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    picture = axes.imshow(first)
    writer = PillowWriter(frames_per_second)
    with replaced(path) as beside, TemporaryDirectory() as folder:
        drawn = Path(folder) / path.name  # by whose ending the writer tells the format
        with writer.saving(figure, drawn, dpi=100):
            for frame in [*frames, *[frames[-1]] * 2 * frames_per_second]:
                picture.set_data(imread(frame))
                writer.grab_frame()
        copyfile(drawn, beside)
