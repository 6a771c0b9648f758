"""Tones: a one-pass painting's colors, as they are seen from afar, brought nearer to the style's.

The transfer of moments gives features a style's means and covariances and leaves the shape of their
distribution: the few strong colors of a grayish photo come out in hues that the style has not, and its darks
and lights stay pale. What maps the colors of a small painting of the photo to the style's, in distribution,
is fitted, and moves each color by what it moves the mean of its surroundings: hues and tones change, strokes
keep the contrast that the features gave them.

Reference: Pitié, Kokaram and Dahyot, "Automated color grading using color distribution transfer" (2007).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from impasto.layers import STYLE_LAYERS
from impasto.pictures.color_transfer import (
    NOISE,
    Map,
    color_samples,
    evenly,
    histogram_distance,
    histogram_map,
)
from impasto.pictures.oklab import from_oklab, to_oklab
from impasto.pictures.resizing import fit, resize
from impasto.prepared import StyleImage, blend_weights
from impasto.workshop import Workshop

Array = NDArray[np.float32]
SMALL_SHAPE = (160, 160)
"""(height, width) of the small painting, whatever the photo's: engines that compile for a size do so once."""
FINEST = 2
"""Side in pixels of what the small painting's colors are means of: strokes are no tones."""
STYLE_SIDE = 128
"""Long side of a style image whose colors are looked at."""
SAMPLES = 2**13
"""Colors of a region's styles."""
LEAST_SAMPLES = 64
"""Fewer colors of a region in the small painting are not fitted to."""
CELL = 8
"""Side in pixels of the surroundings whose mean color tells by how much a color is moved."""
MOST_AMOUNT, MOST_GAIN = 0.7, (0.15, 0.3)
"""How far colors go, and by how much of their spread at most, of lightness and of chroma: stretched lightness
makes strokes coarser than the style's (of a pale Turner the style distance rose from 0.15 to 0.23)."""
NEAR_ENOUGH = 0.5
"""How near colors must come to the styles', relative to where they were, for the map to be used."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Tones:
    """How a region's colors are moved.

    Attributes:
        painted: colors of the small painting, float32 (pixels, 3) in Oklab.
        wanted: the styles', the same.
        amount: how far lightness, green-red and blue-yellow go to where they would be distributed alike,
            float32 (3,).
    """

    painted: Array
    wanted: Array
    amount: Array

    @property
    def nbytes(self) -> int:
        """The bytes that the colors take."""
        return self.painted.nbytes + self.wanted.nbytes

    def __getstate__(self) -> dict[str, Any]:
        """What is pickled; the map is made anew."""
        return {name: value for name, value in self.__dict__.items() if name != "move"}

    @cached_property
    def move(self) -> Map:
        """The map of colors in Oklab, the whole way."""
        return histogram_map(self.painted, self.wanted)

    def shift(self, colors: Array) -> Array:
        """Return by how much colors (..., 3) in sRGB are moved, float32."""
        flat = np.clip(colors, 0, 1).reshape(-1, 3)
        lab = to_oklab(flat)
        moved = from_oklab(lab + self.amount * (self.move(lab) - lab))
        return np.asarray(moved - flat, np.float32).reshape(colors.shape)


def fitted_tones(painting: Array, counted: Array, wanted: Array) -> Tones | None:
    """Return how a region's colors are moved; None where it would not bring them much nearer to the styles'.

    Args:
        painting: the small one, float32 (height, width, 3), sRGB.
        counted: how much of each pixel is the region's and visible, float32 (height, width) in [0, 1].
        wanted: of `style_colors`.
    """
    colors = to_oklab(cells_of(np.clip(painting, 0, 1), FINEST)[cells_of(counted, FINEST) >= 0.5])
    if len(colors) < LEAST_SAMPLES:
        return None
    move = histogram_map(colors, wanted)
    moved = move(colors)
    if histogram_distance(moved, wanted) > NEAR_ENOUGH * histogram_distance(colors, wanted):
        return None
    amounts = []
    for part, most in zip((slice(0, 1), slice(1, 3)), MOST_GAIN, strict=True):
        spread, shift = (float(np.linalg.norm(x[:, part].std(axis=0))) for x in (colors, moved - colors))
        gain = shift / max(spread, NOISE)
        amounts += [min(MOST_AMOUNT, most / max(gain, 1e-6))] * (part.stop - part.start)
    tones = Tones(painted=colors, wanted=wanted, amount=np.array(amounts, np.float32))
    tones.__dict__["move"] = move  # which is there already
    return tones


def style_colors(styles: Sequence[StyleImage], workshop: Workshop) -> Array:
    """Return colors of a blend of style images, float32 (pixels, 3) in Oklab, as many of each as it weighs.

    Args:
        styles: at least one with a weight above 0.
        workshop: keeps each style image's.
    """
    weights = blend_weights(styles, STYLE_LAYERS[0])
    ends = np.round(SAMPLES * np.cumsum([0.0, *weights]) / sum(weights)).astype(int)
    parts = []
    for style, begin, end in zip(styles, ends[:-1], ends[1:], strict=True):
        colors = workshop.get("statistics", ("colors", style.digest), partial(_colors, style), _bytes)
        parts.append(evenly(colors, range(begin, end)))
    return np.concatenate(parts)


def _colors(style: StyleImage) -> Array:
    shape = fit((style.pixels.shape[0], style.pixels.shape[1]), STYLE_SIDE)
    mask = None if style.mask is None else resize(style.mask, shape)
    return color_samples(resize(style.pixels, shape), mask)


def _bytes(colors: Array) -> int:
    return colors.nbytes


def toned(painted: Array, tones: Sequence[Tones | None], shares: Array | None, strength: float) -> Array:
    """Return a painting with its colors moved.

    Args:
        painted: float32 (height, width, 3), sRGB; of a part of a picture, it begins at whole cells.
        tones: of each region.
        shares: how much each region counts in each cell, float32 (regions, rows, columns), which may lack
            the last row or column of a picture whose side is no whole number of cells; None for one region.
        strength: 0 to 100; below 50 colors are moved less.

    Returns:
        float32 of the same shape, not clipped.
    """
    if not any(tones):
        return painted
    cells = cells_of(painted, CELL)
    shift = np.zeros_like(cells)
    for index, each in enumerate(tones):
        if each is not None:
            part = np.float32(1) if shares is None else _fitting(shares[index], cells.shape[:2])[..., None]
            shift += part * each.shift(cells)
    return painted_over(painted, np.float32(min(1.0, strength / 50)) * shift)


def painted_over(painted: Array, shift: Array) -> Array:
    """Return a painting and what is given for its cells, bilinear between their middles, added up.

    Args:
        painted: float32 (height, width, 3).
        shift: float32 (rows, columns, 3), of all its cells.
    """
    (height, width), rows = painted.shape[:2], len(shift)
    size, smooth = (CELL * shift.shape[1], rows), Image.Resampling.BILINEAR
    planes = [Image.fromarray(np.ascontiguousarray(plane)) for plane in np.moveaxis(shift, 2, 0)]
    across = np.stack([np.asarray(plane.resize(size, smooth))[:, :width] for plane in planes], axis=2)
    result = np.empty_like(painted)
    for row in range(height):  # one by one: they are added while they lie in the processor's cache
        place = min(max((row + 0.5) / CELL - 0.5, 0.0), rows - 1.0)
        above, below = across[int(place)], across[min(int(place) + 1, rows - 1)]
        np.multiply(below - above, np.float32(place - int(place)), out=result[row])
        result[row] += above
        result[row] += painted[row]
    return result


def cells_of(picture: Array, side: int) -> Array:
    """Return the means of squares of a picture, (height, width, ...); the last ones repeat its border."""
    height, width = picture.shape[:2]
    more = [(0, -height % side), (0, -width % side), *((0, 0),) * (picture.ndim - 2)]
    padded = np.pad(picture, more, mode="edge") if any(map(any, more)) else picture
    count, width = len(padded) // side, padded.shape[1]
    mean = np.full((1, side), 1 / side, np.float32)
    rows = (mean @ padded.reshape(count, side, -1)).reshape(count, width // side, side, *padded.shape[2:])
    return np.asarray(rows.mean(axis=2), np.float32)


def _fitting(mask: Array, shape: tuple[int, int]) -> Array:
    """Return a mask with its last row and column repeated, or left out, where it has not the shape."""
    rows, columns = (max(0, wanted - have) for wanted, have in zip(shape, mask.shape, strict=True))
    return np.pad(mask, ((0, rows), (0, columns)), mode="edge")[: shape[0], : shape[1]]
