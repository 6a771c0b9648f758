"""What a worker does: it paints one picture after the other with one workshop, which stays warm.

The photo that was read last is kept, and the workshop keeps it encoded: another style of it takes neither
again. Styles are kept by the workshop.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any, Self

from impasto.errors import ImpastoError, Message, OutOfMemoryError
from impasto.files import version_of
from impasto.finished import Pastiche
from impasto.names import check_names
from impasto.pastiche import run
from impasto.photos import is_painted_in_windows, picture_for
from impasto.pictures.reading import Picture
from impasto.pictures.windows import is_huge
from impasto.preparation import prepare
from impasto.progress import Step
from impasto.runs.batch.entries import Entry
from impasto.runs.batch.fingerprints import Stamp
from impasto.runs.batch.orders import Order, Painted
from impasto.settings import Settings
from impasto.workshop import Workshop


class Painter:
    """Paints orders; used in a ``with`` statement.

    Args:
        is_stopped: asked between two iterations: whether to give the picture up.
    """

    def __init__(self, is_stopped: Callable[[], bool] = lambda: False) -> None:
        self._workshop = Workshop()
        self._is_stopped = is_stopped
        self._last: tuple[Any, Picture] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._workshop.close()

    def paint(self, order: Order, show: Callable[[Step], None] = lambda step: None) -> Painted | None:
        """Make a picture and write it; whatever it fails at is told in the result.

        Args:
            order: the picture.
            show: told of every iteration.

        Returns:
            What became of it; None if it was given up.
        """
        began = time.monotonic()
        try:
            check_names(order.entry.inputs.content, (), (), ())
            stamp = Stamp.unread(order.entry.photo)
            result = self._pastiche(order.entry, self._photo(order.entry), show)
            if result is None:
                return None
            notes = (*result.notes, *result.save(order.output, **asdict(order.saving)))
        except ImpastoError as error:
            return Painted(number=order.number, error=error.message)
        except Exception as fault:  # ours, but of one picture: the others may be well
            reason = " ".join(f"{type(fault).__name__}: {fault}".split())[:300]
            message = Message("this should not have happened ({reason})", reason=reason)
            return Painted(number=order.number, error=message)
        sha256 = result.recipe.content.sha256 if result.recipe.content else None
        return Painted(
            number=order.number,
            photo=replace(stamp, sha256=sha256 or ""),
            shape=result.shape,
            seconds=time.monotonic() - began,
            notes=notes,
        )

    def _photo(self, entry: Entry) -> Any:
        """Return the photo in a size that is large enough; one that is read in windows as it is."""
        settings = entry.settings
        if is_huge(entry.photo) or is_painted_in_windows(entry.photo, settings):
            return entry.inputs.content
        size = None if settings.fit == "stretch" else settings.max_size
        key = str(entry.photo), size, version_of(entry.photo)
        if self._last is None or self._last[0] != key:
            self._last = None  # frees the old one first
            self._last = key, picture_for(entry.inputs.content, settings)
        return self._last[1]

    def _pastiche(self, entry: Entry, photo: Any, show: Callable[[Step], None]) -> Pastiche | None:
        inputs = replace(entry.inputs, content=photo)
        for step in run(prepare(inputs, entry.settings, workshop=self._workshop)):
            show(step)
            if self._is_stopped():
                return None
        result: Pastiche = step.pastiche
        return result

    def fits(self, shape: tuple[int, int], settings: Settings) -> bool:
        """Return whether a photo of a (height, width) fits into the memory that this process may take."""
        from impasto.forecast import plan_picture
        from impasto.preparation import load_networks_for

        try:
            plan = plan_picture(shape, load_networks_for(settings, self._workshop), settings)
        except OutOfMemoryError:
            return False
        return plan.memory <= plan.free
