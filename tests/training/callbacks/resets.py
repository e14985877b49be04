"""Callbacks around a reset: one kills a component, one remembers the weights."""

from lightning.pytorch.callbacks import Callback


class Kill(Callback):
    """Takes all weight from a component, of some member, at the start of some epochs."""

    def __init__(self, component, epochs, member=0):
        self.place = (member, component)
        self.epochs = epochs

    def on_train_epoch_start(self, trainer, pl_module):
        if trainer.current_epoch in self.epochs:
            pl_module.network.head.weights.bias.data[self.place] = -60


class Weights(Callback):
    """Remembers the state of the model at the end of each epoch."""

    def __init__(self):
        self.states = []

    def on_train_epoch_start(self, trainer, pl_module):
        self.states.append({k: v.clone() for k, v in pl_module.state_dict().items()})
