from lightning.pytorch import Callback, Trainer

from mdn.training.callbacks.outcome import outcomes


class Says(Callback):
    def __init__(self, outcome):
        self.outcome = outcome


def test_callbacks_that_have_something_to_say_are_heard():
    callbacks = [Says({"a": 1.0}), Callback(), Says({}), Says({"b": True})]
    trainer = Trainer(
        callbacks=callbacks, logger=False, enable_checkpointing=False, accelerator="cpu"
    )
    assert outcomes(trainer) == {"a": 1.0, "b": True}
