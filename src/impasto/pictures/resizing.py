"""Pictures in other sizes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from impasto.layers import MINIMUM_SIDE

Array = NDArray[Any]


@dataclass(frozen=True)
class Window:
    """A part of a picture: rows and columns of a picture of a (height, width)."""

    rows: slice
    columns: slice
    picture: tuple[int, int]

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width) of the part."""
        return self.rows.stop - self.rows.start, self.columns.stop - self.columns.start


def fit(shape: tuple[int, int], max_size: int) -> tuple[int, int]:
    """Return (height, width) reduced to a long side of ``max_size`` px, never enlarged, sides >= 16."""
    return scale_to(shape, min(max_size, max(shape)))


def scale_to(shape: tuple[int, int], long_side: int) -> tuple[int, int]:
    """Return (height, width) with the long side ``long_side`` px and the same aspect, sides >= 16."""
    factor = long_side / max(shape)
    height, width = (max(MINIMUM_SIDE, round(side * factor)) for side in shape)
    return height, width


def resize(pixels: Array, shape: tuple[int, int]) -> NDArray[np.float32]:
    """Return a picture in another size: Lanczos-3, its kernel widened when reducing (no aliasing).

    Args:
        pixels: float32 (height, width, channels) or (height, width).
        shape: (height, width) wanted.

    Returns:
        float32; each channel stays within its own range before, so that nothing rings beyond [0, 1].
        The array itself if it has that size already: a copy of a large picture costs memory.

    Reference: Duchon, "Lanczos Filtering in One and Two Dimensions" (1979).
    """
    pixels = np.asarray(pixels, np.float32)
    if pixels.shape[:2] == tuple(shape):
        return pixels
    size = (shape[1], shape[0])
    channels = []
    for channel in np.moveaxis(np.atleast_3d(pixels), 2, 0):
        plane = Image.fromarray(np.ascontiguousarray(channel)).resize(size, Image.Resampling.LANCZOS)
        channels.append(np.clip(np.asarray(plane), channel.min(), channel.max()))
    return channels[0] if pixels.ndim == 2 else np.stack(channels, axis=2)


def resize_window(pixels: Array, window: Window) -> NDArray[np.float32]:
    """Return a window of what `resize` makes of a picture, without making the rest of it.

    Args:
        pixels: float32 (height, width, channels) or (height, width).
        window: of the picture in the size that is wanted.
    """
    pixels, rows, columns = np.asarray(pixels, np.float32), window.rows, window.columns
    if pixels.shape[:2] == tuple(window.picture):
        return pixels[rows, columns]
    down, across = (side / wanted for side, wanted in zip(pixels.shape, window.picture, strict=False))
    box = columns.start * across, rows.start * down, columns.stop * across, rows.stop * down
    channels = []
    for channel in np.moveaxis(np.atleast_3d(pixels), 2, 0):
        resized = resize_box(channel, window.shape, box)
        channels.append(np.clip(resized, channel.min(), channel.max()))
    return channels[0] if pixels.ndim == 2 else np.stack(channels, axis=2)


def resize_box(
    plane: Array, shape: tuple[int, int], box: tuple[float, float, float, float]
) -> NDArray[np.float32]:
    """Return a part of a plane in another size by Lanczos-3, which looks beyond the part's borders.

    Args:
        plane: float32 (height, width).
        shape: (height, width) wanted.
        box: (left, top, right, bottom) of the part in pixels, within the plane.
    """
    height, width = plane.shape
    left, top, right, bottom = box
    box = max(0.0, left), max(0.0, top), min(float(width), right), min(float(height), bottom)
    image = Image.fromarray(np.ascontiguousarray(plane))
    return np.asarray(image.resize((shape[1], shape[0]), Image.Resampling.LANCZOS, box), np.float32)
