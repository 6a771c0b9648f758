"""Adjustments of a finished picture: exposure, contrast, saturation, film grain; the picture itself stays.

In this order, in Oklab, where lightness L, chroma and hue are apart:

- exposure e, in stops: linear light times 2^e. Oklab is made of cube roots of linear light, so that all its
  three coordinates are multiplied by 2^(e/3).
- contrast c: L' = 1/2 + tanh(b (L - 1/2)) / (2 tanh(b / 2)) with b = 3 c / 100, and for c < 0 its inverse,
  L' = 1/2 + artanh(tanh(b / 2) (2 L - 1)) / b with b = -3 c / 100: black, L = 1/2 and white stay.
- saturation s: chroma times 1 + s / 100; at -100 the picture is gray.
- film grain g: L' = L + 0.1 (g / 100) 2 sqrt(L (1 - L)) n. n is noise of mean 0 and deviation 1 on a grid of
  1024 cells along the picture's long side: a larger picture has the same grain, larger. Grains cover an
  evenly lit place to a share u, and what they cover varies by u (1 - u): most in the middle tones.

What comes of it leaves through `from_oklab`: a color that sRGB cannot show loses chroma, not lightness or
hue. A page can compute the same in a shader.

References: Ottosson, "A perceptual color space for image processing" (2020); Braun and Fairchild, "Image
lightness rescaling using sigmoidal contrast enhancement functions" (1999); Newson, Delon and Galerne, "A
stochastic film grain model for resolution-independent rendering" (2017); Jarzynski and Olano, "Hash functions
for GPU rendering" (2020), for the noise.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from impasto.pictures.oklab import from_oklab, to_oklab
from impasto.pictures.resizing import Window, resize, resize_window
from impasto.settings import Settings

Array = NDArray[np.float32]
STEEPEST = 3.0
"""b at contrast 100: the middle tones' slope is 1.66 there, and 0.60 at -100."""
GRAIN_CELLS = 1024
"""Along the long side."""
STRONGEST_GRAIN = 0.1
"""Deviation of the middle tones' lightness at film grain 100, in cells of the grid."""


def adjusted(pixels: Array, settings: Settings, window: Window | None = None) -> Array:
    """Return a picture adjusted as the settings say; the picture itself if they ask for nothing.

    Args:
        pixels: float32 (height, width, 3), sRGB in [0, 1].
        settings: of which ``exposure``, ``contrast``, ``saturation``, ``film_grain`` and, for the grain,
            ``seed`` are used.
        window: where in the picture the pixels lie; None if they are all of it.
    """
    exposure, contrast, saturation = settings.exposure, settings.contrast, settings.saturation
    if not any((exposure, contrast, saturation, settings.film_grain)):
        return pixels
    lab = to_oklab(pixels)
    if exposure:
        lab *= np.float32(2 ** (exposure / 3))
    if contrast:
        lab[..., 0] = contrasted(np.clip(lab[..., 0], 0, 1), contrast)
    if saturation:
        lab[..., 1:] *= np.float32(1 + saturation / 100)
    if settings.film_grain:
        lightness = np.clip(lab[..., 0], 0, 1)
        strength = np.float32(STRONGEST_GRAIN * settings.film_grain / 100)
        shape = window.picture if window else (pixels.shape[0], pixels.shape[1])
        noise = film_noise(shape, settings.seed, window)
        lab[..., 0] = lightness + strength * 2 * np.sqrt(lightness * (1 - lightness)) * noise
    return from_oklab(lab)


def contrasted(lightness: Array, contrast: float) -> Array:
    """Return lightness in [0, 1] with more contrast, or less if it is below 0; see this file's head."""
    steepness = STEEPEST * abs(contrast) / 100
    end = math.tanh(steepness / 2)
    if contrast > 0:
        return np.asarray(0.5 + np.tanh(steepness * (lightness - 0.5)) / (2 * end), np.float32)
    return np.asarray(0.5 + np.arctanh(end * (2 * lightness - 1)) / steepness, np.float32)


def film_noise(shape: tuple[int, int], seed: int, window: Window | None = None) -> Array:
    """Return the grain of a picture of a (height, width), or of a window: its grid of cells, in its size.

    Cell (row, column) is sqrt(3) (b0 + b1 + b2 + b3 - 2), b the bytes of its hash over 255.
    """
    scale = GRAIN_CELLS / max(shape)
    height, width = (max(1, round(side * scale)) for side in shape)
    rows, columns = np.arange(height, dtype=np.uint32), np.arange(width, dtype=np.uint32)
    start = _hash(np.array([seed % 2**32], np.uint32))
    hashes = _hash(columns + _hash(rows + start)[:, None])
    total = sum((hashes >> np.uint32(shift)) & np.uint32(255) for shift in (0, 8, 16, 24))
    cells = np.sqrt(3) * (np.asarray(total, np.float64) / 255 - 2)
    noise = cells.astype(np.float32)
    return resize(noise, shape) if window is None else resize_window(noise, window)


def _hash(values: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """Return the PCG hash of 32 bit numbers, as shaders compute it (Jarzynski and Olano 2020)."""
    state = values * np.uint32(747796405) + np.uint32(2891336453)
    word = ((state >> ((state >> np.uint32(28)) + np.uint32(4))) ^ state) * np.uint32(277803737)
    return np.asarray((word >> np.uint32(22)) ^ word, np.uint32)
