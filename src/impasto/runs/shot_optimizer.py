"""Paints the frames of a shot by optimization: each from the painting before, moved along and held to it.

The first frame goes from coarse to fine, as a photo does. Each further one begins at full size with what is
known of it already, and needs a part of the iterations; what has come into sight begins as what was seen
there before, which is painted at least, and is held to nothing.

Reference: Ruder, Dosovitskiy and Brox, "Artistic Style Transfer for Videos" (GCPR 2016).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from impasto.optimization.gatys import optimize_steps
from impasto.optimization.scales import plan_scales
from impasto.pictures.frames.clip import Frame
from impasto.pictures.reading import Picture
from impasto.places import Marks, painted_part
from impasto.preparation import Inputs, initial_image, prepare, with_photo
from impasto.prepared import Anchor
from impasto.runs.shot_painter import Carried
from impasto.workshop import Workshop

if TYPE_CHECKING:
    from impasto.prepared import Prepared
    from impasto.settings import Settings

Array = NDArray[np.float32]
ANCHOR_WEIGHT = 100.0
"""Of the temporal loss at the stillness 100, over the sum of the content and the style weight."""
FURTHER_SHARE, LEAST_ITERATIONS = 1 / 3, 8
"""Of the iterations at full size: what a frame takes that is not its shot's first."""


def further_settings(settings: Settings, shape: tuple[int, int]) -> Settings:
    """Return the settings of a frame of a (height, width) that is not its shot's first."""
    iterations = plan_scales(shape, settings)[-1].iterations
    return replace(settings, iterations=(max(LEAST_ITERATIONS, round(FURTHER_SHARE * iterations)),))


class ShotOptimizer:
    """Paints a shot.

    Regions stay where they are: masks that moved would be compiled anew in every frame. The subject is found
    in each frame, and cut out of what is painted.

    Args:
        inputs: styles and regions; the photo is not used.
        settings: of every frame; the method is ``optimize``.
        samples: frames of the shot, with the masks of the regions.
        name: of the clip.
        workshop: keeps what frames can share.
        ended: whether the frame in work is to be given up.

    Attributes:
        prepared: the frame from the middle, as it was prepared.
    """

    def __init__(
        self,
        inputs: Inputs,
        settings: Settings,
        samples: Sequence[Frame],
        name: str,
        workshop: Workshop,
        ended: Callable[[], bool] = lambda: False,
    ) -> None:
        self._settings, self._name, self._ended = settings, name, ended
        middle = samples[len(samples) // 2]
        inputs, marks = replace(inputs, content=self._picture(middle)), Marks(masks=middle.masks)
        self.prepared = prepare(inputs, settings, workshop=workshop, marks=marks)
        self._further = further_settings(settings, self.prepared.shape)

    def paint(self, frame: Frame, strength: float, carried: Carried) -> tuple[Array | None, str]:
        """Return a frame painted, float32 (height, width, 3), or None if it was given up; and nothing.

        Args:
            frame: of the shot.
            strength: 0 to 100.
            carried: from the frame before, and to the next one.
        """
        prepared = self._of(frame, strength, carried)
        painted = prepared.content
        if strength or prepared.settings.style_weight is not None:
            for step in optimize_steps(prepared):
                if self._ended():
                    return None, ""
                if step.last:
                    painted = step.image
        carried.stillness.keep(frame.pixels, painted)
        return self._covered(prepared, frame, carried).complete(painted), ""

    def _of(self, frame: Frame, strength: float, carried: Carried) -> Prepared:
        """Return a frame as the optimization is given it: where it begins, and what it is held to."""
        prepared = with_photo(self.prepared, self._picture(frame))
        moved = carried.stillness.moved(frame.pixels)
        if moved is None:
            settings = replace(self._settings, strength=strength)
            initial = initial_image(prepared.content, settings, prepared.network, prepared.achromatic)
            return replace(prepared, settings=settings, initial=initial)
        before, certain = moved
        anchor = Anchor(
            pixels=before, certainty=certain, weight=ANCHOR_WEIGHT * carried.stillness.stillness / 100
        )
        return replace(
            prepared,
            settings=replace(self._further, strength=strength),
            initial=before,
            anchor=anchor,
        )

    def _covered(self, prepared: Prepared, frame: Frame, carried: Carried) -> Prepared:
        """Return what finishes a frame: all of it is seen, or the subject, or what is around."""
        if self._settings.subject == "all":
            return prepared
        part = painted_part(carried.subject.mask(frame.pixels), self._settings)
        return replace(prepared, cover=part if prepared.cover is None else prepared.cover * part)

    def _picture(self, frame: Frame) -> Picture:
        return Picture(pixels=frame.pixels, alpha=frame.alpha, name=self._name)
