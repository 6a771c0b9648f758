"""Oklab: the color space in which colors are compared and exchanged, to sRGB and back."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from impasto.errors import ImageError

Array = NDArray[np.float32]
SRGB_TO_CONES = np.array([
    [0.4122214708, 0.5363325363, 0.0514459929],
    [0.2119034982, 0.6806995451, 0.1073969566],
    [0.0883024619, 0.2817188376, 0.6299787005],
])  # fmt: skip
"""From linear sRGB to the responses of the eye's three kinds of cones (Ottosson 2020)."""
CONES_TO_OKLAB = np.array([
    [0.2104542553, 0.7936177850, -0.0040720468],
    [1.9779984951, -2.4285922050, 0.4505937099],
    [0.0259040371, 0.7827717662, -0.8086757660],
])  # fmt: skip
"""From the cube roots of those responses to lightness, green-red and blue-yellow (Ottosson 2020)."""
_TO_CONES = SRGB_TO_CONES.T.astype(np.float32)
_TO_OKLAB = CONES_TO_OKLAB.T.astype(np.float32)
_FROM_OKLAB = np.linalg.inv(CONES_TO_OKLAB).T.astype(np.float32)
_FROM_CONES = np.linalg.inv(SRGB_TO_CONES).T.astype(np.float32)
BAND = 2**14
"""Pixels converted at once: what lies in between stays in the cache, and OpenBLAS starts no threads for
matrix products of this size; waiting for each other they took ten times as long on a busy machine."""
GAMUT_TOLERANCE = 1e-5
"""Linear light this far outside [0, 1] is rounding: in sRGB at most a 30th of an 8-bit step."""


def to_oklab(picture: Array) -> Array:
    """Convert sRGB to Oklab.

    Args:
        picture: (..., 3), sRGB; values outside [0, 1] are taken for the nearest one inside.

    Returns:
        float32 of the same shape: lightness (black 0, white 1), then green-red and blue-yellow, both
        about [-0.3, 0.3] and zero for grays. Their length is the chroma, their angle the hue.

    Reference: Ottosson 2020; the transfer function is that of IEC 61966-2-1.
    """
    return _in_bands(_band_to_oklab, picture)


def from_oklab(lab: Array) -> Array:
    """Convert Oklab to sRGB; colors outside the gamut lose chroma, never lightness or hue.

    Args:
        lab: (..., 3), see `to_oklab`; lightness outside [0, 1] becomes black or white.

    Returns:
        float32 of the same shape, sRGB in [0, 1].

    Reference: Ottosson 2020; the border of the gamut is found by bisection along the chroma.
    """
    return _in_bands(_band_from_oklab, lab)


def _check(*pictures: Array) -> None:
    for picture in pictures:
        if picture.ndim != 3 or picture.shape[2] != 3 or not picture.size:
            raise ImageError(
                "a color picture has the shape (height, width, 3), not {shape}", shape=picture.shape
            )


def _in_bands(convert: Callable[..., Array], *pictures: Array) -> Array:
    """Apply a function of (pixels, 3) to pictures of one shape, ``BAND`` pixels at a time."""
    flat = [np.asarray(picture, np.float32).reshape(-1, 3) for picture in pictures]
    result = np.empty_like(flat[0])
    for start in range(0, len(result), BAND):
        band = slice(start, start + BAND)
        result[band] = convert(*(pixels[band] for pixels in flat))
    return result.reshape(pictures[0].shape)


def _band_to_oklab(srgb: Array) -> Array:
    light = decode_srgb(np.clip(srgb, 0, 1))
    return np.asarray(np.cbrt(light @ _TO_CONES) @ _TO_OKLAB, np.float32)


def _band_from_oklab(lab: Array) -> Array:
    lab = np.concatenate([np.clip(lab[:, :1], 0, 1), lab[:, 1:]], axis=1)
    light = _light(lab @ _FROM_OKLAB)
    outside = ~_in_gamut(light)
    if outside.any():
        light[outside] = _reduce_chroma(lab[outside])
    return encode_srgb(light)


def _reduce_chroma(lab: Array) -> Array:
    """Return linear sRGB of the largest chroma that the gamut has at each lightness and hue."""
    gray, color = lab[:, :1], lab[:, 1:] @ _FROM_OKLAB[1:]
    factor = np.zeros_like(gray)
    for halving in range(1, 13):  # to 1/4096 of the chroma asked for
        tried = factor + np.float32(0.5**halving)
        factor = np.where(_in_gamut(_light(gray + tried * color))[:, None], tried, factor)
    return _light(gray + factor * color)


def _light(cone_roots: Array) -> Array:
    return np.asarray((cone_roots * cone_roots * cone_roots) @ _FROM_CONES, np.float32)


def _in_gamut(light: Array) -> NDArray[np.bool_]:
    inside = (light >= -GAMUT_TOLERANCE) & (light <= 1 + GAMUT_TOLERANCE)
    return inside[:, 0] & inside[:, 1] & inside[:, 2]


def decode_srgb(values: Array) -> Array:
    """Return the linear light of sRGB values in [0, 1] (IEC 61966-2-1)."""
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def encode_srgb(light: Array) -> Array:
    """Return sRGB values of linear light, which is clipped to [0, 1] (IEC 61966-2-1)."""
    light = np.clip(light, 0, 1)
    return np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)


def _gray(lightness: Array) -> Array:
    """Return sRGB (pixels, 3) of this lightness and no chroma: linear light is its cube."""
    return np.repeat(encode_srgb(lightness[:, None] ** 3), 3, axis=1)
