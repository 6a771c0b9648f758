"""Pictures in other sizes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from impasto.layers import MINIMUM_SIDE

Array = NDArray[Any]


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
