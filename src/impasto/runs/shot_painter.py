"""Paints the frames of a shot in one pass: prepared once, with one transfer for all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from impasto.onepass.painter import painted_by, painter_for
from impasto.pictures.frames.clip import Frame
from impasto.pictures.reading import Picture
from impasto.preparation import Inputs, prepare, with_photo
from impasto.workshop import Workshop

if TYPE_CHECKING:
    from impasto.pictures.stillness import Stillness
    from impasto.prepared import Prepared
    from impasto.settings import Settings

Array = NDArray[np.float32]


class ShotPainter:
    """Paints a shot.

    What is fitted to the photo (colors, regions) is fitted to a frame from the shot's middle; the transfer
    to the sampled frames together. Where the subject is wanted, it is looked for in every frame, and nothing
    is held.

    Args:
        inputs: styles and regions; the photo is not used.
        settings: of every frame.
        samples: frames of the shot.
        name: of the clip.
        workshop: keeps what shots can share.

    Attributes:
        prepared: the frame from the middle, as it was prepared.
    """

    def __init__(
        self, inputs: Inputs, settings: Settings, samples: Sequence[Frame], name: str, workshop: Workshop
    ) -> None:
        self._inputs, self._settings, self._name, self._workshop = inputs, settings, name, workshop
        self.prepared = self._prepared(samples[len(samples) // 2])
        self._onepass = painter_for(self.prepared)
        if settings.subject == "all":
            frames = (with_photo(self.prepared, self._picture(sample)) for sample in samples)
            self._onepass.hold([frame.content for frame in frames])

    def paint(self, frame: Frame, strength: float, stillness: Stillness) -> tuple[Array, str]:
        """Return a frame painted, float32 (height, width, 3), and what is wrong if it has collapsed.

        Args:
            frame: of the shot.
            strength: 0 to 100.
            stillness: draws it to the painting before.
        """
        prepared, onepass = self._of(frame)
        prepared = replace(prepared, settings=replace(prepared.settings, strength=strength))
        painted, collapse = painted_by(onepass, prepared)
        return prepared.complete(stillness.drawn(frame.pixels, painted)), collapse if strength else ""

    def _of(self, frame: Frame) -> tuple[Prepared, Any]:
        if self._settings.subject == "all":
            return with_photo(self.prepared, self._picture(frame)), self._onepass
        prepared = self._prepared(frame)
        return prepared, painter_for(prepared)

    def _prepared(self, frame: Frame) -> Prepared:
        inputs = replace(self._inputs, content=self._picture(frame))
        return prepare(inputs, self._settings, workshop=self._workshop)

    def _picture(self, frame: Frame) -> Picture:
        return Picture(pixels=frame.pixels, alpha=frame.alpha, name=self._name)
