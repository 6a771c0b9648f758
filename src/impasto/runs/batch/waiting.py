"""The pictures that wait, those of a photo together.

A photo's pictures go to one worker, which has read and encoded it already, until another has nothing to do.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from impasto.runs.batch.orders import Order


class Waiting:
    """The pictures that wait.

    Args:
        orders: all of them.
    """

    def __init__(self, orders: Iterable[Order]) -> None:
        groups: dict[str, deque[Order]] = {}
        for order in orders:
            groups.setdefault(str(order.entry.photo), deque()).append(order)
        self._groups = deque(groups.values())
        self._last: dict[int, deque[Order]] = {}

    def next_for(self, worker: int) -> Order | None:
        """Return a picture for a worker: of the photo that it has, of one that nobody has, of the longest."""
        group = self._last.get(worker)
        if not group:
            if self._groups:
                group = self._groups.popleft()
            else:
                group = max(self._last.values(), key=len, default=deque())
            self._last[worker] = group
        return group.popleft() if group else None

    def put_back(self, order: Order) -> None:
        """Let a picture wait again, before all others."""
        self._groups.appendleft(deque([order]))

    def forget(self, worker: int) -> None:
        """Leave the photo of a worker that has died to the others."""
        if group := self._last.pop(worker, None):
            self._groups.appendleft(group)
