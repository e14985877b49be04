"""What a signal does to a fit in a program."""

import signal

import numpy as np
import pyarrow as pa
import pytest
from lightning.pytorch import Callback

import mdn
from mdn.training import fit as fit_module
from mdn.training.stop_signals import Interrupted, StopSignals

SMALL = {"ensemble_size": 1, "backbone.width": 8, "num_components": 2, "max_epochs": 4}


@pytest.fixture(autouse=True)
def handlers():
    """Those of a fresh Python, before and after."""
    before = {
        signal.SIGINT: signal.signal(signal.SIGINT, signal.default_int_handler),
        signal.SIGTERM: signal.signal(signal.SIGTERM, signal.SIG_DFL),
    }
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


class SignalAt(Callback):
    """Sends a signal at the beginning of a batch of the second epoch, and counts what follows."""

    def __init__(self, number):
        self.number = number
        self.steps_after = 0
        self.sent = False

    def on_train_batch_start(self, trainer, *_):
        if trainer.current_epoch == 1 and not self.sent:
            self.sent = True
            signal.raise_signal(self.number)

    def on_train_batch_end(self, *_):
        self.steps_after += self.sent


@pytest.fixture
def fit_with(monkeypatch):
    """Fit with one callback more."""

    def fit(callback):
        usual = fit_module.fit_callbacks
        monkeypatch.setattr(fit_module, "fit_callbacks", lambda *of: [*usual(*of), callback])
        x = np.linspace(0, 1, 64)
        return mdn.fit(SMALL, pa.table({"x": x, "y": x**2}), targets=["y"])

    return fit


def test_sigterm_ends_a_fit_behind_its_batch_with_the_status_of_shells(fit_with):
    callback = SignalAt(signal.SIGTERM)
    with pytest.raises(SystemExit) as end:
        fit_with(callback)
    assert end.value.code == 143
    assert callback.steps_after == 1
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_ctrl_c_in_a_fit_is_a_keyboard_interrupt_as_everywhere(fit_with):
    callback = SignalAt(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        fit_with(callback)
    assert callback.steps_after == 0
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_fit_leaves_a_handler_of_the_program_alone(fit_with):
    heard = []
    signal.signal(signal.SIGTERM, lambda *_: heard.append(1))
    fit_with(SignalAt(signal.SIGTERM))
    assert heard == [1]
    signal.raise_signal(signal.SIGTERM)
    assert heard == [1, 1]


def test_one_order_that_comes_twice_is_no_second_one():
    told = StopSignals()
    told.hold()
    told(signal.SIGTERM, None)
    told(signal.SIGTERM, None)  # as `timeout` sends it, to the process and to its group
    assert told.number == signal.SIGTERM
    with pytest.raises(Interrupted):
        told.release()
