"""A style that is ready to be applied: many photos, one style, one pass each."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Self, Unpack

from impasto.engine.runtime import resolve_precision
from impasto.finished import Pastiche
from impasto.pastiche import run
from impasto.photos import Source
from impasto.pictures.reading import check_kind
from impasto.preparation import Inputs, load_network_for, prepare
from impasto.presets import settings_for
from impasto.settings import SettingValues
from impasto.styles import RegionSpec
from impasto.workshop import Workshop


class Stylizer:
    """Paints photos in one pass; networks, compiled functions and the style are kept between calls.

        paint = impasto.Stylizer("painting.jpg", strength=60)
        paint("photo.jpg").save("pastiche.png")

    Threads may share it. It can be used in a ``with`` statement, or closed by `close`.

    Args:
        style: as `impasto.stylize` takes it; several are blended.
        preset: named settings that the other ones start from.
        network: the setting ``network``; one pass has a feature network of its own, so that it matters with
            ``refine`` only.
        regions: parts of the picture with styles of their own.
        workshop: keeps what is loaded and compiled; one of its own if None, which is closed with it.
        **settings: fields of `impasto.Settings`; the method is ``onepass`` always.

    Raises:
        SettingError: a setting is unknown or not allowed.
        ImageError: a style is nothing that can be read.
        WeightsError: the embedded networks are missing or damaged.
        EngineError: no engine is installed.
    """

    def __init__(
        self,
        style: Source | Sequence[Source],
        *,
        preset: str | None = None,
        network: str | None = None,
        regions: Sequence[RegionSpec | str] = (),
        workshop: Workshop | None = None,
        **settings: Unpack[SettingValues],
    ) -> None:
        named = {} if network is None else {"network": network}
        self.settings = settings_for(preset, {**settings, **named, "method": "onepass"})
        self._style, self._regions = style, regions
        for spec in Inputs.of(None, style, regions).styles:  # says now what is wrong with them
            check_kind(spec.source)
        self._workshop, self._own = workshop or Workshop(), workshop is None
        load_network_for(self.settings, self._workshop)
        from impasto.onepass.painter import warm_network

        warm_network(self._workshop, resolve_precision(self.settings.precision))

    def __call__(self, photo: Source) -> Pastiche:
        """Return the pastiche of a photo.

        Args:
            photo: a path, a PIL image or an array (height, width[, channels]), uint8, uint16 or
                floating in [0, 1].

        Raises:
            ImageError: the photo or a style cannot be read or used.
            OutOfMemoryError: the engine ran out of memory.
            ClosedError: it has been closed.
        """
        inputs = Inputs.of(photo, self._style, self._regions)
        (step,) = deque(run(prepare(inputs, self.settings, workshop=self._workshop)), maxlen=1)
        result: Pastiche = step.pastiche
        return result

    def close(self) -> None:
        """Let go of the networks and of what is compiled; a workshop that was given stays open."""
        if self._own:
            self._workshop.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()
