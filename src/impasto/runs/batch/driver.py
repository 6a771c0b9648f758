"""The loop that sees a batch through: what is done is kept, the rest is given to workers, one by one.

A worker that dies is replaced and its picture is given to another one. All of it is told by `BatchStep`.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack

from impasto.errors import EngineError
from impasto.files import empty_folders_removed, make_folder
from impasto.runs.batch.batch import Batch
from impasto.runs.batch.crew import Crew, News
from impasto.runs.batch.ledger import MOST_DEATHS, BatchStep, Ledger
from impasto.runs.batch.manifest import NAME, Manifest
from impasto.runs.batch.orders import Order
from impasto.runs.batch.outputs import check_places
from impasto.runs.batch.waiting import Waiting

TICK_SECONDS = 0.25
"""How often something is told though nothing has happened, so that the program can be interrupted."""

MakeCrew = Callable[[Batch, list[Order], Manifest, ExitStack], Crew]
"""Makes the workers; what must be closed after them is left with the stack."""


def batch_steps(batch: Batch, make_crew: MakeCrew) -> Generator[BatchStep]:
    """Make a batch's pictures, yielding a BatchStep for each and from time to time.

    Args:
        batch: what was asked for.
        make_crew: the workers' kind.

    Raises:
        OutputError: something is in the way that this batch has not made, or cannot be written.
        EngineError: workers do not start.
        ImpastoError: the first failure, if the batch is to end with it.
    """
    with ExitStack() as stack:
        stack.enter_context(empty_folders_removed([batch.folder, *(path.parent for path in batch.outputs)]))
        make_folder(batch.folder, parents=True)
        manifest = stack.enter_context(Manifest(batch.folder / NAME))
        ledger = Ledger(batch, manifest)
        todo = list(ledger.to_do())
        check_places(
            [(order.entry, order.output) for order in todo],
            ledger.may_replace,
            bit_depth=batch.saving.bit_depth,
        )
        yield from ledger.news()
        todo = [order for order in todo if ledger.is_sound(order)]
        yield from ledger.news()
        if not todo or ledger.is_over:
            return
        crew = make_crew(batch, todo, manifest, stack)
        try:
            yield from _Loop(ledger, Waiting(todo), crew).steps()
        finally:
            crew.close(at_once=isinstance(sys.exc_info()[1], KeyboardInterrupt))


class _Loop:
    """Gives pictures out and takes them in until all have their end."""

    def __init__(self, ledger: Ledger, waiting: Waiting, crew: Crew) -> None:
        self._ledger, self._waiting, self._crew = ledger, waiting, crew
        self._starting: set[int] = set()
        self._idle: set[int] = set()
        self._at_work: dict[int, Order] = {}
        self._fractions: dict[int, float] = {}
        self._early_deaths = 0

    def steps(self) -> Iterator[BatchStep]:
        """Yield what becomes of the pictures, and every `TICK_SECONDS` where the batch stands."""
        ledger, shown = self._ledger, time.monotonic()
        while not ledger.is_over:
            self._starting.update(self._crew.hire(ledger.count - ledger.done))
            self._give_out()
            for news in self._crew.wait(TICK_SECONDS):
                self._hear(news)
            ledger.workers = len(self._idle) + len(self._at_work)
            yield from ledger.news()
            if time.monotonic() - shown > TICK_SECONDS:
                shown = time.monotonic()
                yield ledger.running(sum(self._fractions.values()))

    def _give_out(self) -> None:
        for worker in sorted(self._idle):
            order = self._waiting.next_for(worker)
            if order is not None and (allowed := self._ledger.begin(order, worker)) is not None:
                self._idle.discard(worker)
                self._at_work[worker] = allowed
                self._crew.give(worker, allowed)

    def _hear(self, news: News) -> None:
        self._fractions.pop(news.worker, None)
        if news.kind == "step":
            self._fractions[news.worker] = news.fraction
        elif news.kind == "ready":
            self._starting.discard(news.worker)
            self._idle.add(news.worker)
            self._early_deaths = 0
        elif news.kind == "painted" and news.painted is not None:
            self._idle.add(news.worker)
            order = self._at_work.pop(news.worker)
            if self._ledger.finish(order, news.painted):
                self._waiting.put_back(order)
        elif news.kind == "died":
            self._bury(news)
        elif news.kind == "gone":
            self._starting.discard(news.worker)

    def _bury(self, news: News) -> None:
        """Let others do what a worker that has died leaves."""
        self._idle.discard(news.worker)
        self._waiting.forget(news.worker)
        order = self._at_work.pop(news.worker, None)
        if order is not None and self._ledger.lose(order, news.reason):
            self._waiting.put_back(order)
        if news.worker in self._starting:
            self._starting.discard(news.worker)
            self._early_deaths += 1
        if self._early_deaths >= MOST_DEATHS:
            raise EngineError(
                "workers die before they are ready ({reason}); try {command}",
                reason=news.reason,
                command="impasto doctor",
            )
