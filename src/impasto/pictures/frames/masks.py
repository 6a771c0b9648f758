"""Masks of a film's regions: each a clip of its own, frame for frame, or a picture that is held."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from impasto.errors import ImageError
from impasto.pictures.frames.animation import is_animation, is_picture
from impasto.pictures.frames.clip import Clip, Frame
from impasto.pictures.frames.opening import open_clip
from impasto.pictures.frames.sequence import is_pattern, numbered, picture_numbers
from impasto.pictures.masks import BLACK, Mask, check_alike, read_mask, whiteness
from impasto.pictures.reading import Picture, check_file, read_shape
from impasto.styles import is_mask_text


class FrameMasks:
    """The masks of some regions in each frame of a clip.

    Args:
        sources: as regions have them: a clip's file or pattern, or anything that `read_mask` reads.
        clip: whose regions they are.
        shape: (height, width) in which its frames are painted.

    Attributes:
        moving: whether one of them is a clip.

    Raises:
        MissingFileError: there is no such file.
        ImageError: one cannot be read, is black everywhere or has another aspect ratio than the clip.
    """

    def __init__(self, sources: Sequence[Any], clip: Clip, shape: tuple[int, int]) -> None:
        self._clip, self._shape = clip, shape
        opened = [_opened(source) for source in sources]
        self._clips = [one for one in opened if one is not None]
        for mask in self._clips:
            check_alike(mask.name, mask.shape, clip.shape)
        self.moving = bool(self._clips)
        self._masks: list[Clip | Mask] = [
            read_mask(source, shape, clip.shape) if moving is None else moving
            for source, moving in zip(sources, opened, strict=True)
        ]

    def check(self, stop: int | None = None) -> None:
        """Check that the clips among them have as many frames as theirs, by reading all.

        Args:
            stop: the tick of the clip from which on nothing is painted; as many frames as are painted are
                enough then.

        Raises:
            ImageError: one has another number of frames, or is damaged.
        """
        if not self._clips:
            return
        wanted = count_frames(self._clip, stop)
        for mask in self._clips:
            _check_headers(mask)
            count = count_frames(mask, most=None if stop is None else wanted)
            if count < wanted or (stop is None and count > wanted):
                raise self._refusal(mask, count, wanted)

    def frames(self) -> Iterator[tuple[Mask, ...]]:
        """Yield the masks of each frame, float32 (height, width) in [0, 1]; if all are still, without end.

        Raises:
            ImageError: a clip has ended, when its next frame is asked for.
        """
        readers = [one.frames(self._shape) if isinstance(one, Clip) else None for one in self._masks]
        count = 0
        while True:
            yield tuple(
                self._next(reader, mask, count) for reader, mask in zip(readers, self._masks, strict=True)
            )
            count += 1

    def _next(self, reader: Iterator[Frame] | None, mask: Any, count: int) -> Mask:
        if reader is None:
            return np.asarray(mask, np.float32)
        frame = next(reader, None)
        if frame is None:
            raise self._refusal(mask, count, count + 1)
        return _mask_of(frame)

    def _refusal(self, mask: Clip, count: int, wanted: int) -> ImageError:
        return ImageError(
            "the mask {mask} must have a frame for each of {clip}'s; it has {found}, not {wanted}",
            mask=mask.name,
            clip=self._clip.name,
            found=count,
            wanted=wanted,
        )


def count_frames(clip: Clip, stop: int | None = None, most: int | None = None) -> int:
    """Return how many frames a clip has, a video's by decoding them.

    Args:
        clip: of any kind.
        stop: the tick before which frames are counted; all if None.
        most: of a video's, that are counted.

    Raises:
        ImageError: it is damaged.
    """
    if clip.kind == "video":
        from impasto.pictures.frames import container

        return container.count_frames(clip, stop, most)
    if stop is None and clip.count is not None:
        return clip.count
    return sum(1 for frame in clip.frames() if stop is None or frame.ticks < stop)


def _opened(source: Any) -> Clip | None:
    """Return the clip that a mask is; None if it is a still picture."""
    if not isinstance(source, str | Path) or is_mask_text(source):
        return None
    path = Path(source)
    if not is_pattern(path):
        check_file(path, most=None)
        with path.open("rb") as file:
            head = file.read(16)
        if is_picture(head) and not is_animation(path):
            return None
    try:
        return open_clip(path)
    except ImageError:
        with suppress(ImageError):
            read_shape(path)
            return None  # a picture of a format that is seldom met
        raise


def _check_headers(clip: Clip) -> None:
    """Check that all numbered pictures can be opened and have one shape, as far as their headers tell."""
    if clip.kind != "sequence":
        return
    for number in picture_numbers(clip.path):
        read_shape(numbered(clip.path, number))


def _mask_of(frame: Frame) -> Mask:
    """Return a frame as a mask; what compression has left in black is none."""
    mask = whiteness(Picture(pixels=frame.pixels, alpha=frame.alpha))
    return np.where(mask < BLACK, np.float32(0), mask)
