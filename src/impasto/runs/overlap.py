"""Work that overlaps: what is read ahead, and what is written behind, each in a thread of its own."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

Item = TypeVar("Item")
WAIT = 0.2
"""Seconds after which a thread that waits looks whether it is still wanted."""


class Ahead(Generic[Item]):
    """Items that another thread makes, some ahead; its error is raised where they are taken.

    To be used in a ``with`` statement, whose end ends the thread.

    Args:
        items: made in the thread.
        most: of them, that wait.
    """

    def __init__(self, items: Iterable[Item], most: int) -> None:
        self._items = items
        self._waiting: queue.Queue[tuple[str, Any]] = queue.Queue(most)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._make, name="ahead", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()

    def __iter__(self) -> Iterator[Item]:
        return self

    def is_ready(self, seconds: float = WAIT) -> bool:
        """Return whether the next item, the end or an error is there; wait for it for so long at most."""
        with self._waiting.not_empty:
            return self._waiting.not_empty.wait_for(lambda: bool(self._waiting.queue), seconds)

    def __next__(self) -> Item:
        kind, value = self._waiting.get()
        if kind == "item":
            item: Item = value
            return item
        self._put(kind, value)  # so it stays
        raise value

    def _make(self) -> None:
        try:
            for item in self._items:
                self._put("item", item)
                if self._ended.is_set():
                    return
            self._put("end", StopIteration())
        except BaseException as error:  # belongs to whoever takes the items
            self._put("error", error)

    def _put(self, kind: str, value: Any) -> None:
        while not self._ended.is_set():
            try:
                self._waiting.put((kind, value), timeout=WAIT)
                return
            except queue.Full:
                continue


class Behind:
    """Does one thing after the other in a thread of its own; an error is raised at the next one.

    To be used in a ``with`` statement, whose end waits for everything; after an error what waits is let go.

    Args:
        most: things that may wait.
    """

    def __init__(self, most: int) -> None:
        self._waiting: queue.Queue[Callable[[], None] | None] = queue.Queue(most)
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._work, name="behind", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._error = self._error or error
        self._waiting.put(None)
        self._thread.join()
        if error is None:
            self._check()

    def do(self, action: Callable[[], None]) -> None:
        """Have something done after everything else; wait while too much waits."""
        self._check()
        self._waiting.put(action)

    def _check(self) -> None:
        if self._error is not None:
            raise self._error

    def _work(self) -> None:
        while (action := self._waiting.get()) is not None:
            if self._error is not None:
                continue  # what waits is let go, so that nobody waits for room
            try:
                action()
            except BaseException as error:  # belongs to whoever asked for it
                self._error = error
