"""The ledger of a batch: what becomes of each picture, in the manifest and in what is told."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from impasto.errors import ImpastoError, Message
from impasto.files import write_whole
from impasto.names import check_names
from impasto.runs.batch.batch import Batch
from impasto.runs.batch.entries import Entry
from impasto.runs.batch.fingerprints import Fingerprints
from impasto.runs.batch.manifest import Manifest
from impasto.runs.batch.orders import Order, Painted

MOST_DEATHS = 3
"""How many workers may die over a picture, or in a row before they are ready, until it is given up."""
RECENT = 40
"""Pictures from whose times the time left is told."""

Outcome = Literal["running", "made", "kept", "failed"]


@dataclass(frozen=True, kw_only=True)
class BatchStep:
    """What a running batch tells.

    Attributes:
        outcome: ``running``, or what became of a picture: ``made``, ``kept`` as it was, or ``failed``.
        done, count: how many pictures have an end, and how many there are.
        workers: how many are at work.
        entry, output: the picture; None while it is ``running``.
        seconds: that a picture has taken.
        notes: sentences about it.
        error: why it failed.
        rate: pictures per second; 0 if that cannot be told yet.
        seconds_left: of the whole batch, None if that cannot be told yet.
    """

    outcome: Outcome
    done: int
    count: int
    workers: int
    entry: Entry | None = None
    output: Path | None = None
    seconds: float = 0.0
    notes: tuple[str, ...] = ()
    error: Message | None = None
    rate: float = 0.0
    seconds_left: float | None = None


class Ledger:
    """What has become of each picture of a batch.

    Args:
        batch: the pictures.
        manifest: where what is done is written down.
    """

    def __init__(self, batch: Batch, manifest: Manifest) -> None:
        self.batch, self.manifest = batch, manifest
        self.fingerprints = Fingerprints(manifest.stamps())
        self.done, self.count = 0, len(batch.entries)
        self.failures: list[Message] = []
        self._news: deque[BatchStep] = deque()
        self._tries: dict[int, int] = {}
        self._deaths: dict[int, int] = {}
        self._ends: deque[float] = deque(maxlen=RECENT)
        self.workers = 0

    @property
    def is_over(self) -> bool:
        """Whether every picture has its end, or the first failure is the end of all."""
        return self.done == self.count or bool(self.failures and self.batch.fail_fast)

    def to_do(self) -> Iterator[Order]:
        """Yield the pictures that are missing or changed; the others are kept."""
        for number, (entry, output) in enumerate(zip(self.batch.entries, self.batch.outputs, strict=True)):
            if self._is_done(entry, output):
                self._end(entry, output, "kept")
            else:
                yield Order(number=number, entry=entry, output=output, saving=self.batch.saving)

    def _is_done(self, entry: Entry, output: Path) -> bool:
        record = self.manifest.record_of(output)
        if record.begun or record.file is None or not record.fingerprint:
            return False
        try:
            photo = self.fingerprints.photo(entry.photo)
            same = record.fingerprint == self.fingerprints.of(entry, self.batch.saving, photo)
        except ImpastoError:
            return False  # the worker will say what is wrong with it
        return same and record.file.fits(output)

    def may_replace(self, output: Path) -> bool:
        """Return whether a file is a run's of this batch, or may be replaced whoever made it."""
        record = self.manifest.record_of(output)
        known = record.begun or (record.file is not None and record.file.fits(output))
        return self.batch.saving.overwrite or known

    def is_sound(self, order: Order) -> bool:
        """Return whether what a picture is made of is there; note a failure if not."""
        inputs = order.entry.inputs
        try:
            check_names(inputs.content, inputs.styles, inputs.regions, [order.entry.settings])
        except ImpastoError as error:
            self._fail(order, error.message)
            return False
        return True

    def begin(self, order: Order, worker: int) -> Order | None:
        """Note that a picture is given to a worker; return it with leave to write, or None if it has none."""
        if os.path.lexists(order.output) and not self.may_replace(order.output):
            self._fail(order, Message("{path} has come to be there meanwhile", path=order.output))
            return None
        self.manifest.start(order.output, worker)
        return replace(order, saving=replace(order.saving, overwrite=True))

    def finish(self, order: Order, painted: Painted) -> bool:
        """Note what became of a picture; return whether it is to be tried again."""
        if painted.error is not None or painted.photo is None:
            return self._failed(order, painted.error or Message(""))
        try:
            if (data := painted.data) is not None:
                write_whole(order.output, lambda file: file.write(data))
            fingerprint = self.fingerprints.of(order.entry, order.saving, painted.photo)
        except ImpastoError as error:  # a full disk, a style that has gone meanwhile
            return self._failed(order, error.message)
        self.manifest.finish(
            order.output,
            fingerprint,
            (order.entry.photo, painted.photo),
            seconds=round(painted.seconds, 3),
            notes=[str(remark) for remark in painted.notes],
        )
        self._ends.append(time.monotonic())
        self._end(order.entry, order.output, "made", seconds=painted.seconds, notes=painted.notes)
        return False

    def lose(self, order: Order, reason: str) -> bool:
        """Note that a worker died over a picture; return whether it is to be tried again."""
        self._deaths[order.number] = self._deaths.get(order.number, 0) + 1
        if self._deaths[order.number] < MOST_DEATHS:
            return True
        self._fail(order, Message("its worker died each time it was tried ({reason})", reason=reason))
        return False

    def _failed(self, order: Order, error: Message) -> bool:
        self._tries[order.number] = self._tries.get(order.number, 0) + 1
        if self._tries[order.number] <= self.batch.retries:
            return True
        self._fail(order, error)
        return False

    def _fail(self, order: Order, error: Message) -> None:
        self.manifest.fail(order.output, str(error))
        self.failures.append(error)
        self._end(order.entry, order.output, "failed", error=error)

    def _end(self, entry: Entry, output: Path, outcome: Outcome, **more: Any) -> None:
        self.done += 1
        self._news.append(self._step(outcome, entry=entry, output=output, **more))

    def news(self) -> Iterator[BatchStep]:
        """Yield what has become of pictures since the last time."""
        while self._news:
            yield self._news.popleft()

    def running(self, shares: float) -> BatchStep:
        """Return where the batch stands.

        Args:
            shares: of the pictures in work that are done, added up.
        """
        return self._step("running", shares=shares)

    def _step(self, outcome: Outcome, shares: float = 0.0, **more: Any) -> BatchStep:
        rate = 0.0
        if len(self._ends) > 1:
            rate = (len(self._ends) - 1) / max(1e-6, time.monotonic() - self._ends[0])
        left = (self.count - self.done - shares) / rate if rate else None
        place: dict[str, Any] = {"done": self.done, "count": self.count, "workers": self.workers}
        return BatchStep(outcome=outcome, rate=rate, seconds_left=left, **place, **more)
