"""How far a pass over batches has come, so that a resumed run goes on behind them."""

from collections.abc import Mapping

_NOWHERE = -1, 0


class Position:
    """Batches that have been taken in an epoch, of how many.

    Args:
        processes: that take batches side by side.
    """

    def __init__(self, processes: int) -> None:
        self._processes = processes
        self._epoch, self._taken = _NOWHERE
        self._batches = 0
        self._resumed: dict[str, int] = {}

    def state_dict(self) -> dict[str, int]:
        """Return the position as plain data."""
        return {
            "epoch": self._epoch,
            "batch": self._taken,
            "batches": self._batches,
            "processes": self._processes,
        }

    def load_state_dict(self, state: Mapping[str, int]) -> None:
        """Have the next pass over that epoch begin behind the batches that were taken."""
        self._resumed = {key: int(number) for key, number in state.items()}
        self._epoch, self._taken = self._resumed["epoch"], self._resumed["batch"]
        self._batches = self._resumed.get("batches", 0)

    def begin(self, epoch: int, batches: int) -> int:
        """Begin a pass; return how many of its batches to leave out.

        Raises:
            ValueError: where some are to be left out and the rows are now cut into other batches.
        """
        resumed, self._resumed = self._resumed, {}
        inside = resumed.get("epoch") == epoch and resumed["batch"] > 0
        taken = resumed["batch"] if inside else 0
        if inside:
            self._check_same(resumed, batches)
        self._epoch, self._taken, self._batches = epoch, taken, batches
        return taken

    def _check_same(self, resumed: Mapping[str, int], batches: int) -> None:
        now = {"batches": batches, "processes": self._processes}
        before = {key: resumed.get(key, number) for key, number in now.items()}
        if before != now:
            raise ValueError(
                f"the checkpoint lies inside an epoch of {before['batches']} batches for each of "
                f"{before['processes']} processes, and this run has {batches} for each of "
                f"{self._processes}; keep the batch size and the number of processes until an "
                "epoch has ended, or take another checkpoint"
            )

    def take(self) -> None:
        """Count a batch that is handed out."""
        self._taken += 1
