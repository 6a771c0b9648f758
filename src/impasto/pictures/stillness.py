"""Steadiness: what moved from frame to frame, and a painting that moves along with it.

A painting of each frame by itself flickers: what the network makes of noise and of a shift by a part of a
pixel differs. Here the painting before is moved along with what was filmed, and the new one is drawn to it,
where the motion is certain. Moved pictures lose sharpness, so of the difference only the low frequencies are
taken; where nothing moves nothing is resampled, and all frequencies are.

References: Kroeger et al., "Fast Optical Flow using Dense Inverse Search" (ECCV 2016); Sundaram et al.,
"Dense Point Trajectories by GPU-accelerated Large Displacement Optical Flow" (ECCV 2010), equations 5 and 6,
for what is hidden and where motions meet.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from impasto.errors import ImageError
from impasto.pictures.masks import LUMINANCE

Array = NDArray[np.float32]

LOW = 1.3
"""Standard deviation in pixels of the Gaussian below which frequencies are low."""
WRONG_SHARE, WRONG_PIXELS = 0.01, 0.5
"""A motion is certain if there and back again it misses by less than a share of its square plus so much."""
EDGE_SHARE, EDGE_SLOPE = 0.01, 0.002
"""Motions meet where the squares of a motion's slopes are more than a share of its square and so much."""
MOST_CHANGE = 0.08
"""Difference of the luminances of what was filmed, blurred, from which a motion is not believed at all."""
STILL_PIXELS, STILL_CHANGE = 0.15, 0.02
"""Where the motion is shorter and the luminance, blurred, differs less, nothing has moved."""
MOST_SHARE = 0.95
"""Of the painting before, at the stillness 100: with all of it the new one would never be seen."""


def opencv() -> Any:
    """Return OpenCV.

    Raises:
        ImageError: it is not installed.
    """
    try:
        import cv2
    except ImportError as error:
        raise ImageError(
            "steady videos need OpenCV; run {command}", command="pip install 'impasto[video]'"
        ) from error
    return cv2


class Motions:
    """Measures motion from frame to frame.

    The last one is remembered: the painting and the mask of the subject move along with the same.

    Raises:
        ImageError: OpenCV is not installed.
    """

    def __init__(self) -> None:
        self._flow = opencv().DISOpticalFlow_create(opencv().DISOPTICAL_FLOW_PRESET_MEDIUM)
        self._frames: tuple[NDArray[np.uint8], NDArray[np.uint8]] | None = None
        self._motion: tuple[Array, Array] | None = None

    def between(self, now: NDArray[np.uint8], then: NDArray[np.uint8]) -> tuple[Array, Array]:
        """Return the motion from a frame to the one before, float32 (height, width, 2), and its `certainty`.

        Args:
            now: luma of the frame, uint8 (height, width).
            then: that of the frame before.
        """
        frames = now, then
        if self._motion is None or self._frames is None or not all(map(np.array_equal, frames, self._frames)):
            back, forth = self._flow.calc(now, then, None), self._flow.calc(then, now, None)
            self._frames, self._motion = frames, (back, certainty(now, then, back, forth))
        return self._motion


class Stillness:
    """Draws each painting of a shot to the one before.

    Args:
        stillness: 0 (each painting by itself) to 100.
        motions: measures them; its own if None.

    Attributes:
        stillness: the same.
    """

    def __init__(self, stillness: float, motions: Motions | None = None) -> None:
        self.stillness = stillness
        self._most = np.float32(MOST_SHARE * stillness / 100)
        self._before: tuple[NDArray[np.uint8], Array] | None = None
        self._motions = (motions or Motions()) if stillness else None

    def restart(self) -> None:
        """Forget the painting before, at a cut."""
        self._before = None

    @property
    def state(self) -> dict[str, NDArray[Any]]:
        """What it takes to go on."""
        return {} if self._before is None else {"filmed": self._before[0], "painted": self._before[1]}

    @state.setter
    def state(self, values: Mapping[str, NDArray[Any]]) -> None:
        self._before = (values["filmed"], values["painted"]) if "painted" in values else None

    def drawn(self, filmed: Array, painted: Array) -> Array:
        """Return the painting of a frame, drawn to the one before.

        Args:
            filmed: float32 (height, width, 3), sRGB in [0, 1].
            painted: the same, as it was painted by itself.
        """
        if self._motions is None:
            return painted
        now = luminance(filmed)
        if self._before is not None:
            then, before = self._before
            motion = self._motions.between(now, then)
            painted = self._drawn(painted, before, motion, stillness_of(now, then, motion[0]))
        self._before = now, painted
        return painted

    def moved(self, filmed: Array) -> tuple[Array, Array] | None:
        """Return the painting before as it is seen in the next frame, and how certain that is.

        None at a shot's beginning, and with the stillness 0. Nothing is certain where motions meet.

        Args:
            filmed: the frame, float32 (height, width, 3), sRGB in [0, 1].

        Reference: Ruder et al., "Artistic Style Transfer for Videos" (GCPR 2016), section 5.2.
        """
        if self._before is None or self._motions is None:
            return None
        then, before = self._before
        back, certain = self._motions.between(luminance(filmed), then)
        return np.clip(moved_along(before, back), 0, 1), certain * ~boundaries(back)

    def keep(self, filmed: Array, painted: Array) -> None:
        """Have a frame's painting, as `drawn` takes both, be the one before."""
        self._before = luminance(filmed), painted

    def _drawn(self, painted: Array, before: Array, motion: tuple[Array, Array], still: Array) -> Array:
        back, certain = motion
        moved = moved_along(before, back)
        difference = opencv().GaussianBlur(moved - painted, (0, 0), LOW)
        # where nothing moved the painting before is there in all its sharpness
        difference = difference + still[..., None] * (before - painted - difference)
        weight = self._most * np.maximum(certain, still)
        return np.asarray(np.clip(painted + weight[..., None] * difference, 0, 1), np.float32)


def luminance(pixels: Array) -> NDArray[np.uint8]:
    """Return the luma (BT.709) of float32 (height, width, 3) in [0, 1] as uint8."""
    luma = pixels @ np.array(LUMINANCE, np.float32)
    return np.asarray(np.rint(np.clip(luma, 0, 1) * 255), np.uint8)


def moved_along(picture: Array, flow: Array) -> Array:
    """Return a picture as it is seen after a motion: each pixel is taken from where it was.

    Args:
        picture: float32 (height, width[, channels]).
        flow: float32 (height, width, 2), x and y in pixels from a pixel to where it was.
    """
    cv2 = opencv()
    rows, columns = np.mgrid[: flow.shape[0], : flow.shape[1]].astype(np.float32)
    return np.asarray(
        cv2.remap(
            picture,
            columns + flow[..., 0],
            rows + flow[..., 1],
            cv2.INTER_LANCZOS4,
            borderMode=cv2.BORDER_REPLICATE,
        )
    )


def certainty(now: NDArray[np.uint8], then: NDArray[np.uint8], back: Array, forth: Array) -> Array:
    """Return how certain the motion is, float32 (height, width) in [0, 1]; 0 where something was hidden.

    Args:
        now: luma of a frame, uint8 (height, width).
        then: that of the frame before.
        back: the motion from now to then, float32 (height, width, 2).
        forth: from then to now.
    """
    cv2 = opencv()
    rows, columns = np.mgrid[: now.shape[0], : now.shape[1]].astype(np.float32)
    x, y = columns + back[..., 0], rows + back[..., 1]
    returned = cv2.remap(forth, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    missed = np.square(back + returned).sum(axis=2)
    length = np.square(back).sum(axis=2) + np.square(returned).sum(axis=2)
    inside = (x >= 0) & (x <= now.shape[1] - 1) & (y >= 0) & (y <= now.shape[0] - 1)
    agrees = inside & (missed < WRONG_SHARE * length + WRONG_PIXELS)
    moved = cv2.remap(then, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    believed = np.clip(2 - 2 * _change(now, moved) / MOST_CHANGE, 0, 1)
    return np.asarray(cv2.GaussianBlur(believed * agrees.astype(np.float32), (0, 0), 1.0), np.float32)


def boundaries(flow: Array) -> NDArray[np.bool_]:
    """Return where different motions meet, (height, width) (Sundaram et al., equation 6)."""
    slopes = sum(
        np.square(part) for axis in (0, 1) for part in np.moveaxis(np.gradient(flow, axis=axis), 2, 0)
    )
    return np.asarray(slopes > EDGE_SHARE * np.square(flow).sum(axis=2) + EDGE_SLOPE)


def stillness_of(now: NDArray[np.uint8], then: NDArray[np.uint8], back: Array) -> Array:
    """Return where nothing has moved, float32 (height, width) in [0, 1]."""
    change = _change(now, then)
    short = np.sqrt(np.square(back).sum(axis=2)) < STILL_PIXELS
    calm = np.clip(2 - 2 * change / STILL_CHANGE, 0, 1) * short.astype(np.float32)
    return np.asarray(opencv().GaussianBlur(calm, (0, 0), 2.0), np.float32)


def _change(now: NDArray[np.uint8], then: NDArray[np.uint8]) -> Array:
    """Return the difference of two frames in [0, 1], of their noise but the least part blurred away."""
    difference = now.astype(np.float32) - then.astype(np.float32)
    return np.asarray(np.abs(opencv().GaussianBlur(difference, (0, 0), 2.0)) / 255, np.float32)
