import contextlib
import importlib.machinery
import io
import re
import sys
import types

import pytest
from lightning.pytorch.callbacks import EarlyStopping
from rich.console import Console

from mdn.training.callbacks.progress import EpochProgress, planned_epochs


@pytest.fixture
def progress():
    def make(lines=2, **console):
        callback = EpochProgress("val/nll", ["train/nll", "val/nll"], lines)
        callback.console = Console(file=io.StringIO(), highlight=False, width=100, **console)
        return callback

    return make


def shown(callback):
    return callback.console.file.getvalue()


def test_a_log_file_gets_a_few_whole_lines_with_the_logged_values(fit, progress):
    callback = progress(lines=2)
    run = fit([callback], max_epochs=6)
    lines = shown(callback).splitlines()
    assert [line.split()[1] for line in lines] == ["3/6", "6/6"]
    values = dict(re.findall(r"(\S+) (-?\d+\.\d+)", lines[-1]))
    for name in ("train/nll", "val/nll"):
        assert float(values[name]) == pytest.approx(
            float(run.trainer.callback_metrics[name]), abs=1e-4
        )


def test_early_stopping_is_told_and_reaching_the_last_epoch_is_not(fit, progress):
    told, untold = progress(), progress()
    fit([told, EarlyStopping("val/nll", patience=2, min_delta=100.0)], max_epochs=9)
    assert shown(told).splitlines()[-1] == "stopped early: 2 epochs without a better val/nll"
    fit([untold, EarlyStopping("val/nll", patience=2)], max_epochs=1)
    assert "early" not in shown(untold)


def test_the_best_value_is_the_smallest_and_outlives_a_resume(fit, progress, scalars):
    callback = progress()
    fit([callback], max_epochs=5)
    assert callback.best == pytest.approx(min(scalars()["val/nll"]), rel=1e-6)
    again = progress()
    again.load_state_dict(callback.state_dict())
    assert again.best == callback.best


def test_a_terminal_gets_one_bar_and_is_left_in_order(fit, progress):
    callback = progress(force_terminal=True)
    fit([callback], max_epochs=4)
    assert "4/4" in shown(callback)
    assert shown(callback).count("\x1b[?25l") == shown(callback).count("\x1b[?25h") == 1


def notebook(monkeypatch, widgets):
    """Modules in place of those of a notebook; returns the bars that it displays."""
    bars = []

    class Output(contextlib.nullcontext):
        def clear_output(self, wait):
            pass

    modules = {"ipywidgets": {"Output": Output} if widgets else None}
    modules |= {"IPython": {}, "IPython.display": {"display": bars.append}}
    for name, contents in modules.items():
        module = None if contents is None else types.ModuleType(name)
        if module is not None:
            vars(module).update(contents, __spec__=importlib.machinery.ModuleSpec(name, None))
        monkeypatch.setitem(sys.modules, name, module)
    if not widgets:
        monkeypatch.setattr("mdn.training.callbacks.progress.find_spec", lambda name: None)
    return bars


def test_a_notebook_gets_one_bar(fit, progress, monkeypatch):
    bars = notebook(monkeypatch, widgets=True)
    callback = progress(force_jupyter=True)
    fit([callback], max_epochs=4)
    assert bars
    assert "epoch 2/4" not in shown(callback)


def test_a_notebook_without_widgets_gets_lines(fit, progress, monkeypatch):
    bars = notebook(monkeypatch, widgets=False)
    callback = progress(lines=2, force_jupyter=True)
    fit([callback], max_epochs=4)
    assert bars  # rich displays what is printed
    assert not callback.console.is_terminal


def test_a_process_that_is_not_the_first_is_silent(fit, progress):
    callback = progress()
    callback.disable()
    fit([callback])
    assert shown(callback) == ""


def test_a_run_limited_in_steps_knows_its_epochs(fit):
    trainer = fit([], max_epochs=-1, max_steps=7).trainer
    assert trainer.num_training_batches == 3
    assert planned_epochs(trainer) == 3


def test_no_lines_is_refused():
    with pytest.raises(ValueError, match="lines must be a whole number of at least 1, got 0"):
        EpochProgress("val/nll", [], 0)
