"""Workers that are processes of this machine: each with an engine, a workshop and cores of its own.

A process is started anew, not forked, so that its engine is its own. It hears of its orders by a pipe; when
the pipe's other end is gone, as after a driver was killed, it gives its picture up and ends.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from typing import TYPE_CHECKING, Any, cast

from impasto.errors import ImpastoError
from impasto.runs.batch.crew import News, Probe
from impasto.runs.batch.orders import Order

if TYPE_CHECKING:
    from impasto.runs.batch.painter import Painter

STEP_SECONDS = 0.5
"""How often a worker tells where its picture stands."""
LAST_SECONDS = 10.0
"""After which a worker that should end is not waited for any longer."""


@dataclass(frozen=True, kw_only=True)
class Allotment:
    """A worker's share of a machine.

    Attributes:
        place: which one, from 0.
        threads: and cores.
        memory: bytes.
    """

    place: int
    threads: int
    memory: int


@dataclass
class _Worker:
    process: Any
    pipe: Connection
    place: int


class Processes:
    """A crew of processes; see `impasto.runs.batch.crew.Crew`.

    Args:
        places: how many workers there may be; half as many if the pictures do not fit then, and so on.
        threads: of all together; each is held to as many cores as its share is.
        memory: bytes that all together may take.
        probe: what the first one plans; none: there are as many workers as places, whatever they need.
        alone: whether the first one plans before there are others, as it may find a GPU, which is for one.
    """

    def __init__(
        self, places: int, threads: int, memory: int, probe: Probe = (), *, alone: bool = False
    ) -> None:
        self._context = multiprocessing.get_context("spawn")
        self._threads, self._memory, self._probe, self._alone = threads, memory, probe, alone
        self._workers: dict[int, _Worker] = {}
        self._held: list[News] = []
        self._count = self._planner = 0
        self._share_out(places)

    def _share_out(self, places: int) -> None:
        """Divide the machine among so many workers."""
        self._places = max(1, places)
        self._free = deque(range(self._places))

    def hire(self, most: int) -> list[int]:
        """Start workers; see `Crew`."""
        hired = []
        while self._free and len(self._workers) < (1 if self._probe and self._alone else most):
            self._count += 1
            plans = bool(self._probe) and self._planner not in self._workers
            self._planner = self._count if plans else self._planner
            self._workers[self._count] = self._started(self._free.popleft(), self._probe if plans else ())
            hired.append(self._count)
        return hired

    def _started(self, place: int, probe: Probe) -> _Worker:
        ours, theirs = self._context.Pipe()
        threads, memory = self._threads // self._places, self._memory // self._places
        allotment = Allotment(place=place, threads=threads, memory=memory)
        process = self._context.Process(target=work, args=(theirs, allotment, probe), daemon=True)
        with unheard():
            process.start()
        theirs.close()
        return _Worker(process, ours, place)

    def give(self, worker: int, order: Order) -> None:
        """Give a worker an order; see `Crew`. One that has died meanwhile is told of by `wait`."""
        try:
            self._workers[worker].pipe.send(order)
        except OSError:
            return

    def wait(self, seconds: float) -> list[News]:
        """Return what was told; see `Crew`."""
        pipes = {worker.pipe: number for number, worker in self._workers.items()}
        if not pipes:
            time.sleep(seconds)
        news = []
        for pipe in wait(list(pipes), seconds):
            number = pipes[cast(Connection, pipe)]
            try:
                kind, values = cast(Connection, pipe).recv()
            except (EOFError, OSError):
                news.append(self._buried(number))
                continue
            if kind == "broken":
                raise ImpastoError(values)
            report = News(worker=number, kind=kind, **values)
            if kind == "ready" and number == self._planner and not self._is_settled(report):
                break
            self._held.append(report)
        if not self._probe:
            news += [report for report in self._held if report.worker in self._workers]
            self._held = []
        return news

    def _is_settled(self, report: News) -> bool:
        """Return whether the workers can stay, by what the planning one tells; if not, end them for fewer.

        Others that are ready before are held back, so that none of these has a picture.
        """
        places = 1 if report.device == "gpu" else self._places if report.fits else self._places // 2
        if not self._probe or places in (self._places, 0):
            self._probe = ()
            return True
        for worker in self._workers.values():
            worker.pipe.close()
            worker.process.kill()
            worker.process.join()
        self._workers.clear()
        self._held = []
        self._share_out(places)
        return False

    def _buried(self, number: int) -> News:
        worker = self._workers.pop(number)
        worker.process.join(LAST_SECONDS)
        worker.pipe.close()
        self._free.append(worker.place)
        return News(worker=number, kind="died", reason=_told_end(worker.process.exitcode))

    def close(self, *, at_once: bool) -> None:
        """End all workers; see `Crew`."""
        for worker in self._workers.values():
            worker.pipe.close()
        until = time.monotonic() + (0 if at_once else LAST_SECONDS)
        for worker in self._workers.values():
            worker.process.join(max(0.0, until - time.monotonic()))
            if worker.process.exitcode is None:
                worker.process.kill()
                worker.process.join()
        self._workers.clear()


@contextmanager
def unheard() -> Iterator[None]:
    """Keep a terminal's signals from processes that are started now, from their first moment on.

    The program itself hears of them afterwards.
    """
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    resource_tracker.ensure_running()  # else it would be started now, and undo this
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGHUP})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _told_end(code: int | None) -> str:
    """Return how a process ended, as a person says it."""
    if code is not None and code < 0:
        try:
            return signal.Signals(-code).name
        except ValueError:
            return f"signal {-code}"
    return f"exit code {code}"


def work(pipe: Connection, allotment: Allotment, probe: Probe) -> None:
    """Be a worker: start the engine, then paint what comes through the pipe, to its end.

    Args:
        pipe: orders come through it, and what `News` has goes back.
        allotment: of the machine.
        probe: what is planned before anything is painted.
    """
    for name in ("SIGINT", "SIGHUP"):  # as a terminal sends them to all; see `unheard`
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    orders: deque[Order] = deque()
    arrived, ended = threading.Semaphore(0), threading.Event()
    listener = threading.Thread(target=_listen, args=(pipe, orders, arrived, ended), daemon=True)
    try:
        from impasto.engine import runtime

        runtime.share_machine(allotment.threads, allotment.place, allotment.memory)
        runtime.start_program()
        from impasto.runs.batch.painter import Painter

        listener.start()
        with Painter(ended.is_set) as painter:
            fits = all(painter.fits(shape, settings) for shape, settings in probe)
            pipe.send(("ready", {"device": runtime.device(), "fits": fits}))
            while True:
                arrived.acquire()
                if ended.is_set():
                    return
                _paint(painter, orders.popleft(), pipe)
    except ImpastoError as error:
        pipe.send(("broken", error.message))
    except ConnectionError:  # the driver is gone
        return


def _listen(
    pipe: Connection, orders: deque[Order], arrived: threading.Semaphore, ended: threading.Event
) -> None:
    """Take in orders until the driver is gone; a picture that does not end then is cut off."""
    while not ended.is_set():
        try:
            orders.append(pipe.recv())
        except (EOFError, OSError):
            ended.set()
        arrived.release()
    time.sleep(LAST_SECONDS)
    os._exit(1)


def _paint(painter: Painter, order: Order, pipe: Connection) -> None:
    sent = time.monotonic()

    def show(step: Any) -> None:
        nonlocal sent
        if time.monotonic() - sent > STEP_SECONDS:
            sent = time.monotonic()
            pipe.send(("step", {"fraction": fraction_done(step)}))

    painted = painter.paint(order, show)
    if painted is not None:
        pipe.send(("painted", {"painted": painted}))


def fraction_done(step: Any) -> float:
    """Return the share of a picture that is done after a step, scales counting alike but for their pixels."""
    return float((step.scale - 1 + step.iteration / step.iterations) / step.scales)
