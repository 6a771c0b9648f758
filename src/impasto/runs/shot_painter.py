"""Paints the frames of a shot in one pass: prepared once, with one transfer for all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from impasto.errors import ImageError
from impasto.onepass.painter import painted_by, painter_for
from impasto.pictures.frames.clip import Frame
from impasto.pictures.reading import Picture
from impasto.pictures.steady_subject import SteadySubject, found_in
from impasto.pictures.stillness import Motions, Stillness
from impasto.places import Marks
from impasto.preparation import Inputs, prepare, with_photo
from impasto.workshop import Workshop

if TYPE_CHECKING:
    from impasto.prepared import Prepared
    from impasto.settings import Settings

Array = NDArray[np.float32]


class Carried:
    """What goes from one frame of a shot to the next: the painting, and where the subject was.

    Args:
        stillness: 0 to 100, how much a painting is drawn to the one before.

    Attributes:
        stillness: draws it.
        subject: finds it.
    """

    def __init__(self, stillness: float) -> None:
        motions = Motions()
        self.stillness, self.subject = Stillness(stillness, motions), SteadySubject(motions)

    def restart(self) -> None:
        """Forget the frame before, at a cut."""
        self.stillness.restart()
        self.subject.restart()

    @property
    def state(self) -> dict[str, NDArray[Any]]:
        """What it takes to go on."""
        return self.stillness.state | self.subject.state

    @state.setter
    def state(self, values: Mapping[str, NDArray[Any]]) -> None:
        self.stillness.state = values
        self.subject.state = values


class ShotPainter:
    """Paints a shot.

    What is fitted to the photo (colors) is fitted to a frame from the shot's middle; the transfer to the
    sampled frames together. Regions and subject may be elsewhere in each frame.

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
        self._inputs, self._settings, self._name = inputs, settings, name
        middle = samples[len(samples) // 2]
        self._marked = bool(inputs.regions) or settings.subject != "all"
        marks = self._marks_without_places(middle) if self._marked else None
        self.prepared = prepare(
            replace(inputs, content=self._picture(middle)), settings, workshop=workshop, marks=marks
        )
        self._onepass = painter_for(self.prepared)
        frames = (with_photo(self.prepared, self._picture(sample)) for sample in samples)
        self._onepass.hold([frame.content for frame in frames])

    def paint(self, frame: Frame, strength: float, carried: Carried) -> tuple[Array, str]:
        """Return a frame painted, float32 (height, width, 3), and what is wrong if it has collapsed.

        Args:
            frame: of the shot, with the masks of the regions.
            strength: 0 to 100.
            carried: from the frame before, and to the next one.
        """
        prepared = self._of(frame, carried)
        prepared = replace(prepared, settings=replace(prepared.settings, strength=strength))
        painted, collapse = painted_by(self._onepass, prepared)
        drawn = carried.stillness.drawn(frame.pixels, painted)
        return prepared.complete(drawn), collapse if strength else ""

    def _of(self, frame: Frame, carried: Carried) -> Prepared:
        if not self._marked:
            return with_photo(self.prepared, self._picture(frame))
        subject = None if self._settings.subject == "all" else carried.subject.mask(frame.pixels)
        marks = Marks(masks=frame.masks, subject=subject)
        prepared = with_photo(self.prepared, self._picture(frame), self._inputs.regions, marks)
        self._onepass.place(prepared.regions)
        return prepared

    def _marks_without_places(self, frame: Frame) -> Marks:
        nowhere = np.zeros(frame.pixels.shape[:2], np.float32)
        subject = None if self._settings.subject == "all" else nowhere
        return Marks(masks=(nowhere,) * len(self._inputs.regions), subject=subject)

    def _picture(self, frame: Frame) -> Picture:
        return Picture(pixels=frame.pixels, alpha=frame.alpha, name=self._name)


def check_subject(samples: Sequence[Frame]) -> None:
    """Check that a subject is found in one of a shot's frames.

    Raises:
        ImageError: nothing stands out in any.
    """
    if not any(found_in(sample.pixels, None).any() for sample in samples):
        raise ImageError("nothing in the photo stands out; paint a mask and name it with --region")
