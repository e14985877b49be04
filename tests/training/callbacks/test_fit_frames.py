from itertools import pairwise

import pytest
from matplotlib.figure import Figure
from matplotlib.image import imread
from PIL import Image

from mdn.training.callbacks.fit_frames import FitFrames


@pytest.fixture(autouse=True)
def _quick_figures(monkeypatch):
    """Pictures of the weights alone: those of the density have tests of their own."""

    def draw(predict, x, *_):
        figure = Figure((2, 2))
        figure.add_subplot().plot(predict(x).pi.mean(0))
        return figure

    monkeypatch.setattr("mdn.plotting.density_figure", draw)


@pytest.fixture
def frames():
    def make(**changes):
        settings = dict(enabled=True, table="train", most_frames=9, frames_per_second=2)
        return FitFrames(**(settings | changes))

    return make


def test_a_frame_for_the_start_and_for_each_epoch_and_all_of_them_animated(fit, frames, tmp_path):
    callback = frames()
    fit([callback], max_epochs=3)
    names = [path.name for path in sorted((tmp_path / "figures/frames").iterdir())]
    assert names == ["00000.png", "00001.png", "00002.png", "00003.png"]
    pictures = [imread(path) for path in callback.frames]
    assert all((a != b).any() for a, b in pairwise(pictures))
    with Image.open(tmp_path / "figures/fit.gif") as animation:
        assert animation.size == pictures[0].shape[1::-1]
        # The last picture stands still, which the file says by one longer frame.
        assert animation.n_frames == 4
        animation.seek(3)
        assert animation.info["duration"] == 500 * (1 + 4)


def test_a_resumed_fit_goes_on_with_its_frames(make_trainer, make_module, data, frames, tmp_path):
    last = tmp_path / "last.ckpt"
    first = make_trainer([frames(most_frames=4)], max_epochs=5)
    first.fit(make_module(), data)
    first.save_checkpoint(last)
    callback = frames(most_frames=4)
    more = make_trainer([callback], max_epochs=9)
    more.fit(make_module(), data, ckpt_path=last, weights_only=True)
    assert [path.stem for path in callback.frames] == ["00000", "00004", "00008"]
    last.rename(tmp_path / "moved.ckpt")
    for path in callback.frames:
        path.unlink()
    with pytest.warns(UserWarning, match=r"fit.gif begins at epoch 5: earlier frames lie with"):
        make_trainer([callback], max_epochs=6).fit(
            make_module(), data, ckpt_path=tmp_path / "moved.ckpt", weights_only=True
        )
    assert [path.stem for path in callback.frames] == ["00005", "00006"]


def test_few_frames_span_a_long_fit(fit, frames, tmp_path):
    fit([frames(most_frames=4)], max_epochs=11)
    kept = sorted(int(path.stem) for path in (tmp_path / "figures/frames").iterdir())
    assert kept == [0, 4, 8]


def test_frames_are_steps_of_one_image_in_tensorboard(fit, frames, tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    fit([frames()], max_epochs=2)
    logged = EventAccumulator(str(tmp_path)).Reload()
    assert logged.Tags()["images"] == ["figures/fit"]
    assert [image.step for image in logged.Images("figures/fit")] == [0, 3, 6]


def test_nothing_is_drawn_where_that_is_not_wanted(fit, frames, tmp_path):
    fit([frames(enabled=False)])
    assert not (tmp_path / "figures").exists()


@pytest.mark.parametrize("change", [{"most_frames": 1}, {"frames_per_second": 0}])
def test_wrong_settings_are_refused(frames, change):
    wanted = "must be a whole number of at least"
    with pytest.raises(ValueError, match=f"{next(iter(change))} {wanted}"):
        frames(**change)
