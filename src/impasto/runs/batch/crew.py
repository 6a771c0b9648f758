"""Workers as the loop knows them, wherever they are: what they are given and what they tell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from impasto.runs.batch.orders import Order, Painted
from impasto.settings import Settings


@dataclass(frozen=True, kw_only=True)
class News:
    """What a worker tells.

    Attributes:
        worker: its number; one that takes a dead one's place has a new one.
        kind: it is ``ready`` for its first order; it has ``painted``; it is at a ``step`` of a picture; it
            has ``died``; or its machine was ``gone`` before it could begin.
        painted: what became of its order.
        fraction: of its picture that is done, 0 to 1.
        fits: whether the pictures that it was to plan fit into its memory.
        device: what it computes on, ``cpu`` or ``gpu``.
        reason: how it died.
    """

    worker: int
    kind: Literal["ready", "painted", "step", "died", "gone"]
    painted: Painted | None = None
    fraction: float = 0.0
    fits: bool = True
    device: str = "cpu"
    reason: str = ""


Probe = Sequence[tuple[tuple[int, int], Settings]]
"""(height, width) of photos and their settings, of which the first worker says whether they fit."""


class Crew(Protocol):
    """Workers and the places where there may be some."""

    def hire(self, most: int) -> list[int]:
        """Start workers where there is place for them, until so many are alive; return the new ones."""

    def give(self, worker: int, order: Order) -> None:
        """Give a worker that has nothing to do a picture."""

    def wait(self, seconds: float) -> list[News]:
        """Return what was told, as soon as something is, or nothing after some seconds."""

    def close(self, *, at_once: bool) -> None:
        """End all workers; pictures in work are given up between two iterations, or at once."""
