"""What a run of several processes owes them."""

import atexit
from collections.abc import Callable
from subprocess import Popen
from typing import Any, TypeVar

from lightning.pytorch import Trainer
from lightning.pytorch.strategies.launchers import _SubprocessScriptLauncher
from torch import distributed

from mdn.training import siblings

_T = TypeVar("_T")


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


def look_after_processes(trainer: Trainer) -> None:
    """Have the processes that a Trainer starts end together, with the error of the one that failed.

    Lightning kills the first process where another one ends, and nobody says why.
    """
    siblings.end_with_first()
    launcher = trainer.strategy.launcher
    if isinstance(launcher, _SubprocessScriptLauncher):
        trainer.strategy._launcher = _Launcher(
            launcher.cluster_environment, launcher.num_processes, launcher.num_nodes
        )


def from_all(value: _T) -> list[_T]:
    """Collect a value of each process, in the order of their ranks; all have to call this."""
    if not (distributed.is_available() and distributed.is_initialized()):
        return [value]
    values = [value] * distributed.get_world_size()
    distributed.all_gather_object(values, value)
    return values


class _Launcher(_SubprocessScriptLauncher):
    """Starts further processes, and looks after them."""

    def launch(
        self,
        function: Callable[..., _T],
        *args: Any,
        trainer: Trainer | None = None,
        **kwargs: Any,
    ) -> _T:
        if not self.cluster_environment.creates_processes_externally:
            siblings.start_others(self._start)
        try:  # with processes started, Lightning starts no others and no observer
            return super().launch(function, *args, trainer=trainer, **kwargs)
        except BaseException as error:
            why = siblings.why(error)
            if why is error:
                raise
            raise why from None

    def _start(self, started: list[Popen]) -> None:
        self.procs = started
        try:
            self._call_children_scripts()  # makes a list of its own
        finally:
            started[:] = self.procs
