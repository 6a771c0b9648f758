"""Running a batch: how many workers a machine can have, and the function that Python calls."""

from __future__ import annotations

import os
import time
from collections.abc import Generator, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from impasto.engine import machine
from impasto.files import path_of
from impasto.names import check_names
from impasto.photos import Source
from impasto.runs.batch.batch import Batch, Naming, entries_with_outputs
from impasto.runs.batch.crew import Crew
from impasto.runs.batch.driver import batch_steps
from impasto.runs.batch.entries import Choice, find_rows
from impasto.runs.batch.ledger import BatchStep
from impasto.runs.batch.manifest import NAME, known_outputs
from impasto.runs.batch.orders import Order
from impasto.runs.batch.probing import probe_of
from impasto.runs.batch.processes import Processes

GPU = "/dev/nvidiactl"
"""What is there where an engine may find a GPU."""


@dataclass(frozen=True, kw_only=True)
class BatchResult:
    """What became of a batch.

    Attributes:
        ends: the last BatchStep of each picture, in the order in which they ended.
        manifest: the file that says what is done.
        seconds: all of it.
    """

    ends: tuple[BatchStep, ...]
    manifest: Path
    seconds: float

    @property
    def failed(self) -> tuple[BatchStep, ...]:
        """The pictures that could not be made, each with its error."""
        return tuple(end for end in self.ends if end.outcome == "failed")


def steps_of(batch: Batch) -> Generator[BatchStep]:
    """Make a batch's pictures with the workers that it asks for; see `batch_steps`."""
    if batch.cluster or batch.address is not None:
        from impasto.runs.batch.actors import actors_of

        return batch_steps(batch, actors_of)
    return batch_steps(batch, processes_of)


def processes_of(batch: Batch, todo: list[Order], manifest: Any, stack: ExitStack) -> Crew:
    """Return the workers of a batch on this machine."""
    threads = batch.threads or machine.available_cores()
    memory = int(machine.USABLE * machine.free_memory())
    places = min(batch.workers or threads, len(todo))
    probe = () if batch.workers else probe_of(todo)
    return Processes(places, max(threads, places), memory, probe, alone=os.path.exists(GPU))


def batch(
    photos: str | Path | Iterable[str | Path],
    style: Source | Sequence[Source],
    folder: str | Path,
    *,
    pattern: str | None = None,
    workers: int | None = None,
    preset: str | None = None,
    **settings: Any,
) -> BatchResult:
    """Paint many photos, each in every style, with warm workers, and keep what is done already.

        impasto.batch("photos", ["hokkai-wave", "painting.jpg"], "out", preset="instant")

    A second call makes only what is missing or changed: the folder has a manifest of what is done. Processes
    are started anew, so a program that is a file calls this under ``if __name__ == "__main__":``.

    Args:
        photos: files, folders, patterns such as ``photos/**/*.jpg``, or tables (docs/batch.md).
        style: a painting or several, each a picture of its own.
        folder: where the pictures go; it is made if it is not there.
        pattern: of the pictures' names, such as ``{style}/{name}.jpg``.
        workers: how many processes; as many as cores and memory allow if None.
        preset: named settings that the other ones start from.
        **settings: fields of `impasto.Settings`.

    Raises:
        SettingError: a setting, the pattern or a table is wrong, or two pictures would have one name.
        MissingFileError: a photo or style that was named is not there.
        OutputError: something is in the way that no such call has made, or cannot be written.
    """
    began, place = time.monotonic(), path_of(folder, "folder")
    several = photos if isinstance(photos, Iterable) and not isinstance(photos, str) else [photos]
    names = [path_of(name, "photos") for name in several]
    styles = list(style) if isinstance(style, list | tuple) else [style]
    choice = Choice(styles=styles, preset=preset, settings=settings)
    entries, outputs = entries_with_outputs(
        find_rows(names, _as_it_is, known_outputs(place / NAME)),
        choice,
        Naming(folder=place, pattern=pattern),
    )
    check_names(None, [spec for entry in entries for spec in entry.inputs.styles], (), ())
    asked = Batch(entries=entries, outputs=outputs, folder=place, workers=workers)
    ends = tuple(step for step in steps_of(asked) if step.outcome != "running")
    return BatchResult(ends=ends, manifest=place / NAME, seconds=time.monotonic() - began)


def _as_it_is(name: str, text: str) -> Any:
    """Return a setting in a table as a number where it is one."""
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
