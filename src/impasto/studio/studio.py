"""One running studio: its sessions, the engine's thread, the workshop, and who may come in."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

from impasto.studio.guard import Guard
from impasto.studio.painting import warm_up
from impasto.studio.sessions import Sessions
from impasto.studio.turns import Job, Turns
from impasto.workshop import Workshop

Answer = TypeVar("Answer")
SECONDS_BETWEEN_SWEEPS = 60.0
SECONDS_FOR_PAGE = 0.75
"""In which a page is shown before the engine is loaded: meanwhile everything else stands still at times."""


class Studio:
    """What a server of the studio has.

    Args:
        guard: checks who comes.
        first_style: with which the camera's page begins: a built-in one, a picture's file, or None.
    """

    def __init__(self, guard: Guard, first_style: str | None = None) -> None:
        self.guard, self.first_style = guard, first_style
        self.workshop = Workshop()
        self.turns = Turns(self._load)
        self.sessions = Sessions(self.turns.forget)
        self._begun = False
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="impasto-reader")
        self._shower = ThreadPoolExecutor(1, thread_name_prefix="impasto-shower")

    def start(self) -> None:
        """Begin to load the engine soon."""
        asyncio.get_running_loop().call_later(SECONDS_FOR_PAGE, self.load_engine)

    def load_engine(self) -> None:
        """Begin to load the engine, beside whatever is answered meanwhile, unless that was done."""
        if not self._begun:
            self._begun = True
            self.turns.start()

    def submit(self, job: Job) -> None:
        """Put work in line."""
        self.load_engine()
        self.turns.submit(job)

    async def read(self, read: Callable[..., Answer], *arguments: Any, **named: Any) -> Answer:
        """Do what reads pictures that come in, one at a time, beside the engine."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._reader, partial(read, *arguments, **named))

    async def show(self, show: Callable[..., Answer], *arguments: Any) -> Answer:
        """Do what reads pictures that the page shows; the many of a gallery keep no upload waiting."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._shower, partial(show, *arguments))

    async def sweep(self) -> None:
        """End idle sessions, now and then, for as long as the studio runs."""
        while True:
            await asyncio.sleep(SECONDS_BETWEEN_SWEEPS)
            self.sessions.sweep()

    def close(self) -> None:
        """End all work and delete all files."""
        self._begun = True
        self.turns.close()
        self._reader.shutdown(cancel_futures=True)
        self._shower.shutdown(cancel_futures=True)
        self.sessions.close()
        self.workshop.close()

    def _load(self) -> None:
        """Start the engine and load what every picture needs, in the engine's thread."""
        from impasto.engine import runtime

        runtime.start_engine()
        warm_up(self.workshop)
