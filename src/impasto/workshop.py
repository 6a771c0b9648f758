"""What is loaded, compiled and remembered, in one place, with one owner.

A workshop keeps networks, compiled functions, style statistics, style pictures and encoded photos on shelves.
Whoever makes several pictures makes a workshop, hands it down and closes it; `impasto.stylize` uses the
process' own. It does not know what it keeps: a floor above says what it wants by a key, and how it is made if
it is not there.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Self, TypeVar

from impasto.errors import ClosedError

Made = TypeVar("Made")
Shelf = Literal["networks", "functions", "statistics", "styles", "photos", "encodings", "targets", "runs"]
COUNTS: Mapping[Shelf, int] = {
    "networks": 8, "functions": 64, "statistics": 256, "styles": 128, "photos": 16, "encodings": 6,
    "targets": 8, "runs": 4,
}  # fmt: skip
"""How many things of each kind are kept; the ones used longest ago go first."""
MOST_BYTES = 512 * 2**20
"""What everything whose size is known may take together."""


@dataclass(eq=False)
class _Entry:
    """Something on a shelf, perhaps still being made."""

    ready: threading.Event = field(default_factory=threading.Event)
    made: bool = False
    value: Any = None
    size: int = 0


class Workshop:
    """Keeps what several pictures can share: networks, compiled functions, style statistics, encoded photos.

        with impasto.Workshop() as workshop:
            for photo in photos:
                impasto.stylize(photo, "painting.jpg", workshop=workshop)

    Threads may share it: each picture is computed by its own thread, and what two of them ask for at the same
    time is made once.

    Args:
        most_bytes: what everything whose size is known may take together; what was used longest ago goes.
        team: workers that share the pictures that are optimized (`cluster_workshop`); None: there are none.

    Raises:
        ClosedError: when it is used after it was closed.
    """

    def __init__(self, most_bytes: int = MOST_BYTES, team: Any = None) -> None:
        self.team = team
        self._lock = threading.Lock()
        self._entries: OrderedDict[tuple[Shelf, Hashable], _Entry] = OrderedDict()
        self._most_bytes = most_bytes
        self._closed = False

    def get(
        self, shelf: Shelf, key: Hashable, make: Callable[[], Made], size: Callable[[Made], int] | None = None
    ) -> Made:
        """Return what lies on a shelf under a key; make it if it is not there.

        A thread that asks for the same thing meanwhile waits for it; one that asks for another does not.

        Args:
            shelf: what kind of thing it is.
            key: equal for equal things. An object in it whose identity counts lives as long as the entry.
            make: makes it; its error is the caller's, and nothing is kept then.
            size: its bytes, where they are known.
        """
        place = shelf, key
        while True:
            with self._lock:
                self._check_open()
                entry = self._entries.get(place)
                mine = entry is None
                if entry is None:
                    entry = self._entries[place] = _Entry()
                self._entries.move_to_end(place)
            if mine:
                self._make(place, entry, make, size)
            else:
                entry.ready.wait()
            if entry.made:
                value: Made = entry.value
                return value

    def find(self, shelf: Shelf, key: Hashable) -> Any | None:
        """Return what lies on a shelf under a key; None if it is not there, or still being made."""
        place = shelf, key
        with self._lock:
            self._check_open()
            entry = self._entries.get(place)
            if entry is None or not entry.made:
                return None
            self._entries.move_to_end(place)
            return entry.value

    def close(self) -> None:
        """Let go of everything; what is in use stays alive until its picture is finished."""
        with self._lock:
            self._closed = True
            self._entries.clear()

    def __enter__(self) -> Self:
        with self._lock:
            self._check_open()
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def __len__(self) -> int:
        """Return how many things are kept."""
        return len(self._entries)

    def __bool__(self) -> bool:
        """A workshop is true, also an empty one."""
        return True

    def __repr__(self) -> str:
        state = "closed" if self._closed else f"{len(self)} things kept"
        return f"<Workshop: {state}>"

    def _check_open(self) -> None:
        if self._closed:
            raise ClosedError("this workshop is closed; make a new one with impasto.Workshop()")

    def _make(
        self,
        place: tuple[Shelf, Hashable],
        entry: _Entry,
        make: Callable[[], Any],
        size: Callable[[Any], int] | None,
    ) -> None:
        try:
            entry.value = make()
            entry.size = size(entry.value) if size else 0
            entry.made = True
        finally:
            with self._lock:
                if not entry.made and self._entries.get(place) is entry:
                    del self._entries[place]
                self._let_go(place[0])
            entry.ready.set()  # who waited for something that could not be made tries it himself

    def _let_go(self, shelf: Shelf) -> None:
        """Remove what was used longest ago until the bounds are kept; the newest thing stays."""
        places = [place for place, entry in self._entries.items() if entry.made]
        on_shelf = [place for place in places if place[0] == shelf]
        for place in on_shelf[: max(0, len(on_shelf) - COUNTS[shelf])]:
            del self._entries[place]
        total = sum(entry.size for entry in self._entries.values())
        for place in places[:-1]:
            if total <= self._most_bytes:
                break
            if place in self._entries and self._entries[place].size:
                total -= self._entries.pop(place).size


_PROCESS = Workshop()


def process_workshop() -> Workshop:
    """Return the workshop of whoever does not bring one: the process' own, which is never closed."""
    return _PROCESS
