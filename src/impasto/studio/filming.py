"""Filming: a video painted frame by frame, told as it goes, and kept as a file for downloading."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from impasto.runs.interruption import Interruption
from impasto.runs.video_job import VideoJob
from impasto.studio.looks import Look
from impasto.studio.painting import data_address
from impasto.studio.sessions import Film, Session, Video
from impasto.studio.turns import Event, Job
from impasto.workshop import Workshop

if TYPE_CHECKING:
    from impasto.runs.video import VideoStep

FORMATS = {"mp4": ".mp4", "gif": ".gif", "webp": ".webp"}
PREVIEW_SECONDS = 0.5
"""Between two frames that are shown."""
SHOWN_SIDE = 192
"""Their long side, in pixels."""


@dataclass(frozen=True, kw_only=True)
class FilmWish:
    """What film is wanted.

    Attributes:
        form: of `FORMATS`.
        side: its long side in pixels.
        stillness, quality: as `VideoJob` has them.
        seconds: of the beginning; all of it if None.
    """

    form: str
    side: int
    stillness: float
    quality: int
    seconds: float | None


@dataclass(frozen=True, kw_only=True)
class FilmSet:
    """Where a film is made: its session, what was filmed, and the workshop that all share."""

    session: Session
    video: Video
    workshop: Workshop


def film(place: FilmSet, look: Look, wish: FilmWish, job: Job) -> Iterator[Event]:
    """Paint a video.

    Args:
        place: with the video.
        look: how.
        wish: the film.
        job: whose stop ends it after the frame; what is painted is the film then.

    Yields:
        ``progress`` after each frame, ``film`` at the end.
    """
    from impasto.runs.video import VideoRun  # brings the engine, for which the page does not wait

    began, progress, ending = time.monotonic(), FilmProgress(), Interruption()
    id, task = _task(place, look, wish)
    run = VideoRun(task, _unheard, place.workshop)
    try:
        for step in run.steps(ending):
            place.session.used = time.monotonic()
            if job.stopping.is_set():
                ending.ask()
            yield progress.event(step)
    finally:
        shutil.rmtree(task.folder, ignore_errors=True)
        if not os.path.exists(task.output):
            shutil.rmtree(task.output.parent, ignore_errors=True)
    outcome = run.outcome
    if not outcome.frames:
        return
    made = Film(
        id=id,
        path=task.output,
        video=place.video.id,
        look=look.plain,
        width=outcome.shape[1],
        height=outcome.shape[0],
        frames=outcome.frames,
        whole=outcome.interruption is None,
        seconds=round(time.monotonic() - began, 3),
        notes=outcome.notes,
    )
    place.session.films.keep(made)
    yield "film", film_record(made, place.session)


def _task(place: FilmSet, look: Look, wish: FilmWish) -> tuple[str, VideoJob]:
    """Return a new file's id and what is to be painted into it."""
    video, style = place.video, str(look.plain["styles"][0]["id"])
    stem = video.path.stem.replace("%", "")  # which would make it a pattern of numbered pictures
    id, path = place.session.new_file(f"{stem[:60]}-{style[:40]}{FORMATS[wish.form]}")
    return id, VideoJob(
        clip=video.clip,
        inputs=look.inputs(None),
        settings=look.chosen(max_size=wish.side),
        output=path,
        stillness=wish.stillness,
        seconds=wish.seconds,
        quality=wish.quality,
    )


def _unheard(remark: str) -> None:
    """What is said during a run is among its notes at the end."""


class FilmProgress:
    """What is told of a run's steps: a frame is shown now and then."""

    def __init__(self) -> None:
        self._shown = 0.0

    def event(self, step: VideoStep | None) -> Event:
        """Return what is told of a step; None is the time before the first frame."""
        if step is None:
            return "busy", {"what": "shots"}
        address, now = None, time.monotonic()
        if now - self._shown >= PREVIEW_SECONDS:
            address, self._shown = data_address(step.pixels, SHOWN_SIDE), now
        left = step.seconds_left
        return (
            "progress",
            {
                "frame": step.frame,
                "frames": step.frames,
                "rate": round(step.rate, 2),
                "seconds_left": None if left is None else round(left, 1),
                "picture": address,
            },
        )


def film_record(film: Film, session: Session) -> dict[str, Any]:
    """Return what the interface tells of a film."""
    attributes = ("video", "look", "width", "height", "frames", "whole", "seconds", "time")
    return {
        "file": film.id,
        "url": f"/api/files/{film.id}",
        "name": film.path.name,
        "bytes": film.path.stat().st_size,
        **{name: getattr(film, name) for name in attributes},
        "notes": session.said(film.notes),
    }
