"""A style that is ready to be applied: many photos, one style, one pass each."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from impasto.engine.runtime import resolve_precision
from impasto.pastiche import Pastiche, finish, run
from impasto.preparation import Inputs, Source, load_network_for, prepare
from impasto.presets import settings_for


class Stylizer:
    """Paints photos in one pass; networks, compiled functions and style codes are kept between calls.

        paint = impasto.Stylizer("painting.jpg", strength=60)
        paint("photo.jpg").save("pastiche.png")

    Args:
        style: as `impasto.stylize` takes it; several are blended.
        preset: a named recipe that the settings start from.
        regions: parts of the picture with styles of their own.
        **settings: fields of `impasto.Settings`; the method is ``onepass`` always.

    Raises:
        SettingError: a setting is unknown or not allowed.
        WeightsError: the embedded networks are missing or damaged.
        EngineError: no engine is installed.
    """

    def __init__(
        self,
        style: Source | Sequence[Source],
        *,
        preset: str | None = None,
        regions: Sequence[Any] = (),
        **settings: Any,
    ) -> None:
        self.settings = settings_for(preset, {**settings, "method": "onepass"})
        self._style, self._regions = style, regions
        Inputs.of(None, style, regions)  # says now what is wrong with them
        self._network = load_network_for(self.settings)
        from impasto.onepass import painter

        dtype = resolve_precision(self.settings.precision)
        painter.load_pastiche_network(dtype)

    def __call__(self, photo: Source) -> Pastiche:
        """Return the pastiche of a photo.

        Args:
            photo: a path, a PIL image or an array (height, width[, channels]), uint8, uint16 or
                floating in [0, 1].

        Raises:
            ImageError: the photo or a style cannot be read or used.
            OutOfMemoryError: the engine ran out of memory.
        """
        began = time.monotonic()
        prepared = prepare(Inputs.of(photo, self._style, self._regions), self.settings, self._network)
        *_, step = run(prepared)
        return finish(prepared, step, [dict(step.losses)], began)
