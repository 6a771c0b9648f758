"""What the painters of the built-in styles share: palettes, noise, light."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Array = NDArray[Any]
Coordinates = tuple[Array, Array]

POINTS = 768
"""Points along a side; smaller pictures are painted at this size, then scaled down."""


def palette(*colours: str) -> Array:
    """Return (n, 3) sRGB in [0, 1] from six hexadecimal digits each."""
    return np.array([list(bytes.fromhex(c)) for c in colours], np.float32) / 255


def ramp(colours: Array, position: Array) -> Array:
    """Return (..., 3): the colour at each position in [0, 1] along the palette."""
    stops = np.linspace(0, 1, len(colours))
    return np.stack([np.interp(position, stops, c) for c in colours.T], -1).astype(np.float32)


def noise(rng: np.random.Generator, cells: int, size: int) -> Array:
    """Return (size, size) of smooth noise: mean 0 and deviation about 1, the same at every size."""
    lattice = rng.standard_normal((cells, cells)).astype(np.float32)
    smooth: Array = ndimage.zoom(lattice, size / cells, order=3, mode="reflect", grid_mode=True)
    return smooth * np.float32(1.5)


def grid(size: int) -> Coordinates:
    """Return x (1, size) and y (size, 1) of the pixels' centres."""
    centres = (np.arange(size, dtype=np.float32) + 0.5) / size
    return centres[None, :], centres[:, None]


def step(value: Array, low: float, high: float) -> Array:
    """Return 0 below low, 1 above high, smooth between."""
    t: Array = np.clip((value - low) / (high - low), 0, 1)
    smooth: Array = t * t * (3 - 2 * t)
    return smooth


def mix(below: Array, above: Array, cover: Array) -> Array:
    """Return the colours below, covered by those above as far as the cover, in [0, 1], says."""
    mixed: Array = below + cover[..., None] * (above - below)
    return mixed


def relief(height: Array) -> Array:
    """Return the light, in about [-1, 1], that falls on a surface from the upper left.

    The height is in points, (size, size).
    """
    down, right = np.gradient(height * (len(height) / POINTS))
    light: Array = np.tanh(0.6 * right + 0.8 * down)
    return light


def look_up(values: Array, place: Array) -> Array:
    """Return the values of a unit square's grid at places (n, 2), x and y."""
    cells = np.clip(place * len(values), 0, len(values) - 1).astype(np.intp)
    found: Array = values[cells[:, 1], cells[:, 0]]
    return found


ACCENTS = palette("c9452a", "e5792f", "f0c24a", "f5ead0", "35a3a0", "5a3f8f")
"""Colours of the odd stroke or tile."""
