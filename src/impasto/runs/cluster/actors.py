"""A team of Ray's actors: each keeps its part of a picture in a process and with an engine of its own.

Answers come to the driver; what neighbors have for each other goes from actor to actor, and the driver sees
only its name.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from impasto.engine import runtime
from impasto.engine.machine import USABLE
from impasto.errors import EngineError, ImpastoError, Message, SettingError
from impasto.optimization.spread.team import Team, WorkerLost
from impasto.runs.cluster.sessions import Node, Session, ray_session

if TYPE_CHECKING:
    from impasto.networks.feature_network import FeatureNetwork
    from impasto.networks.tile_grid import Tile
    from impasto.onepass.window_errand import Errand
    from impasto.onepass.window_painter import WindowPainter
    from impasto.optimization.spread.part_worker import Call, PartWorker, Task
    from impasto.workshop import Workshop

START_SECONDS = 120
"""In which a worker has to start its engine."""
MEND_SECONDS = 60
"""In which a lost worker must be replaced; the rest goes on without it then."""
BROADCAST = "pull_back"
"""The call whose arguments, Gram matrices' slopes, are put into Ray's store once for all workers."""


class WorkerActor:
    """An actor that keeps parts of pictures; it stands for a process of Ray's.

    Args:
        threads: of its engine.
        place: which share of its machine's cores is its own.
        memory: bytes that it may take.
    """

    def __init__(self, threads: int, place: int, memory: int) -> None:
        self._machine = threads, place, memory
        self._network: FeatureNetwork | None = None
        self._workshop: Workshop | None = None
        self._worker: PartWorker | None = None
        self._painter: WindowPainter | None = None

    def ready(self) -> int:
        """Start the engine; return the bytes that are free for it."""
        runtime.share_machine(*self._machine)
        runtime.start_program()
        from impasto.workshop import Workshop

        self._workshop = Workshop()
        return runtime.free_memory()

    def process(self) -> int:
        """Return the process' number: whoever answers is there."""
        return os.getpid()

    def equip(self, network: FeatureNetwork) -> None:
        """Take a feature network, which came as NumPy's arrays."""
        from keras import ops

        weights = {name: ops.convert_to_tensor(value) for name, value in network.weights.items()}
        self._network = replace(network, weights=weights).with_cast_weights()

    def begin(self, task: Task) -> None:
        """Begin a picture size; the part of the one before is forgotten."""
        from impasto.optimization.spread.part_worker import PartWorker

        if self._network is None or self._workshop is None:
            raise RuntimeError("an actor is made ready and equipped before it begins")
        self._worker = PartWorker(task, self._network, self._workshop)

    def turn(self, calls: Sequence[Call], givers: Sequence[int], takers: Sequence[int], *mail: Any) -> Any:
        """Make a worker's calls.

        Args:
            calls: in their order.
            givers: who has sent the mail.
            takers: for whom there will be some.
            *mail: of the givers.

        Returns:
            The answer, or where there are takers the answer and what there is for each of them.
        """
        if self._worker is None:
            raise RuntimeError("an actor begins a picture size before its turns")
        answer, sent = self._worker.turn(calls, dict(zip(givers, mail, strict=True)))
        return (answer, *(sent.get(number) for number in takers)) if takers else answer

    def open(self, errand: Errand) -> bool:
        """Begin a large photo; return whether its file is seen here."""
        from impasto.pictures.windows import LargePhoto

        if self._workshop is None:
            raise RuntimeError("an actor is made ready before it opens a photo")
        self._painter = errand.painter(self._workshop)
        return isinstance(self._painter.prepared.large, LargePhoto)

    def window(self, name: str, tile: Tile, fitted: Any, picture: Any, more: tuple[Any, ...]) -> Any:
        """Measure or paint a window.

        Args:
            name: of the painter's method.
            tile: the window.
            fitted: what the painter has found once the photo is measured.
            picture: what the window shows, if the photo's file is not seen here.
            more: the method's other arguments.
        """
        painter: Any = self._painter
        painter.fitted = fitted
        if picture is not None:
            painter.prepared.large.sent = picture
        return getattr(painter, name)(tile, *more)


@dataclass(eq=False)
class _Worker:
    """An actor and where it is."""

    actor: Any
    node: str
    place: int
    memory: int = 0
    network: FeatureNetwork | None = None
    mail: dict[int, Any] = field(default_factory=dict)


class RayTeam(Team):
    """Workers that are Ray's actors.

    Args:
        session: the cluster.
        workers: how many; None: one for each of its nodes (or GPUs), but two on a single node.
        keep_every: iterations after which what they have is brought together; see `Team`.

    Raises:
        SettingError: there are not so many cores.
        EngineError: no worker has started.
    """

    def __init__(self, session: Session, workers: int | None = None, keep_every: int | None = None) -> None:
        super().__init__(keep_every)
        self._session, self._ray = session, session.ray
        nodes = self._nodes()
        self._wanted = workers or max(sum(max(1, node.gpus) for node in nodes), 2)
        if self._wanted > (cores := sum(node.cores for node in nodes)):
            raise SettingError(
                "there must be at most as many workers as cores, {cores}, not {workers}",
                cores=cores,
                workers=self._wanted,
            )
        self._workers: list[_Worker] = []
        self._active: list[_Worker] = []
        self._neighbors: list[list[int]] = []
        self._pending: list[Any] = []
        self._hire(START_SECONDS)
        if not self._workers:
            raise EngineError(
                "no worker has started on the cluster within {seconds} s", seconds=START_SECONDS
            )

    @property
    def size(self) -> int:
        """How many workers there are."""
        return len(self._workers)

    @property
    def ray(self) -> Any:
        """Ray's module."""
        return self._ray

    @property
    def actors(self) -> list[Any]:
        """Those that are there."""
        return [worker.actor for worker in self._workers]

    def in_windows(
        self, painter: WindowPainter, name: str, tiles: Sequence[Tile], more: tuple[Any, ...] = ()
    ) -> Iterator[Any]:
        """Have windows of a large photo measured or painted; see `Team`."""
        from impasto.runs.cluster.windows import SharedWindows

        yield from SharedWindows(self, painter, tiles).results(name, more)

    def failure(self, error: Any) -> ImpastoError:
        """Return what went wrong in an actor as an error of one sentence."""
        return _translated(error)

    def free_memory(self) -> int:
        """Return the bytes that the worker with the least of them may still take."""
        return min(worker.memory for worker in self._workers)

    def mend(self) -> Message:
        """Replace the workers that were lost, or go on without; return a sentence about what was done.

        Raises:
            EngineError: nobody is left.
        """
        self._pending, self._active = [], []
        alive = {id(worker): worker.actor.process.remote() for worker in self._workers}
        lost = [worker for worker in self._workers if not self._answers(alive[id(worker)])]
        for worker in lost:
            self._ray.kill(worker.actor)
            self._workers.remove(worker)
        self._hire(MEND_SECONDS)
        if not self._workers:
            raise EngineError("all workers on the cluster were lost; the run cannot go on")
        if self.size < self._wanted:
            return Message("workers were lost; going on with {count}", count=self.size)
        if len(lost) > 1:
            return Message("{count} workers were lost and replaced", count=len(lost))
        return Message("a worker was lost and replaced")

    def close(self) -> None:
        """End all actors."""
        with suppress(self._ray.exceptions.RayError, ConnectionError):
            for worker in self._workers:
                self._ray.kill(worker.actor)
        self._workers, self._active = [], []

    def _answers(self, reference: Any) -> bool:
        """Return whether a worker is there; one that computes answers when its turn has ended."""
        try:
            return bool(self._ray.get(reference))
        except self._ray.exceptions.RayError:
            return False

    def _hire(self, seconds: float) -> None:
        """Start as many workers as are wanted where there is room, those that start in time."""
        fresh = [self._start(*where) for where in self._free_places(self._wanted - self.size)]
        ready = {worker.actor.ready.remote(): worker for worker in fresh}
        done, late = (
            self._ray.wait(list(ready), num_returns=len(ready), timeout=seconds) if ready else ([], [])
        )
        for reference in done:
            try:
                ready[reference].memory = self._ray.get(reference)
            except self._ray.exceptions.RayTaskError as error:
                raise _translated(error) from error
            except self._ray.exceptions.RayError:
                continue
            self._workers.append(ready[reference])
        for reference in late:
            self._ray.kill(ready[reference].actor)

    def _nodes(self) -> list[Node]:
        """Return the machines on which workers may be: a cluster's head often has no cores to give away."""
        return [node for node in self._session.nodes() if node.cores]

    def _free_places(self, count: int) -> list[tuple[Node, int, int, int]]:
        """Return where some workers find room, spread evenly: node, places there, which one, and the first's.

        Nodes of one machine have different cores of it.
        """
        nodes, first, free = self._nodes(), dict[str, int](), []
        each = -(-self._wanted // max(1, len(nodes)))
        for node in nodes:
            places = min(node.cores, each)
            begin = first.get(node.host, 0)
            first[node.host] = begin + places
            taken = {worker.place for worker in self._workers if worker.node == node.id}
            free += [(node, places, place, begin) for place in range(places) if place not in taken]
        return sorted(free, key=lambda where: where[2])[:count]

    def _start(self, node: Node, places: int, place: int, begin: int) -> _Worker:
        threads = max(1, node.cores // places)
        kind = self._session.actor(
            WorkerActor,
            node,
            cores=threads,
            gpus=1 if node.gpus else 0,
            environment={"KERAS_BACKEND": runtime.start_engine()},
        )
        memory = int(USABLE * node.memory) // places
        return _Worker(kind.remote(threads, begin + place, memory), node.id, place)

    def _begin(self, tasks: Sequence[Task], network: FeatureNetwork) -> None:
        self._active, self._pending = self._workers[: len(tasks)], []
        self._neighbors = [list(task.neighbors) for task in tasks]
        missing = [worker for worker in self._active if worker.network is not network]
        if missing:
            plain = self._ray.put(_plain(network))
            self._pending += [worker.actor.equip.remote(plain) for worker in missing]
            for worker in missing:
                worker.network = network
        for worker, task in zip(self._active, tasks, strict=True):
            worker.mail = {}
            self._pending.append(worker.actor.begin.remote(task))

    def _turn(self, calls: Sequence[Sequence[Call]], mail: bool, wait: bool) -> list[Any]:
        if not self._active:
            raise WorkerLost("a worker was lost")
        own = calls
        if any(name == BROADCAST for name, _ in calls[0]) and _are_the_same(calls):
            own = [self._ray.put(calls[0])] * len(calls)
        answers, sent = [], []
        for number, worker in enumerate(self._active):
            takers = self._neighbors[number] if mail else []
            turn = worker.actor.turn.options(num_returns=1 + len(takers))
            returned = turn.remote(own[number], list(worker.mail), takers, *worker.mail.values())
            answer, *pieces = returned if takers else [returned]
            answers.append(answer)
            sent.append(dict(zip(takers, pieces, strict=True)))
        for number, worker in enumerate(self._active):
            worker.mail = {giver: pieces[number] for giver, pieces in enumerate(sent) if number in pieces}
        if not wait:
            self._pending += answers
            return []
        pending, self._pending = self._pending, []
        return self._got([*pending, *answers])[len(pending) :]

    def _got(self, references: list[Any]) -> list[Any]:
        exceptions = self._ray.exceptions
        try:
            values: list[Any] = self._ray.get(references)
            return values
        except exceptions.RayTaskError as error:
            if isinstance(getattr(error, "cause", None), exceptions.RayError):
                raise WorkerLost("a worker was lost") from error
            raise _translated(error) from error
        except exceptions.RayError as error:
            raise WorkerLost("a worker was lost") from error


def _are_the_same(calls: Sequence[Sequence[Call]]) -> bool:
    """Return whether all workers were told the same, with the same arguments."""
    return all(
        len(own) == len(calls[0]) and all(a[1] is b[1] for a, b in zip(own, calls[0], strict=True))
        for own in calls
    )


def _translated(error: Any) -> ImpastoError:
    """Return what went wrong in an actor as an error of one sentence."""
    cause = getattr(error, "cause", None)
    if isinstance(cause, ImpastoError):
        return cause
    lines = str(error).strip().splitlines()
    return EngineError("a worker on the cluster has failed: {error}", error=lines[-1][:300] if lines else "")


def _plain(network: FeatureNetwork) -> FeatureNetwork:
    """Return a network whose weights can be sent: float32, NumPy's; casting them again loses nothing."""
    from impasto.engine.gradients import to_host

    return replace(network, weights={name: to_host(value) for name, value in network.weights.items()})


@contextmanager
def ray_team(
    address: str | None = None, workers: int | None = None, *, keep_every: int | None = None
) -> Iterator[RayTeam]:
    """Yield a team of a cluster's workers, which ends with the block.

    Args:
        address: ``HOST:PORT`` of the cluster's head, or ``auto``; None starts one on this machine.
        workers: how many; None: one for each node (or GPU), but two on a single node.
        keep_every: iterations after which what they have is brought together, so that the run can go on if
            one of them is lost; chosen so that it takes little of the time if None.

    Raises:
        EngineError: Ray is not installed, nothing answers at the address, or no worker starts.
        SettingError: the address is written wrongly, or there are too few cores.
    """
    with ray_session(address) as session:
        team = RayTeam(session, workers, keep_every)
        try:
            yield team
        finally:
            team.close()
