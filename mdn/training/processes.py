"""What a run of several processes owes them."""

import atexit

from torch import distributed


def close_group_at_exit() -> None:
    """See to it that this process leaves its process group, if it is in one, before it ends.

    Lightning does so for NCCL alone. A thread of gloo that lets go of a tensor after the
    interpreter has gone takes the whole process with it ("terminate called without an active
    exception"): of 120 runs of two processes 4 ended so.
    """
    if distributed.is_available() and distributed.is_initialized():
        atexit.unregister(_close_group)
        atexit.register(_close_group)


def _close_group() -> None:
    if distributed.is_initialized():
        distributed.destroy_process_group()
