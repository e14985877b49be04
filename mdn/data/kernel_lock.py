"""The kernel's lock on an open file, which is free again once its owner ends, however it ends."""

import errno
import os
import sys

_HELD = (errno.EAGAIN, errno.EACCES, errno.EDEADLK)
NO_LOCKS = (errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOLCK, errno.EINVAL)
"""Errors of disks that keep no locks."""

_FAR = 1 << 30
"""Windows lets nobody read a byte that is locked: this one lies behind all others."""

if sys.platform == "win32":
    import msvcrt

    def _ask_kernel(descriptor: int) -> None:
        os.lseek(descriptor, _FAR, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _ask_kernel(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def try_lock(descriptor: int) -> bool:
    """Lock an open file, without waiting; tell whether nobody else holds its lock.

    Raises:
        OSError: one of `NO_LOCKS` if the disk keeps none, or another error of the disk.
    """
    try:
        _ask_kernel(descriptor)
    except OSError as error:
        if error.errno in _HELD:
            return False
        raise
    return True
