"""Which accelerator a run uses."""

import torch

_GPUS = ("gpu", "cuda", "mps")


def usable_accelerator(accelerator: str) -> str:
    """Return the accelerator for Lightning's Trainer; "auto" takes a CUDA GPU or the CPU.

    Raises:
        ValueError: if a GPU is asked for and torch finds none.
    """
    if accelerator in _GPUS and not torch.accelerator.is_available():
        raise ValueError(
            f"`accelerator={accelerator}` needs a GPU, and torch finds none; leave it out, or set "
            "`accelerator=cpu`"
        )
    # A Mac's GPU knows no float64, and is slower on an MLP.
    return "cpu" if accelerator == "auto" and not torch.cuda.is_available() else accelerator
