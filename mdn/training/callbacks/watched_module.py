"""The module that a callback looks at."""

from lightning.pytorch import LightningModule

from mdn.training.mixture_module import MixtureModule


def mixture_module(module: LightningModule) -> MixtureModule:
    """Return a module as one whose mixtures a callback can ask for.

    Raises:
        TypeError: on a module of another kind.
    """
    if not isinstance(module, MixtureModule):
        raise TypeError(
            f"this callback looks at the mixtures of a MixtureModule, got {type(module).__name__}; "
            "drop the callback, or derive the module from MixtureModule"
        )
    return module
