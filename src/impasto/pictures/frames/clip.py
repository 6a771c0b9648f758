"""A clip: what is known of it before its frames are read, and the frames that come out of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
Kind = Literal["video", "animation", "sequence"]
RATE = Fraction(25)
"""Frames per second of what does not say it: numbered pictures."""


@dataclass(frozen=True, kw_only=True)
class Frame:
    """One picture of a clip.

    Attributes:
        index: its number, from 0.
        ticks: when it is shown, in the clip's time base, from the clip's beginning.
        duration: for how long, in the clip's time base.
        pixels: float32 (height, width, 3), sRGB in [0, 1], upright, of square pixels.
        alpha: float32 (height, width) in [0, 1], or None if every pixel is opaque.
        masks: float32 (height, width) in [0, 1], of the regions in it.
    """

    index: int
    ticks: int
    duration: int
    pixels: Array
    alpha: Array | None = None
    masks: tuple[Array, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Clip:
    """A clip before its frames are read.

    Attributes:
        path: its file, or a pattern such as ``frames/%04d.png``.
        kind: ``video``, ``animation`` or ``sequence``.
        shape: (height, width) of its frames, upright and of square pixels.
        time_base: seconds of a tick.
        rate: frames per second on average.
        count: how many frames its file says it has; None if it does not say.
        seconds: how long it is by what its file says; None if it does not say.
        notes: sentences without a full stop about what the reader had to decide.
        sound: the codecs of its sound.
        tags: what its file says of it, such as its title.
        origin: seconds that the file's own clock shows at the clip's beginning.
    """

    path: Path
    kind: Kind
    shape: tuple[int, int]
    time_base: Fraction
    rate: Fraction = RATE
    count: int | None = None
    seconds: float | None = None
    notes: tuple[str, ...] = ()
    sound: tuple[str, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    origin: Fraction = Fraction(0)
    read: Callable[[Clip, tuple[int, int], int], Iterator[Frame]] = field(repr=False)

    @property
    def name(self) -> str:
        """Of its file, without folders."""
        return self.path.name

    @property
    def expected(self) -> int | None:
        """How many frames it probably has; None if nothing tells."""
        if self.count is not None:
            return self.count
        return None if self.seconds is None else max(1, round(self.seconds * self.rate))

    @property
    def length(self) -> float:
        """How many seconds it probably lasts; 0 if nothing tells."""
        return self.seconds or float((self.count or 0) / self.rate)

    def frames(self, shape: tuple[int, int] | None = None, start: int = 0) -> Iterator[Frame]:
        """Yield its frames in order, none kept.

        Args:
            shape: (height, width) in which they are wanted; their own if None.
            start: the tick from which they are wanted: the first one is that which is shown then, and its
                number is 0. Beyond the end that is the last one.

        Raises:
            ImageError: it has no frame that can be read, or ends in the middle of nothing.
        """
        yield from self.read(self, shape or self.shape, start)

    def frame_at(self, second: float, shape: tuple[int, int] | None = None) -> Frame:
        """Return the frame that is shown at a second; arguments and errors are those of `frames`."""
        frames = self.frames(shape, int(max(0.0, second) / self.time_base))
        try:
            return next(frames)
        finally:
            frames.close()  # type: ignore[attr-defined]


Shown = tuple[int, int, Any]
"""When something is shown, for how long, in ticks, and what."""


def shown_from(start: int, shown: Iterator[Shown]) -> Iterator[Shown]:
    """Yield what is shown from a tick on; of what ends before it the last one."""
    last: Shown | None = None
    for ticks, duration, value in shown:
        last = ticks, duration, value
        if ticks + duration > start:
            yield last
    if last is not None and last[0] + last[1] <= start:
        yield last


def with_durations(frames: Iterator[tuple[int, Any, int]]) -> Iterator[Shown]:
    """Yield (ticks, duration, value) of (ticks, value, own duration), each as soon as the next one is there.

    A frame lasts until the next one is shown; the last one for its own duration. Time never stands still: a
    frame that would not be later than the one before is shown a tick after it.
    """
    before: tuple[int, Any, int] | None = None
    for ticks, value, own in frames:
        if before is not None:
            ticks = max(ticks, before[0] + 1)
            yield before[0], ticks - before[0], before[1]
        before = ticks, value, own
    if before is not None:
        yield before[0], max(1, before[2]), before[1]
