"""The workers that share a picture, as whoever leads them sees them: calls go out, answers come back.

Calls are collected and go out together when an answer is wanted or there is something for the neighbors: a
turn. A worker makes its turns in their order, so only answers are waited for.
"""

from __future__ import annotations

import itertools
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any

from impasto.engine import runtime
from impasto.errors import EngineError
from impasto.networks.feature_network import FeatureNetwork
from impasto.optimization.spread.part_worker import Call, Key, PartWorker, Task
from impasto.workshop import Workshop


class WorkerLost(EngineError):
    """A worker is gone, and with it its part of the vectors."""


class Team(ABC):
    """Workers that share pictures.

    Args:
        keep_every: iterations after which the workers' parts are brought together, so that a run can go on
            from there without one of them; chosen so that it takes little of the time if None.

    Attributes:
        turns: how many there have been, for measurements.
        begun: how many picture sizes were begun.
        said: a sentence about what became of workers meanwhile, for the person; nothing if all is well.
    """

    def __init__(self, keep_every: int | None = None) -> None:
        self.keep_every = keep_every
        self._queues: list[list[Call]] = []
        self._numbers = itertools.count()
        self.turns = self.begun = 0
        self.said = ""

    @property
    @abstractmethod
    def size(self) -> int:
        """How many workers there are."""

    @abstractmethod
    def free_memory(self) -> int:
        """Return the bytes that the worker with the least of them may still take."""

    @abstractmethod
    def mend(self) -> str:
        """Replace the workers that were lost, or go on without; return a sentence about what was done.

        Raises:
            EngineError: nobody is left.
        """

    def in_windows(
        self, painter: Any, name: str, tiles: Sequence[Any], more: tuple[Any, ...] = ()
    ) -> Iterator[Any]:
        """Yield what a method of a large photo's painter returns of windows, in their order.

        Args:
            painter: an `impasto.onepass.window_painter.WindowPainter`.
            name: of its method.
            tiles: the windows.
            more: the method's other arguments.
        """
        for tile in tiles:
            yield getattr(painter, name)(tile, *more)

    @abstractmethod
    def _begin(self, tasks: Sequence[Task], network: FeatureNetwork) -> None:
        """Give each of the first workers its task; the parts of the task before are forgotten."""

    @abstractmethod
    def _turn(self, calls: Sequence[Sequence[Call]], mail: bool, wait: bool) -> list[Any]:
        """Have each worker make its calls.

        Args:
            calls: of each worker.
            mail: whether there will be something for the neighbors, which their next turn begins with.
            wait: whether answers are wanted.

        Returns:
            The answer of each one's last call; nothing if none is wanted.

        Raises:
            WorkerLost: one of them is gone.
        """

    def begin(self, tasks: Sequence[Task], network: FeatureNetwork) -> None:
        """Begin a picture size with as many workers as there are tasks.

        Args:
            tasks: one for each part.
            network: the feature network.
        """
        self._queues = [[] for _ in tasks]
        self.begun += 1
        self._begin(tasks, network)

    def new_key(self) -> Key:
        """Return the name of a vector that is to be; no other one ever had it."""
        return Key(next(self._numbers))

    def order(self, name: str, *arguments: Any) -> None:
        """Have every worker do something, when there is a turn."""
        for queue in self._queues:
            queue.append((name, arguments))

    def order_each(self, name: str, arguments: Sequence[tuple[Any, ...]]) -> None:
        """Have every worker do something with arguments of its own, when there is a turn."""
        for queue, own in zip(self._queues, arguments, strict=True):
            queue.append((name, own))

    def ask(self, name: str, *arguments: Any, mail: bool = False) -> list[Any]:
        """Have every worker do something, and what it was told before, now; return their answers.

        Raises:
            WorkerLost: one of them is gone.
        """
        self.order(name, *arguments)
        return self._flush(mail=mail, wait=True)

    def send(self, name: str, *arguments: Any) -> None:
        """Have every worker do something whose outcome goes to its neighbors."""
        self.order(name, *arguments)
        self._flush(mail=True, wait=False)

    def settle(self) -> None:
        """Have every worker do now what it was told, and wait for it."""
        self._flush(mail=False, wait=True)

    def _flush(self, mail: bool, wait: bool) -> list[Any]:
        calls, self._queues = self._queues, [[] for _ in self._queues]
        self.turns += 1
        return self._turn(calls, mail, wait)


class LocalTeam(Team):
    """Workers within this process, one after the other: the same results, and no gain.

    Args:
        size: how many.
        keep_every: as every team's.
        workshop: keeps what the workers compile, also for the next team; None: the team's own.
    """

    def __init__(self, size: int, keep_every: int | None = None, workshop: Workshop | None = None) -> None:
        super().__init__(keep_every)
        self._size, self._workshop = size, workshop or Workshop()
        self.workers: list[PartWorker] = []
        self._mail: list[dict[int, Any]] = []

    @property
    def size(self) -> int:
        """How many workers there are."""
        return self._size

    def free_memory(self) -> int:
        """Return each one's part of the bytes that are free."""
        return runtime.free_memory() // self._size

    def mend(self) -> str:
        """Do nothing: this process' own workers are not lost without it."""
        return ""

    def _begin(self, tasks: Sequence[Task], network: FeatureNetwork) -> None:
        self.workers = [PartWorker(task, network, self._workshop) for task in tasks]
        self._mail = [{} for _ in tasks]

    def _turn(self, calls: Sequence[Sequence[Call]], mail: bool, wait: bool) -> list[Any]:
        turns = [
            worker.turn(own, there)
            for worker, own, there in zip(self.workers, calls, self._mail, strict=True)
        ]
        self._mail = [{} for _ in self.workers]
        for giver, (_, sent) in enumerate(turns):
            for taker, piece in sent.items():
                self._mail[taker][giver] = piece
        return [answer for answer, _ in turns] if wait else []
