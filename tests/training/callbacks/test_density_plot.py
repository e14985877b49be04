import os

import pytest
import torch
from matplotlib.image import imread

import mdn.plotting
from mdn.training.callbacks.best_and_last import BestCheckpoint
from mdn.training.callbacks.density_plot import DensityPlot


def events(tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    return EventAccumulator(str(tmp_path)).Reload().Tags()["images"]


@pytest.fixture
def seen(monkeypatch):
    """What the figure was drawn from: the prediction for each, and the arguments."""
    calls, draw = [], mdn.plotting.density_figure

    def watch(predict, x, y, *names):
        calls.append((predict(x), x, y, *names))
        return draw(predict, x, y, *names)

    monkeypatch.setattr(mdn.plotting, "density_figure", watch)
    return calls


def test_figures_are_on_disk_and_in_tensorboard(fit, tmp_path):
    fit([DensityPlot(True, "train", every_n_epochs=2)], max_epochs=4)
    names = ["density", "density_epoch_2", "density_epoch_4"]
    assert sorted(os.listdir(tmp_path / "figures")) == [f"{name}.png" for name in names]
    assert sorted(events(tmp_path)) == [f"figures/{name}" for name in names]
    assert imread(tmp_path / "figures/density.png")[..., :3].std() > 0.05


def test_the_last_figure_shows_the_best_weights_and_leaves_the_last_ones(
    fit, spoil, data, make_module, tmp_path, seen
):
    best = BestCheckpoint(str(tmp_path / "c"), "best", "val/nll", "min")
    module = fit([spoil(2), DensityPlot(True, "val", None), best], max_epochs=4).module
    [(drawn, x, y, inputs, targets, _)] = seen
    kept = make_module()
    kept.load_state_dict(torch.load(best.best_model_path, weights_only=True)["state_dict"])
    with torch.no_grad():
        torch.testing.assert_close(drawn.mu, kept(x).mu)
        assert (drawn.mu - module(x).mu).abs().max() > 0.1
    assert module.training
    table = data.tables["val"]
    assert (x is table.x, y is table.y, inputs, targets) == (True, True, ["x"], ["y0"])


def test_a_failing_figure_is_a_warning(fit, monkeypatch, tmp_path):
    def fail(*_):
        raise RuntimeError("no colours left")

    monkeypatch.setattr(mdn.plotting, "density_figure", fail)
    with pytest.warns(UserWarning, match="no figure density: RuntimeError: no colours left"):
        assert fit([DensityPlot(True, "train", None)]).trainer.current_epoch == 3
