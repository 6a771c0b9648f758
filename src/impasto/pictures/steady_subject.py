"""The subject in the frames of a shot: found in each, and held to where it was in the one before."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from impasto.errors import ImageError
from impasto.pictures.masks import Mask
from impasto.pictures.stillness import Motions, luminance, moved_along
from impasto.pictures.subject import Subject

Array = NDArray[np.float32]
INERTIA = 0.8
"""Share of the mask before, moved along, where the motion is certain."""
NOTHING = 0.1
"""A mask that is nowhere more has no subject, and tells nothing of the next frame's."""


class SteadySubject:
    """Finds the subject of each frame of a shot, so that its mask does not flicker.

    The mask of the frame before is moved along with what was filmed. It is evidence where the new one is
    drawn, so that the same things belong to the subject, and is mixed with it, so that its edges are calm.
    Where nothing stands out any more the mask fades.

    Args:
        motions: measures them; its own if None.
    """

    def __init__(self, motions: Motions | None = None) -> None:
        self._before: tuple[NDArray[np.uint8], Mask] | None = None
        self._motions = motions or Motions()

    def restart(self) -> None:
        """Forget the frame before, at a cut."""
        self._before = None

    @property
    def state(self) -> dict[str, NDArray[Any]]:
        """What it takes to go on."""
        return {} if self._before is None else {"subject_filmed": self._before[0], "subject": self._before[1]}

    @state.setter
    def state(self, values: Mapping[str, NDArray[Any]]) -> None:
        self._before = (values["subject_filmed"], values["subject"]) if "subject" in values else None

    def mask(self, pixels: Array) -> Mask:
        """Return where the subject of the next frame is, float32 (height, width) in [0, 1].

        Args:
            pixels: float32 (height, width, 3), sRGB in [0, 1].
        """
        now = luminance(pixels)
        before = self._before if self._before and self._before[1].max() > NOTHING else None
        mask = self._held(pixels, now, *before) if before else found_in(pixels, None)
        self._before = now, mask
        return mask

    def _held(self, pixels: Array, now: NDArray[np.uint8], then: NDArray[np.uint8], before: Mask) -> Mask:
        back, certain = self._motions.between(now, then)
        moved = np.clip(moved_along(before, back), 0, 1)
        mask = found_in(pixels, (0.5 + certain * (moved - 0.5)).astype(np.float32))
        return np.asarray(mask + INERTIA * certain * (moved - mask), np.float32)


def found_in(pixels: Array, before: Mask | None) -> Mask:
    """Return a frame's subject, float32 (height, width) in [0, 1]; nothing where nothing stands out."""
    try:
        return Subject(pixels).mask(before=before)
    except ImageError:
        return np.zeros(pixels.shape[:2], np.float32)
