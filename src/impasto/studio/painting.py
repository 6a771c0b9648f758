"""Painting in one pass: the photo in every style, small; and one picture, at several strengths.

The functions here and in `refining.py` and `exporting.py` are what the engine's thread does: from plain
values to events, over a workshop. They know no HTTP.
"""

from __future__ import annotations

import base64
import io
import json
import math
import time
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from impasto import gallery
from impasto.layers import ONEPASS_MINIMUM_SIDE
from impasto.pastiche import run
from impasto.photos import picture_for
from impasto.pictures.reading import Picture
from impasto.pictures.writing import picture_to_pil
from impasto.preparation import Inputs, prepare
from impasto.settings import LARGEST_SIZE, Settings
from impasto.studio.looks import Look
from impasto.studio.sessions import Finished, Photo, Result, Session
from impasto.studio.turns import Event, Job
from impasto.styles import StyleSpec
from impasto.workshop import Workshop

if TYPE_CHECKING:
    from impasto.finished import Pastiche
    from impasto.optimization.gatys import State
    from impasto.progress import Step

THUMBNAIL_ITERATIONS = (12,)
"""Of the optimization that makes a thumbnail where one pass has failed at a style."""
SEEN_FIRST = 8
"""Thumbnails that come before anything else is got ready: a window shows no more of them."""
WARM_SIDE = 64
"""Of the first picture of all, which nobody sees, in pixels."""
PREVIEW_SECONDS = 1.0
"""Between two pictures of one that is being improved."""


@dataclass(frozen=True, kw_only=True)
class Desk:
    """Where a piece of work is done: its session, its photo, and the workshop that all share."""

    session: Session
    photo: Photo
    workshop: Workshop

    def picture(self, settings: Settings) -> Picture:
        """Return the photo in the size that settings ask for; the workshop keeps it."""
        read = partial(picture_for, self.photo.path, settings)
        key = self.photo.id, settings.fit, settings.max_size, settings.method
        return self.workshop.get("photos", key, read, picture_bytes)

    def steps(self, look: Look, settings: Settings, start: State | None = None) -> Iterator[Step]:
        """Make a picture, from its beginning or from where it stood, yielding the library's Steps."""
        return run(prepare(look.inputs(self.picture(settings)), settings, workshop=self.workshop), start)


def picture_bytes(picture: Picture) -> int:
    """Return how much memory a picture takes."""
    return int(picture.pixels.nbytes + (0 if picture.alpha is None else picture.alpha.nbytes))


def thumbnails(
    desk: Desk, styles: Sequence[tuple[str, str]], side: int, strength: float, ahead: int | None = None
) -> Iterator[Event]:
    """Paint a photo in many styles, small.

    Args:
        desk: with the photo.
        styles: the id of each and what the library takes for it.
        side: the long side in pixels; more where the short one would be too short to be painted.
        strength: 0 to 100.
        ahead: the long side of the picture that will be asked for next: as soon as the first thumbnails are
            seen, the engine gets ready for it.

    Yields:
        ``thumbnail`` for each, ``{style, picture}``.
    """
    sides = sorted((desk.photo.width, desk.photo.height))
    side = min(max(side, math.ceil(ONEPASS_MINIMUM_SIDE * sides[1] / sides[0])), LARGEST_SIZE)
    settings = Settings(method="onepass", max_size=side, strength=strength, iterations=THUMBNAIL_ITERATIONS)
    for count, (id, source) in enumerate(styles, 1):
        look = Look(styles=(StyleSpec(source=source),), regions=(), settings={}, plain={})
        for step in desk.steps(look, settings):
            if step.last:
                yield "thumbnail", {"style": id, "picture": data_address(step.image)}
        if ahead is not None and count == min(SEEN_FIRST, len(styles)):
            get_ready(desk, source, ahead)


def get_ready(desk: Desk, source: str, side: int) -> None:
    """Paint a photo, which is then encoded and its size compiled: the first picture is as quick as others.

    Args:
        desk: with the photo.
        source: any style.
        side: the long side in pixels of what will be asked for.
    """
    settings = Settings(method="onepass", max_size=side)
    look = Look(styles=(StyleSpec(source=source),), regions=(), settings={}, plain={})
    _paint_once(look.inputs(desk.picture(settings)), settings, desk.workshop)


def warm_up(workshop: Workshop) -> None:
    """Load what every picture needs, and have it compiled, by painting a small one."""
    noise = np.random.default_rng(0).random((WARM_SIDE, WARM_SIDE, 3), np.float32)
    inputs = Inputs.of(noise, [StyleSpec(source=gallery.style_names()[0])])
    _paint_once(inputs, Settings(method="onepass"), workshop)


def _paint_once(inputs: Inputs, settings: Settings, workshop: Workshop) -> None:
    from impasto.onepass.painter import painted_by, painter_for

    prepared = prepare(inputs, settings, workshop=workshop)
    painted_by(painter_for(prepared), prepared)


def data_address(pixels: Any, side: int = LARGEST_SIZE) -> str:
    """Return a picture, its long side at most so many pixels, as an address that has it within, JPEG."""
    file, picture = io.BytesIO(), picture_to_pil(pixels)
    picture.thumbnail((side, side))
    picture.save(file, "JPEG", quality=82)
    return "data:image/jpeg;base64," + base64.b64encode(file.getvalue()).decode()


def pastiche(desk: Desk, look: Look, side: int, job: Job) -> Iterator[Event]:
    """Paint a picture as its look says.

    Args:
        desk: with the photo.
        look: how.
        side: the long side in pixels.
        job: whose stop is heard where one pass has failed at a style and the optimization takes its time.

    Yields:
        ``result``; before it ``step`` for what takes long.
    """
    step = yield from follow(desk.steps(look, look.chosen(max_size=side)), desk, job)
    if step is not None:
        yield "result", result_record(keep_result(desk, look, step.pastiche), desk.session)


def frames(desk: Desk, look: Look, side: int, strengths: Sequence[float], job: Job) -> Iterator[Event]:
    """Paint a picture at several strengths, between which the page can fade; arguments are `pastiche`'s.

    Yields:
        ``frame`` for each strength.
    """
    settings = look.chosen(max_size=side)
    for strength in dict.fromkeys(strengths):
        step = yield from follow(desk.steps(look, replace(settings, strength=strength)), desk, job)
        if step is None or job.stopping.is_set():
            return
        yield "frame", _frame(strength, keep_preview(desk.session, step), step)


def _frame(strength: float, address: str, step: Step) -> dict[str, Any]:
    height, width = step.shape
    return {"strength": strength, "url": address, "width": width, "height": height}


def follow(steps: Iterator[Step], desk: Desk, job: Job) -> Generator[Event, None, Step | None]:
    """Go through a picture's Steps to the last one, or to where the job is to stop; return that one.

    Yields:
        ``step`` for each that is not the last, with a preview each `PREVIEW_SECONDS`.
    """
    shown, last, pace = time.monotonic(), None, Pace()
    for last in steps:
        desk.session.used = time.monotonic()
        if last.last or job.stopping.is_set():
            break
        now, address = time.monotonic(), None
        if now - shown >= PREVIEW_SECONDS:
            address, shown = keep_preview(desk.session, last), now
        yield "step", step_record(last, pace.seconds_left(last, now), address)
    return last


class Pace:
    """How long the rest of the last scale takes, by its iterations so far; the first one compiles."""

    def __init__(self) -> None:
        self._began, self._iteration = 0.0, 0

    def seconds_left(self, step: Step, now: float) -> float | None:
        """Return the seconds that are left; None before two iterations of the last scale have been made."""
        if step.scale < step.scales:
            return None
        if not self._iteration:
            self._began, self._iteration = now, step.iteration
            return None
        made = step.iteration - self._iteration
        return round((step.iterations - step.iteration) * (now - self._began) / made, 2)


def step_record(step: Step, seconds_left: float | None, address: str | None) -> dict[str, Any]:
    """Return what the interface tells of a Step."""
    return {
        "iteration": step.iteration,
        "iterations": step.iterations,
        "scale": step.scale,
        "scales": step.scales,
        "losses": {name: float(loss) for name, loss in step.losses.items()},
        "seconds_left": seconds_left,
        "url": address,
    }


def keep_preview(session: Session, step: Step) -> str:
    """Keep a picture for a while; return its address."""
    id, path = session.new_file("preview.png")
    picture_to_pil(step.image).save(path, "PNG", compress_level=1)
    session.previews.keep(Finished(id=id, path=path))
    return f"/api/previews/{id}"


def keep_result(desk: Desk, look: Look, finished: Pastiche) -> Result:
    """Keep a finished picture in its session."""
    id, path = desk.session.new_file("result.png")
    finished.image.save(path, "PNG", compress_level=1)
    height, width = finished.pixels.shape[:2]
    settings, recipe = finished.settings, finished.recipe
    iterations = settings.refine if settings.method == "onepass" else len(finished.losses)
    optimized = settings.method == "optimize" or recipe.fallback or settings.refine
    result = Result(
        id=id,
        photo=desk.photo.id,
        look=look.plain,
        path=path,
        width=width,
        height=height,
        seconds=round(finished.seconds, 3),
        method="optimize" if optimized else "onepass",
        iterations=iterations,
        recipe=json.dumps(recipe.to_mapping(), ensure_ascii=False),
        notes=finished.notes,
    )
    desk.session.results.keep(result)
    return result


def result_record(result: Result, session: Session) -> dict[str, Any]:
    """Return what the interface tells of a result."""
    address = f"/api/results/{result.id}/picture"
    attributes = ("photo", "look", "width", "height", "seconds", "method", "iterations", "time")
    return {
        "result": result.id,
        **{name: getattr(result, name) for name in attributes},
        "notes": session.said(result.notes),
        "url": address,
        "thumbnail": f"{address}?side=160",
    }
