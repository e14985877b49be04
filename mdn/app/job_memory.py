"""The memory of a job, given back before the next job of a sweep begins."""

import ctypes
import gc
from contextlib import suppress

from hydra.core.utils import JobReturn


def release_memory(job_return: JobReturn) -> None:
    """Free what a job has left behind.

    Hydra keeps the configurations of all jobs of a sweep until its end. A Trainer and its parts
    refer to each other, so that only the garbage collector frees them, which by itself comes by
    after several jobs; by then the heap is in pieces.

    Args:
        job_return: what Hydra keeps of the job.
    """
    job_return.cfg = job_return.hydra_cfg = None
    gc.collect()
    if gc.get_freeze_count() == 0:
        gc.freeze()  # what the libraries have made stays: later collections need not look at it
    with suppress(OSError, AttributeError):  # not every system has glibc
        ctypes.CDLL("libc.so.6").malloc_trim(0)
