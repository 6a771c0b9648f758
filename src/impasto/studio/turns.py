"""The engine's thread and whose turn it is.

All computing is done by one thread, one step at a time: a piece of work is an iterator of events, and between
two of its events the others come to their turns, by browser and not by number of requests. Of long work
(refining, exporting) one piece is begun at a time; the rest waits, and is told its place.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import secrets
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from impasto.errors import ImpastoError
from impasto.studio.refusals import RefusalError, refusal_record, session_ended

Event = tuple[str, dict[str, Any]]
Work = Callable[["Job"], Iterator[Event]]
LOG = logging.getLogger("impasto.studio")
MOST_LINES = 4096
"""Pages and kinds of work whose latest request is remembered."""


@dataclass(frozen=True)
class Kind:
    """What a piece of work is.

    Attributes:
        name: of it; a newer one of a kind replaces the older ones of its page.
        long: whether it waits until no other long work is done.
        keeps: whether what is there is kept when its browser goes away, or a newer one comes.
    """

    name: str
    long: bool = False
    keeps: bool = False


class Job:
    """A piece of work, as its browser and the engine's thread see it.

    Args:
        work: makes the iterator of its events, in the engine's thread.
        session: whose it is.
        kind: what it is.
        page: of the session's browser, if it has several.
        sequence: a rising number by which requests that overtook each other are put in order, or None.

    Attributes:
        run: its id.
        stopping: set when it is to end with what is there.
    """

    def __init__(
        self, work: Work, *, session: str, kind: Kind, page: str = "", sequence: int | None = None
    ) -> None:
        self.session, self.kind, self.sequence, self.long = session, kind, sequence, kind.long
        self.line = session, page, kind.name
        self.run = secrets.token_urlsafe(9)
        self.stopping = threading.Event()
        self.served = self.number = 0
        self.begun = self.ended = False
        self.place = 0
        self.dropped = False
        self._reason: BaseException | None = None
        self._work = work
        self._iterator: Iterator[Event] | None = None
        self._loop = asyncio.get_running_loop()
        self._events: asyncio.Queue[Event | None] = asyncio.Queue()

    async def next_event(self) -> Event | None:
        """Return what happens next; None at the end."""
        return await self._events.get()

    def tell(self, event: Event | None) -> None:
        """Hand an event to the browser, from any thread."""
        with suppress(RuntimeError):  # the server has ended
            self._loop.call_soon_threadsafe(self._events.put_nowait, event)

    def drop(self, error: RefusalError | None = None) -> None:
        """Let the work end before its next step; nothing of it is kept."""
        self._reason, self.dropped = error, True

    def leave(self, error: RefusalError | None = None) -> None:
        """Nobody waits for it any more: work that keeps what is there stops, other work is dropped."""
        if self.kind.keeps and self.begun:
            self.stopping.set()
        else:
            self.drop(error)

    def step(self) -> None:
        """Do one step, and tell of it, in the engine's thread."""
        self.begun = True
        try:
            if self.dropped:
                self._end(self._reason)
                return
            if self._iterator is None:
                self._iterator = self._work(self)
            event = next(self._iterator, None)
            if event is None:
                self.tell(("done", {}))
                self._end()
            else:
                self.tell(event)
        except Exception as error:
            if not isinstance(error, ImpastoError):
                LOG.exception("a fault in %s", self.kind.name)
            self._end(error)

    def fail(self, error: BaseException) -> None:
        """End with an error."""
        self._end(error)

    def _end(self, error: BaseException | None = None) -> None:
        self.ended = True
        iterator, self._iterator = self._iterator, None
        if isinstance(iterator, Generator):
            with suppress(Exception):
                iterator.close()
        if error is not None:
            self.tell(("error", refusal_record(error)["error"]))
        self.tell(None)


class Turns:
    """The engine's thread.

    Args:
        start: starts the engine and loads what all work needs.

    Attributes:
        engine: ``loading``, ``ready`` or ``failed``.
    """

    def __init__(self, start: Callable[[], None]) -> None:
        self.engine = "loading"
        self._failure: BaseException | None = None
        self._start, self._closed = start, False
        self._wake = threading.Condition()
        self._jobs: list[Job] = []
        self._turn = 0
        self._served: dict[str, int] = {}
        self._latest: dict[tuple[str, str, str], int] = {}
        self._thread = threading.Thread(target=self._run, name="impasto-engine", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def submit(self, job: Job) -> None:
        """Put work in line; it replaces older work of its page and kind."""
        job.tell(("run", {"run": job.run}))
        with self._wake:
            if self._closed or self._failure is not None:
                job.fail(self._failure or RefusalError("the studio is closing", 503, "closing"))
                return
            if self._replace(job):
                return
            self._turn += 1
            job.number = self._turn
            self._jobs.append(job)
            if self.engine == "loading":
                job.tell(("busy", {"what": "engine"}))
            self._tell_places()
            self._wake.notify()

    def _replace(self, job: Job) -> bool:
        """Drop older work of its kind; return whether the job itself is older than what was there."""
        superseded = RefusalError("a newer request has taken the place of this one", 409, "superseded")
        if job.sequence is not None and job.sequence < self._latest.get(job.line, job.sequence):
            job.fail(superseded)
            return True
        if job.sequence is not None:
            self._latest.pop(job.line, None)
            self._latest[job.line] = job.sequence
            while len(self._latest) > MOST_LINES:
                del self._latest[next(iter(self._latest))]
        for other in self._jobs:
            if other.line == job.line:
                other.leave(superseded)
        return False

    def find(self, session: str, run: str) -> Job | None:
        """Return a session's work by its id."""
        with self._wake:
            return next((job for job in self._jobs if job.session == session and job.run == run), None)

    def forget(self, session: str) -> None:
        """Drop all work of a session that has ended."""
        with self._wake:
            for job in self._jobs:
                if job.session == session:
                    job.drop(session_ended())
            self._served.pop(session, None)
            for key in [key for key in self._latest if key[0] == session]:
                del self._latest[key]
            self._wake.notify()

    def __len__(self) -> int:
        """Return how much work is in line or being done."""
        return len(self._jobs)

    def close(self, seconds: float = 30.0) -> None:
        """End all work after its step, and the thread."""
        with self._wake:
            self._closed = True
            for job in self._jobs:
                job.drop()
            self._wake.notify()
        if self._thread.is_alive():  # what is being loaded cannot be ended, nor needs to
            self._thread.join(1.0 if self.engine == "loading" else seconds)

    def _run(self) -> None:
        try:
            self._start()
            gc.collect()
            gc.freeze()  # an engine is half a million objects that stay
            self.engine = "ready"
        except Exception as error:
            LOG.exception("the engine did not start")
            self.engine, self._failure = "failed", error
        while job := self._next():
            if self._failure is not None:
                job.fail(self._failure)
            else:
                job.step()

    def _next(self) -> Job | None:
        """Return whose turn it is; wait if there is no work; None at the end."""
        with self._wake:
            while True:
                self._jobs = [job for job in self._jobs if not job.ended]
                if job := min(self._ready(), key=self._claim, default=None):
                    self._turn += 1
                    job.served = self._served[job.session] = self._turn
                    job.begun = True
                    self._tell_places()
                    return job
                if self._closed:
                    return None
                self._wake.wait()

    def _claim(self, job: Job) -> tuple[bool, int, int, int]:
        """Return what puts work in order: the session, then the work, that has waited longest."""
        return not job.dropped, self._served.get(job.session, 0), job.served, job.number

    def _ready(self) -> list[Job]:
        """Return the work that may have its turn: of the long one only what has begun, if any has."""
        begun = any(job.long and job.begun for job in self._jobs)
        return [job for job in self._jobs if not job.long or job.begun or job.dropped or not begun]

    def _tell_places(self) -> None:
        """Tell those who wait how many are before them, where that has changed."""
        waiting = [job for job in sorted(self._jobs, key=self._claim) if not job.begun]
        for long in (False, True):
            before = sum(job.begun and job.long == long for job in self._jobs)
            for place, job in enumerate((job for job in waiting if job.long == long), before):
                if place and place != job.place:
                    job.tell(("queued", {"position": place}))
                job.place = place
