"""Processes that torchrun or Slurm has started: all of them take the directory of the first one.

Each process composes the configuration, and the default directory of a run is named after the time.
The first process tells the others its own through the store that torchrun keeps for its processes.
"""

import os
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from mdn.app.errors import UserError
from mdn.training.siblings import FIRST, is_first

if TYPE_CHECKING:
    from torch.distributed import Store

_DIRECTORY = "hydra.run.dir"

_LOOK = 0.1
"""Seconds between two looks whether the first process has told its directory."""


def take_part(command: str) -> None:
    """Have this process, if another program has started it, write where the first one writes.

    Args:
        command: its name.
    """
    if _num_processes() < 2 or FIRST in os.environ:
        return
    named = any(argument.startswith(f"{_DIRECTORY}=") for argument in sys.argv)
    if not (named or _has_store()):
        raise UserError(
            f"{_num_processes()} processes of one run write into one directory; name it, as in "
            f"{_DIRECTORY}=outputs/run"
        )
    if not is_first():
        here = [] if named else [f'{_DIRECTORY}="{_told_directory()}"']
        name = f"hydra.job.name={command}_process_{os.environ.get('RANK', '')}"
        sys.argv += [*here, name, "hydra.output_subdir=null"]


def tell_directory(directory: Path) -> None:
    """Tell the other processes of this run the directory, if they wait for it."""
    if _num_processes() > 1 and FIRST not in os.environ and _has_store() and is_first():
        _store().set(_DIRECTORY, str(directory))


def _num_processes() -> int:
    """Return how many processes another program has started for this run."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def _has_store() -> bool:
    return os.environ.get("TORCHELASTIC_USE_AGENT_STORE") == "True"


def _store() -> "Store":
    from torch.distributed import PrefixStore, TCPStore  # with torch, where it is needed

    address, port = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
    attempt = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")
    return PrefixStore(f"mdn/{attempt}", TCPStore(address, port, timeout=timedelta(seconds=30)))


def _told_directory() -> str:
    store = _store()
    while not store.check([_DIRECTORY]):  # a signal ends this wait, and torchrun sends one
        time.sleep(_LOOK)
    return store.get(_DIRECTORY).decode()
