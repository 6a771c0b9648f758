"""Pictures with transparent parts: resampled so that only what is seen counts, and nothing hidden stays.

What lies under an alpha of 0 is not a part of the picture: programs leave black, white or an old background
there. It must change neither a visible pixel nor anything that is computed from the picture.

References: Porter and Duff, "Compositing Digital Images" (1984), on premultiplied colors; Gortler,
Grzeszczuk, Szeliski and Cohen, "The Lumigraph" (1996), section 3.4 (pull-push), on filling holes.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from impasto.pictures.resizing import resize

Array = NDArray[Any]
INVISIBLE = 1 / 512
"""Alpha that rounds to 0 in 8 bits; after a reduction it is what is left of a kernel's ringing."""
GRAY = 0.5
"""Of a picture in which nothing is visible."""


def resize_visible(
    pixels: Array, alpha: Array | None, shape: tuple[int, int]
) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
    """Return a picture in another size, each pixel weighted by its alpha: sum(k a c) / sum(k a).

    Args:
        pixels: float32 (height, width, 3) or (height, width).
        alpha: float32 (height, width) in [0, 1], or None if all of it is opaque.
        shape: (height, width) wanted.

    Returns:
        Pixels, within each channel's range before, and alpha. The arrays themselves if they have that size.
    """
    if alpha is None or pixels.shape[:2] == tuple(shape):
        return resize(pixels, shape), alpha
    opacity = resize(alpha, shape)
    safe = np.maximum(opacity, INVISIBLE)
    visible = alpha > 0
    channels = []
    for channel in np.moveaxis(np.atleast_3d(pixels), 2, 0):
        values = channel[visible]
        low, high = (values.min(), values.max()) if len(values) else (0, 1)
        channels.append(np.clip(resize(channel * alpha, shape) / safe, low, high))
    resized = channels[0] if pixels.ndim == 2 else np.stack(channels, axis=2)
    return np.asarray(resized, np.float32), opacity


def fill_hidden(pixels: Array, alpha: Array | None) -> NDArray[np.float32]:
    """Return a picture whose invisible pixels continue the visible ones around them.

    What is visible stays as it is; the rest depends on it alone. From level to level of a pyramid the visible
    colors, weighted by their alpha, are pulled down until no hole is left, and pushed back up into the holes.

    Args:
        pixels: float32 (height, width, 3), sRGB in [0, 1].
        alpha: float32 (height, width) in [0, 1], or None if all of it is opaque.
    """
    if alpha is None or alpha.min() > 0:
        return pixels
    if alpha.max() <= 0:
        return np.full_like(pixels, GRAY)
    filled = _filled(pixels * alpha[..., None], alpha)
    return np.where(alpha[..., None] > 0, pixels, filled).astype(np.float32)


def _filled(premultiplied: Array, weight: Array) -> Array:
    """Return colors everywhere, of premultiplied ones and their weights, by pull and push."""
    height, width = weight.shape
    own = premultiplied / np.maximum(weight, 1e-6)[..., None]
    if weight.min() > 0 or max(height, width) == 1:
        return own
    coarse = _filled(_halved(premultiplied), _halved(weight[..., None])[..., 0])
    below = resize(coarse, (coarse.shape[0] * 2, coarse.shape[1] * 2))[:height, :width]
    opacity = np.minimum(1, weight)[..., None]
    return np.asarray(opacity * own + (1 - opacity) * below, np.float32)


def _halved(values: Array) -> Array:
    """Return the means of 2 x 2 pixels; beyond an odd border there is nothing."""
    height, width = (side + side % 2 for side in values.shape[:2])
    padded = np.zeros((height, width, values.shape[2]), np.float32)
    padded[: values.shape[0], : values.shape[1]] = values
    return np.asarray(
        padded.reshape(height // 2, 2, width // 2, 2, -1).mean(axis=(1, 3)),
        np.float32,
    )
