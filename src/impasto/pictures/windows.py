"""A photo too large for memory, a TIFF or PNG: read in windows, upright, in sRGB, in the size of the result.

Whatever is read is decoded and converted as the same pixels of a small picture are (`tiff_segments.py`,
`png_segments.py`). A photo that is reduced is reduced window by window: first by whole factors, by means,
then by Lanczos-3.

What is hidden under an alpha of 0 continues the visible pixels around it, as in any picture, here those of
the photo in a small size: so that all windows agree about it.
"""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from impasto.errors import SettingError
from impasto.pictures.cutouts import INVISIBLE, fill_hidden
from impasto.pictures.decoding import (
    MAXIMUM_PIXELS,
    Pixels,
    pillow_errors,
    unit,
    upright,
)
from impasto.pictures.png_segments import SegmentedPng, png_head
from impasto.pictures.reading import MAXIMUM_BYTES, Picture, check_file, check_size
from impasto.pictures.resizing import Window, resize_box, resize_window, scale_to
from impasto.pictures.tiff import find_page, is_tiff
from impasto.pictures.tiff_segments import SegmentedTiff

Array = NDArray[Any]
SMALL_SIDE = 1024
"""Long side of the photo in the small size, by which colors are compared and hidden pixels filled."""
BLOCK = 2048
"""Side of what is read at once, to be reduced."""
REDUCED_WINDOW = 256
"""Side of the windows in which a photo is reduced."""
LEAST_FACTOR = 3
"""How much larger than wanted a picture stays when it is reduced by means first."""
LANCZOS_RADIUS = 3
HEAD_BYTES = 32
"""By which a kind that is read in windows is known."""
WINDOW_PIXELS = "IMPASTO_WINDOW_PIXELS"
"""The environment variable that says from how many pixels on a TIFF or PNG is painted in windows."""


class LargePhoto:
    """A photo in a TIFF or PNG file that is read in windows.

    Args:
        path: the file.

    Attributes:
        name: the file's name.
        full_shape: (height, width), upright.
        shape: (height, width) in which it is read; the full one unless it is `resized`.
        exif: the file's EXIF block, or None.
        notes: sentences without a full stop about what had to be decided.

    Raises:
        ImageError: it is neither, is damaged, is of a kind that is not supported or cannot be read in parts.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.name = self.path.name
        self._notes: list[str] = []
        with pillow_errors(self.name):
            self._segments = _segmented(self.path, self.name)
            self._segments.check_parts(BLOCK)
            self._declared, self.exif, self._orientation = self._segments.described(self._notes)
        height, width = self._segments.shape
        check_size((height, width), self.name, self.path.stat().st_size, most=2**62)
        self.full_shape = (width, height) if self._orientation >= 5 else (height, width)
        self.shape = self.full_shape
        self._part: tuple[Any, Pixels] | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        """Return what another process, which sees the same file, makes it of."""
        return _reopened, (self.path, self.shape, self.__dict__.get("small"))

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences without a full stop about what had to be decided, each once."""
        return tuple(dict.fromkeys(self._notes))

    @cached_property
    def sha256(self) -> str:
        """Of the file's bytes."""
        with self.path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def resized(self, shape: tuple[int, int]) -> LargePhoto:
        """Return the photo as it is read in another (height, width), not larger than its own."""
        other = object.__new__(LargePhoto)  # no copy.copy: that would open the file again, as pickle does
        other.__dict__ |= {name: value for name, value in self.__dict__.items() if name != "small"}
        other.shape = shape
        return other

    def picture(self) -> Picture:
        """Return all of it; its shape should be that of a picture that fits into memory."""
        height, width = self.shape
        pixels, alpha = np.empty((height, width, 3), np.float32), np.ones((height, width), np.float32)
        across = REDUCED_WINDOW if self._segments.tiled else width  # of whole rows none is read twice
        for rows, columns in _blocks((slice(0, height), slice(0, width)), REDUCED_WINDOW, across):
            pixels[rows, columns], opacity = self._read(rows, columns)
            if opacity is not None:
                alpha[rows, columns] = opacity
        opaque = alpha.min() == 1
        pixels = fill_hidden(pixels, None if opaque else alpha)
        return Picture(
            pixels, None if opaque else alpha, self.exif, self.notes, self.name, self.sha256, self.full_shape
        )

    @cached_property
    def small(self) -> Picture:
        """The photo with a long side of `SMALL_SIDE` px at most."""
        return self.resized(scale_to(self.shape, min(SMALL_SIDE, max(self.shape)))).picture()

    def window(self, window: Window) -> Picture:
        """Return a part of the photo, of the picture that it is in its shape.

        Raises:
            ImageError: the file is damaged there.
        """
        pixels, alpha = self._read(window.rows, window.columns)
        if self.small.alpha is None:
            alpha = None
        elif alpha is not None and alpha.min() <= 0:
            filled = resize_window(self.small.pixels, window)
            pixels = np.where(alpha[..., None] > 0, pixels, filled)
        return Picture(np.asarray(pixels, np.float32), alpha, name=self.name, full_shape=self.full_shape)

    @property
    def tile(self) -> tuple[int, int]:
        """(height, width) of the tiles or strips in the file."""
        return self._segments.segment

    @property
    def may_be_transparent(self) -> bool:
        """Whether the file has a channel for it."""
        return self._segments.may_be_transparent

    def close(self) -> None:
        """Close the file."""
        self._segments.close()

    def _read(self, rows: slice, columns: slice) -> tuple[Array, Array | None]:
        """Return pixels, float32 (h, w, 3), and alpha of a window; what is hidden is as the file has it."""
        if self.shape == self.full_shape:
            return self._decoded(rows, columns)
        places = [
            _source(part, full, side)
            for part, full, side in zip((rows, columns), self.full_shape, self.shape, strict=True)
        ]
        (down, top, bottom, factor), (across, left, right, factor_x) = places
        means = self._means(down, across, (factor_x, factor))
        shape = rows.stop - rows.start, columns.stop - columns.start
        planes = [resize_box(plane, shape, (left, top, right, bottom)) for plane in means]
        alpha = None if len(planes) == 3 else np.clip(planes[3], 0, 1)
        pixels = np.stack(planes[:3], axis=2)
        if alpha is not None:
            pixels /= np.maximum(alpha, INVISIBLE)[..., None]
        return np.clip(pixels, 0, 1), alpha

    def _means(self, rows: slice, columns: slice, factors: tuple[int, int]) -> list[Array]:
        """Return the means of blocks of pixels: three planes, premultiplied if a fourth one is alpha."""
        shape = (
            -(-(rows.stop - rows.start) // factors[1]),
            -(-(columns.stop - columns.start) // factors[0]),
        )
        planes, has_alpha = np.ones((4, *shape), np.float32), False
        sides = BLOCK // factors[1] * factors[1], BLOCK // factors[0] * factors[0]
        for down, across in _blocks(
            (rows, columns), *(max(s, f) for s, f in zip(sides, factors[::-1], strict=True))
        ):
            color, alpha = self._decoded(down, across)
            top, left = (down.start - rows.start) // factors[1], (across.start - columns.start) // factors[0]
            values = [color[..., index] for index in range(3)]
            if alpha is not None:
                has_alpha = True
                values = [*(value * alpha for value in values), alpha]
            for plane, value in zip(planes, values, strict=False):
                reduced = np.asarray(Image.fromarray(np.ascontiguousarray(value)).reduce(factors))
                plane[top : top + reduced.shape[0], left : left + reduced.shape[1]] = reduced
        return list(planes if has_alpha else planes[:3])

    def _decoded(self, rows: slice, columns: slice) -> tuple[Array, Array | None]:
        """Return pixels, float32 (h, w, 3), and alpha of a window of the full picture."""
        stored_rows, stored_columns = self._stored(rows, columns)
        place = self._segments.place(stored_rows, stored_columns)
        if self._part is None or self._part[0] != place:
            self._part = None  # two parts would take twice the memory
            with pillow_errors(self.name):
                self._part = place, self._segments.decoded(place, self._declared, self._notes)
        top, left = place[0].start, place[1].start
        inside = (
            slice(stored_rows.start - top, stored_rows.stop - top),
            slice(stored_columns.start - left, stored_columns.stop - left),
        )
        color, alpha = (None if plane is None else plane[inside] for plane in self._part[1])
        color, alpha = upright(color, self._orientation), upright(alpha, self._orientation)
        pixels = np.broadcast_to(np.atleast_3d(unit(color)), (*color.shape[:2], 3))
        return np.ascontiguousarray(pixels), None if alpha is None else np.ascontiguousarray(unit(alpha))

    def _stored(self, rows: slice, columns: slice) -> tuple[slice, slice]:
        """Return where a window of the upright picture lies in the file, as `upright` turns it."""
        height, width = self.full_shape
        if self._orientation in (3, 4, 7, 8):
            rows = slice(height - rows.stop, height - rows.start)
        if self._orientation in (2, 3, 6, 7):
            columns = slice(width - columns.stop, width - columns.start)
        return (columns, rows) if self._orientation >= 5 else (rows, columns)


def _segmented(path: Path, name: str) -> SegmentedTiff | SegmentedPng:
    with path.open("rb") as file:
        return (SegmentedTiff if is_tiff(file.read(4)) else SegmentedPng)(path, name)


def _reopened(path: Path, shape: tuple[int, int], small: Picture | None) -> LargePhoto:
    photo = LargePhoto(path).resized(shape)
    if small is not None:
        photo.__dict__["small"] = small
    return photo


def _source(part: slice, full: int, side: int) -> tuple[slice, float, float, int]:
    """Return for a part of a reduced axis what is read of the full one, and by how much it is reduced first.

    Returns:
        The part that is read; where in it, once it is reduced by a whole factor, the wanted part begins and
        ends; that factor.
    """
    scale = full / side
    factor = max(1, int(scale / LEAST_FACTOR))
    start, stop = part.start * scale / factor, part.stop * scale / factor
    margin = LANCZOS_RADIUS * max(1.0, scale / factor) + 1
    first, last = max(0, math.floor(start - margin)), math.ceil(stop + margin)
    return slice(first * factor, min(last * factor, full)), start - first, stop - first, factor


def _blocks(area: tuple[slice, slice], down: int, across: int | None = None) -> Iterator[tuple[slice, slice]]:
    """Yield the blocks of an area, row by row, with sides of at most so many pixels."""
    rows, columns = area
    across = across or down
    for top in range(rows.start, rows.stop, down):
        for left in range(columns.start, columns.stop, across):
            yield slice(top, min(top + down, rows.stop)), slice(left, min(left + across, columns.stop))


def check_photo(path: str | Path) -> None:
    """Check that a photo's file is there and may be read; one that is read in windows may have any size.

    Errors are `check_file`'s.
    """
    check_file(path, most=None)
    if not is_windowed(path):
        check_file(path)


def is_windowed(path: Any) -> bool:
    """Return whether a photo is a file of which windows are read: a TIFF, or a PNG that is not interlaced."""
    if not isinstance(path, str | Path) or not os.path.isfile(path):
        return False
    with Path(path).open("rb") as file:
        data = file.read(HEAD_BYTES)
    png = png_head(data)
    return is_tiff(data) or (png is not None and not png[1])


def stored_shape(path: str | Path) -> tuple[int, int]:
    """Return the (height, width) of such a photo as it lies in the file; its tags alone are looked at.

    Raises:
        ImageError: it has no picture of full resolution, is a raw photo, or is damaged.
    """
    path = Path(path)
    with pillow_errors(path.name), path.open("rb") as file:
        if png := png_head(file.read(HEAD_BYTES)):
            return png[0]
        page, _ = find_page(file, path.name)
        return int(page.imagelength), int(page.imagewidth)


def is_huge(path: Any) -> bool:
    """Return whether a photo is larger than what is read at once, of a kind of which windows are read."""
    if not is_windowed(path):
        return False
    return Path(path).stat().st_size > MAXIMUM_BYTES or math.prod(stored_shape(path)) > MAXIMUM_PIXELS


def most_pixels(free: int, per_pixel: int) -> int:
    """Return up to how many pixels a picture is painted as a whole.

    Args:
        free: bytes of memory.
        per_pixel: bytes that it takes.

    Raises:
        SettingError: ``IMPASTO_WINDOW_PIXELS`` is no number.
    """
    chosen = os.environ.get(WINDOW_PIXELS)
    if not chosen:
        return min(MAXIMUM_PIXELS, free // per_pixel)
    if not chosen.isdecimal():
        raise SettingError(
            "{name} must be a whole number of pixels, not {value!r}", name=WINDOW_PIXELS, value=chosen
        )
    return int(chosen)
