"""Shots: where a clip is cut, and a few frames of each shot, found by reading ahead."""

from __future__ import annotations

import statistics
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from impasto.pictures.frames.clip import Frame
from impasto.pictures.resizing import resize

Array = NDArray[np.float32]
THUMBNAIL = (18, 32)
LEAST_CHANGE, LEAST_COLORS = 0.07, 0.25
"""Of a cut: the mean difference of thumbnails, and the share of pixels with colors that were not there."""
SUDDEN = 3.0
"""By how much more new colors a cut must have than the frames before it."""
MEMORY = 12
"""Frames whose new colors are compared."""
LEVELS = 6
"""Of each channel in the histogram."""
MOST_SAMPLES = 6
"""Frames that are kept of a shot, about equally far apart."""


@dataclass(frozen=True, kw_only=True)
class Shot:
    """Frames between two cuts.

    Attributes:
        start, stop: numbers of its first frame and of the one after its last.
        samples: some of its frames, about equally far apart.
    """

    start: int
    stop: int
    samples: tuple[Frame, ...]


def shots_of(frames: Iterable[Frame]) -> Iterator[Shot]:
    """Yield the shots of a clip, each as soon as the next one has begun.

    A shot of any length takes the same memory: when enough frames of it are kept, every second one goes.
    """
    finder, start, count = CutFinder(), 0, 0
    samples: list[Frame] = []
    stride = 1
    for frame in frames:
        if finder.is_cut(frame.pixels):
            yield Shot(start=start, stop=frame.index, samples=tuple(samples))
            start, samples, stride = frame.index, [], 1
        if (frame.index - start) % stride == 0:
            samples.append(frame)
        if len(samples) > MOST_SAMPLES:
            samples, stride = samples[::2], 2 * stride
        count = frame.index + 1
    if count > start:
        yield Shot(start=start, stop=count, samples=tuple(samples))


class CutFinder:
    """Tells frames that begin another shot from those that go on with it."""

    def __init__(self) -> None:
        self._before: tuple[Array, Array] | None = None
        self._usual: deque[float] = deque(maxlen=MEMORY)

    def is_cut(self, pixels: Array) -> bool:
        """Return whether a frame begins another shot; to be asked of all frames in order.

        Args:
            pixels: float32 (height, width, 3), sRGB in [0, 1].
        """
        small = resize(pixels, THUMBNAIL)
        levels = np.minimum((small * LEVELS).astype(int), LEVELS - 1) @ (LEVELS**2, LEVELS, 1)
        colors = np.bincount(levels.ravel(), minlength=LEVELS**3) / levels.size
        before, self._before = self._before, (small, colors)
        if before is None:
            return False
        change = float(np.abs(small - before[0]).mean())
        new = float(np.maximum(colors - before[1], 0).sum())
        usual = statistics.median(self._usual) if self._usual else 0.0
        if change > LEAST_CHANGE and new > max(LEAST_COLORS, SUDDEN * usual):
            self._usual.clear()
            return True
        self._usual.append(new)
        return False
