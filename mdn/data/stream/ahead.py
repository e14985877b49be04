"""An iterator that works in a thread of its own, a few items ahead of who takes them."""

from collections.abc import Iterator
from dataclasses import dataclass
from queue import Empty, Full, Queue
from threading import Event, Thread
from typing import TypeVar

Item = TypeVar("Item")

_PATIENCE = 0.1
"""Seconds after which a thread that waits looks whether it is still needed."""


@dataclass(frozen=True)
class _End:
    """What comes after the last item, with the error that ended them."""

    error: BaseException | None = None


def ahead(items: Iterator[Item], depth: int = 1) -> Iterator[Item]:
    """Yield the items of an iterator, which makes the next ones meanwhile.

    Args:
        items: the iterator; a thread runs it.
        depth: how many items may wait.
    """
    queue: Queue[Item | _End] = Queue(depth)
    over = Event()
    thread = Thread(target=_fill, args=(queue, items, over), daemon=True, name="read ahead")
    thread.start()
    try:
        while not isinstance(item := queue.get(), _End):
            yield item
        if item.error is not None:
            raise item.error
    finally:
        over.set()
        _drain(queue)
        thread.join()


def _fill(queue: Queue[Item | _End], items: Iterator[Item], over: Event) -> None:
    try:
        for item in items:
            if not _put(queue, item, over):
                return
        _put(queue, _End(), over)
    except BaseException as error:  # whatever it is, it belongs to who takes the items
        _put(queue, _End(error), over)


def _put(queue: Queue[Item | _End], item: Item | _End, over: Event) -> bool:
    """Tell whether the item was put before nobody wanted it any more."""
    while not over.is_set():
        try:
            queue.put(item, timeout=_PATIENCE)
        except Full:
            continue
        return True
    return False


def _drain(queue: Queue[Item | _End]) -> None:
    try:
        while True:
            queue.get_nowait()
    except Empty:
        return
