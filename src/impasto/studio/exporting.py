"""Exporting: a picture in the size and the format that a person wants, with its recipe, as a file."""

from __future__ import annotations

import shutil
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from impasto.pictures.reading import read_picture
from impasto.pictures.writing import OutputOptions, write_picture
from impasto.studio.looks import Look
from impasto.studio.painting import Desk, follow
from impasto.studio.sessions import Finished, Result
from impasto.studio.turns import Event, Job
from impasto.studio.uploads import removed_on_error

FORMATS = {"png": ".png", "jpeg": ".jpg", "webp": ".webp", "avif": ".avif"}


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What file is wanted: its format, its long side in pixels, 1 to 100 for its quality."""

    form: str
    side: int
    quality: int


def export(desk: Desk, look: Look, result: Result | None, wish: Wish, job: Job) -> Iterator[Event]:
    """Make a picture as a file.

    Args:
        desk: with the photo.
        look: how.
        result: what is on screen; if it has the size that is wanted, it is what the file holds.
        wish: the file.
        job: whose stop ends what takes long, with the picture as it is.

    Yields:
        ``step`` where the picture is made anew in another size, ``file`` at the end.
    """
    session, name = desk.session, _name(desk, look) + FORMATS[wish.form]
    id, path = session.new_file(name)
    with removed_on_error(path):
        written = yield from _write(desk, look, result, wish, job, path)
    if written is None:
        shutil.rmtree(path.parent, ignore_errors=True)
        return
    session.files.keep(Finished(id=id, path=path))
    yield "file", {"url": f"/api/files/{id}", "name": path.name, "bytes": path.stat().st_size, **written}


def _write(
    desk: Desk, look: Look, result: Result | None, wish: Wish, job: Job, path: Path
) -> Generator[Event, None, dict[str, Any] | None]:
    """Write the file; return its size and notes, or None if there is none, for the job was stopped."""
    if result is not None and max(result.width, result.height) == wish.side:
        options = OutputOptions(recipe=result.recipe, quality=wish.quality, **_of_photo(desk, result))
        pixels = read_picture(result.path).pixels
        notes, (height, width) = write_picture(path, pixels, options), pixels.shape[:2]
    else:
        refine = result.iterations if result is not None else 0
        settings = look.chosen(max_size=wish.side, refine=refine)
        step = yield from follow(desk.steps(look, settings), desk, job)
        if step is None:
            return None
        finished = step.pastiche
        notes = finished.save(path, quality=wish.quality)
        height, width = finished.pixels.shape[:2]
    return {"width": width, "height": height, "notes": desk.session.said(notes)}


def _of_photo(desk: Desk, result: Result) -> dict[str, Any]:
    """Return the alpha and the EXIF block that the photo gives to its picture."""
    photo = read_picture(desk.photo.path, max_size=max(result.width, result.height))
    return {"alpha": photo.alpha, "exif": photo.exif}


def _name(desk: Desk, look: Look) -> str:
    style = str(look.plain["styles"][0]["id"])
    return f"{desk.photo.path.stem[:60]}-{style[:40]}"
