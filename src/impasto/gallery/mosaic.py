"""A garden of glass tiles, set in rows along the outlines of flowers, leaves and water.

Reference: tiles that follow the outlines, each the cell of an oriented square metric, after Hausner
(SIGGRAPH 2001).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from scipy.spatial import cKDTree
from skimage import measure

from impasto.gallery.surface import (
    ACCENTS,
    POINTS,
    Array,
    grid,
    look_up,
    mix,
    noise,
    palette,
    ramp,
    relief,
    step,
)

PLAN = 512
"""Side of the grid on which the mosaic's forms are drawn."""

_WATER = (
    palette("10224f", "1b3f7f", "2a6fa8"),
    palette("0f5a6b", "1f8a8f", "5fb9ac"),
    palette("1d3a6e", "2f62a8", "6f9fd0"),
    palette("b88a2a", "dcb348", "f2d98a"),
    palette("176a63", "2f9a84", "9fd2b4"),
    palette("6fb3bd", "a6d5d0", "d5eadb"),
)
"""Palettes of the bands of the ground, in turn."""
_PETALS = (
    (palette("8f1f24", "c5352c", "e8663c"), palette("b5472a", "ec8b4a", "f7c07a")),
    (palette("9c8f9a", "e6dcc6", "fbf6e6"), palette("c98a8a", "e6b4a6", "f4dccb")),
    (palette("45205c", "8646a3", "cf9bd8"), palette("34357f", "7580d2", "ccd2f2")),
)
"""Pairs of palettes for the flowers' alternate petals."""
_HEART = palette("5a3312", "b5791f", "efc544", "fbe9a0")
_LEAF = palette("123a24", "2a6a34", "6b9a3c", "b5c25a")
_GROUT = palette("3a332d")[0]
_FLOWERS = (
    (0.655, 0.325, 0.265, 9, 0), (0.235, 0.245, 0.165, 7, 1), (0.275, 0.715, 0.205, 8, 2),
    (0.815, 0.800, 0.150, 6, 1), (0.955, 0.065, 0.130, 7, 2), (0.015, 0.490, 0.095, 5, 0),
    (0.545, 0.960, 0.120, 7, 0),
)  # fmt: skip
"""x, y, radius, petals, pair of palettes."""
_LEAVES = (
    (0.43, 0.555, 0.135, 0.62), (0.585, 0.685, 0.125, -0.75), (0.09, 0.045, 0.12, 0.35),
    (0.93, 0.545, 0.13, 1.25), (0.065, 0.895, 0.12, -0.9), (0.445, 0.06, 0.12, -0.35),
    (0.70, 0.955, 0.07, 0.2), (0.43, 0.40, 0.08, 1.35),
)  # fmt: skip
"""x, y, half length, angle of the leaves."""
_TILE = 12.5
"""Points from one row of tiles to the next."""


@dataclass(frozen=True)
class _Tiles:
    """Tiles: centre x, y and colour, and the row's direction (radians), breadth and length (points)."""

    place: Array
    colour: Array
    angle: Array
    breadth: Array
    length: Array


def paint_mosaic(rng: np.random.Generator, size: int) -> Array:
    """Return the picture, (size, size, 3), sRGB, in about [0, 1]; the size is at least POINTS."""
    label, colour = _draw_garden(rng)
    tiles = _lay_tiles(rng, label, colour)
    owner, depth, lean = _set_tiles(tiles, size)
    grain = noise(rng, 384, size)
    depth = depth + 0.28 * noise(rng, 150, size) + 0.14 * grain
    n = len(tiles.place)
    tilt = rng.standard_normal((n, 2)).astype(np.float32) * 0.07
    gleam = rng.random(n).astype(np.float32)
    glass = tiles.colour[owner]
    shade = (lean * tilt[owner]).sum(-1) + 0.05 * noise(rng, 220, size) + 0.06 * grain
    glass = glass * (1 + shade[..., None])
    height = 2.2 * step(depth, 0.3, 2.4) + 0.22 * noise(rng, 200, size)
    light = relief(height)
    glass = glass * (1 + 0.30 * light[..., None])
    glint = step(lean.sum(-1) * -0.5 + 2 * gleam[owner], 1.75, 2.6)
    glass = glass + 0.30 * glint[..., None]
    grout = _GROUT * (1 + 0.16 * grain + 0.2 * noise(rng, 60, size))[..., None]
    return mix(grout, glass, step(depth, 0.5, 1.6))


def _draw_garden(rng: np.random.Generator) -> tuple[Array, Array]:
    """Return the forms' labels (PLAN, PLAN) and the colours (PLAN, PLAN, 3) of flowers in water."""
    x, y = grid(PLAN)
    stream = 7.5 * (y + 0.075 * np.sin(6 * x + 1) + 0.05 * np.sin(11 * x - 7 * y)) + 1.5 * x
    stream = stream + 0.6 * np.sin(4 * y + 3 * x)
    label = np.floor(stream)
    tone = np.clip(stream - label + 0.15 * noise(rng, 12, PLAN), 0, 1)
    colour = np.zeros((PLAN, PLAN, 3), np.float32)
    for i, shades in enumerate(_WATER):
        colour = np.where((label % len(_WATER) == i)[..., None], ramp(shades, tone), colour)
    for i, (cx, cy, half, turn) in enumerate(_LEAVES):
        u = ((x - cx) * np.cos(turn) + (y - cy) * np.sin(turn)) / half
        v = ((y - cy) * np.cos(turn) - (x - cx) * np.sin(turn)) / half + 0.15 * (u * u - 0.5)
        inside = np.abs(v) < 0.36 * np.clip(1 - u * u, 0, 1) ** 0.8
        label = np.where(inside, 100 + 2 * i + (v > 0), label)
        tone = np.clip(0.5 + 0.9 * v * np.sign(0.5 - (i % 2)) + 0.3 * u, 0, 1)
        colour = np.where(inside[..., None], ramp(_LEAF, tone), colour)
    for i, flower in enumerate(_FLOWERS):
        label, colour = _draw_flower(label, colour, flower, 1000 + 100 * i)
    water = label < 100
    shadow = 0.55 * water * np.exp(-ndimage.distance_transform_edt(water) / 7)
    colour = colour * (1 - shadow + 0.10 * noise(rng, 7, PLAN))[..., None]
    return label.astype(np.float32), colour


def _draw_flower(
    label: Array, colour: Array, flower: tuple[float, float, float, int, int], first: int
) -> tuple[Array, Array]:
    """Return the plan with one flower drawn on it, its forms labelled from ``first``."""
    cx, cy, radius, petals, pair = flower
    x, y = grid(PLAN)
    distance = np.hypot(x - cx, y - cy) / radius
    around = np.arctan2(y - cy, x - cx) * petals / (2 * np.pi) + 0.35 * distance + cx
    within = around - np.floor(around)
    ridge = np.sin(np.pi * within)
    bloom = 0.5 + 0.5 * np.cos(2 * np.pi * within)
    outline = 0.80 + 0.20 * np.sqrt(ridge)
    index = np.floor(around) % petals
    inner = 0.42 + 0.18 * bloom
    for limit, name, shades, tone in (
        (outline, 10 + index, _PETALS[pair][0], 1.5 * distance - 1.1 + 0.75 * ridge),
        (inner, 40 + 0 * index, _PETALS[pair][1], 1.8 * distance - 0.55 + 0.55 * bloom),
        (0.30 + 0 * inner, 50 + 0 * index, _HEART, 1 - 3 * distance),
    ):
        inside = distance < limit
        label = np.where(inside, first + name, label)
        colour = np.where(inside[..., None], ramp(shades, np.clip(tone, 0, 1)), colour)
    return label, colour


def _lay_tiles(rng: np.random.Generator, label: Array, colour: Array) -> _Tiles:
    """Return tiles in rows that run along the forms' outlines."""
    edge = ndimage.morphological_gradient(label, size=2) > 0
    away = ndimage.distance_transform_edt(~edge) * (POINTS / PLAN)
    away = ndimage.gaussian_filter(away, 1.2)
    down, right = np.gradient(ndimage.gaussian_filter(away, 1.5))
    places = []
    for level in np.arange(0.5, away.max() / _TILE, 1.0):
        for line in measure.find_contours(away, level * _TILE):
            travelled = np.r_[0, np.cumsum(np.hypot(*np.diff(line, axis=0).T))] * (POINTS / PLAN)
            gaps = _TILE * rng.uniform(0.8, 1.35, int(travelled[-1] / _TILE / 0.8) + 2)
            stops = np.cumsum(gaps) - gaps / 2
            stops = stops[stops < travelled[-1]]
            places.append(np.stack([np.interp(stops, travelled, line[:, k]) for k in (1, 0)], -1))
    place = _thin((np.concatenate(places) + 0.5) / PLAN, 0.7 * _TILE / POINTS).astype(np.float32)
    n = len(place)
    tint = look_up(colour, place) * (1 + 0.13 * rng.standard_normal((n, 1)))
    tint = tint + 0.03 * rng.standard_normal((n, 3))
    odd = rng.random(n) < 0.03
    tint[odd] += 0.5 * (ACCENTS[rng.integers(len(ACCENTS), size=n)] - tint)[odd]
    angle = np.arctan2(look_up(right, place), -look_up(down, place))
    return _Tiles(
        place,
        np.clip(tint, 0.02, 0.98).astype(np.float32),
        (angle + 0.06 * rng.standard_normal(n)).astype(np.float32),
        (_TILE * rng.uniform(0.92, 1.05, n)).astype(np.float32),
        (_TILE * rng.uniform(0.95, 1.15, n)).astype(np.float32),
    )


def _thin(place: Array, least: float) -> Array:
    """Return the places without those nearer than ``least`` to an earlier one."""
    pairs = cKDTree(place).query_pairs(least, output_type="ndarray")
    keep = np.ones(len(place), bool)
    for first, second in pairs[np.lexsort(pairs.T[::-1])]:
        if keep[first]:
            keep[second] = False
    return place[keep]


def _set_tiles(tiles: _Tiles, size: int) -> tuple[Array, Array, Array]:
    """Seat the tiles.

    Returns each pixel's tile, its depth inside the tile in points (< 0: grout), and how far the pixel
    lies from the tile's centre to the right and down, in half reaches.
    """
    nearest = np.full((size, size), 9, np.float32)
    second = nearest.copy()
    owner = np.zeros((size, size), np.int32)
    lean = np.zeros((size, size, 2), np.float32)
    scale = size / POINTS
    reach = 1.25 * _TILE * scale
    for i, (x, y) in enumerate(tiles.place * size):
        left, right = max(0, int(x - reach)), min(size, int(x + reach) + 2)
        top, bottom = max(0, int(y - reach)), min(size, int(y + reach) + 2)
        if left >= right or top >= bottom:
            continue
        dx = np.arange(left, right, dtype=np.float32) + np.float32(0.5 - x)
        dy = (np.arange(top, bottom, dtype=np.float32) + np.float32(0.5 - y))[:, None]
        c, s = np.cos(tiles.angle[i]) / scale, np.sin(tiles.angle[i]) / scale
        u = (dx * c + dy * s) * (2 / tiles.length[i])
        v = (dy * c - dx * s) * (2 / tiles.breadth[i])
        metric = np.maximum(np.abs(u), np.abs(v))
        window = np.s_[top:bottom, left:right]
        best = nearest[window]
        closer = metric < best
        second[window] = np.where(closer, best, np.minimum(second[window], metric))
        nearest[window] = np.where(closer, metric, best)
        owner[window][closer] = i
        lean[window][closer] = np.stack([dx + 0 * dy, dy + 0 * dx], -1)[closer] / (reach / 2)
    inside = np.minimum((second - nearest) / 2, 1.6 - nearest) * (_TILE / 2)
    return owner, inside, lean
