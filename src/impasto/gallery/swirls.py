"""A night landscape in thick oil, painted coarse to fine with strokes along a field.

Reference: oriented strokes after Litwinowicz (SIGGRAPH 1997) and Hertzmann (SIGGRAPH 1998); noise
smeared along a field after Cabral and Leedom (SIGGRAPH 1993).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from skimage import transform

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

SKETCH = 256
"""Side of the grid on which the swirls are composed."""

_SKY = palette("0a1233", "10245c", "17398a", "2a5cb4", "4f8acb", "8fbdd4", "d8e2c0", "ecd08a")
_GLOW = palette("fff6d2", "fbe08a", "f3bd3c", "d9922f", "8fae9a", "5f92c4")
_FAR = palette("141f55", "27408a", "4a67a8", "7f93bf")
_MIDDLE = palette("0d2a3a", "17504f", "3c7a5a", "86a45a", "c8b45c")
_NEAR = palette("10191d", "22382a", "5a6428", "b0852c", "dba63d")
_TREE = palette("081018", "0d2426", "17443a", "3d6b35", "8f8f35", "e0b445")
_POPPY = palette("cf4a2b")[0]

_VORTICES = ((0.40, 0.29, 0.17, 1.9), (0.70, 0.42, 0.12, -1.7), (0.10, 0.13, 0.12, -1.3))
"""x, y, radius, turn."""
_STARS = (
    (0.845, 0.155, 0.062), (0.165, 0.395, 0.032), (0.60, 0.085, 0.027), (0.26, 0.085, 0.021),
    (0.545, 0.50, 0.022), (0.925, 0.41, 0.025), (0.045, 0.27, 0.018), (0.72, 0.245, 0.017),
)  # fmt: skip
"""x, y, radius of the glowing discs."""
_TREES = (
    (0.16, 0.735, 0.070), (0.285, 0.765, 0.048), (0.375, 0.748, 0.034), (0.055, 0.80, 0.052),
    (0.83, 0.745, 0.026), (0.90, 0.742, 0.032),
)  # fmt: skip
"""x, y, radius of the trees' crowns."""
_BRUSHES = ((42, 150, 2.2, 0.05), (23, 84, 2.6, 0.07), (12, 52, 2.6, 0.08), (7, 36, 1.1, 0.09))
"""Width and length in points, coverage of the canvas, jitter of colour; coarse to fine."""


@dataclass(frozen=True)
class _Sketch:
    """The composition the brushes follow: colour and direction (radians), on SKETCH squared."""

    colour: Array
    angle: Array


def paint_swirls(rng: np.random.Generator, size: int) -> Array:
    """Return the picture, (size, size, 3), sRGB, in about [0, 1]; the size is at least POINTS."""
    sketch = _sketch_night(rng)
    canvas = np.empty((size, size, 4), np.float32)
    canvas[..., :3] = transform.resize(sketch.colour, (size, size), order=1)
    canvas[..., 3] = 0
    for width, length, coverage, jitter in _BRUSHES:
        count = int(coverage * POINTS**2 / (width * length))
        strokes = _lay_strokes(rng, sketch, count, length, jitter)
        brushes = _make_brushes(rng, width, -(-size // POINTS))
        _paint_strokes(canvas, brushes, strokes, (length, width))
    colour, height = canvas[..., :3], canvas[..., 3]
    weave = noise(rng, 384, size) * 0.12
    light = relief(height + weave)
    lit: Array = colour * (1 + 0.34 * light[..., None])
    return lit + 0.16 * (np.maximum(light, 0) ** 3)[..., None]


def _sketch_night(rng: np.random.Generator) -> _Sketch:
    x, y = grid(SKETCH)
    right: Array = 1.0 + 0 * (x + y)
    down: Array = 0.35 * np.cos(7 * x + 2.5 * y) * np.ones_like(y)
    for cx, cy, radius, turn in (*_VORTICES, *((a, b, 1.7 * r, 3.0) for a, b, r in _STARS)):
        dx, dy = x - cx, y - cy
        distance = np.sqrt(dx * dx + dy * dy) + 1e-6
        pull = turn * np.exp(-((distance / radius) ** 2) * 0.8) * 2.2
        pull *= 1 - np.exp(-((distance / 0.01) ** 2))
        right, down = right - pull * dy / distance, down + pull * dx / distance
    angle: Array = np.arctan2(down, right).astype(np.float32)
    flow = _smear(noise(rng, 40, SKETCH) + 0.7 * noise(rng, 90, SKETCH), angle, 22)
    flow = flow + 0.45 * _spread(noise(rng, 6, SKETCH)) - 0.25 + 0.35 * (y - 0.4)
    colour = ramp(_SKY, _spread(flow) ** 1.25)
    colour = _add_glow(colour, x, y)
    return _add_land(rng, colour, angle)


def _spread(values: Array) -> Array:
    """Return the values' ranks, spread evenly over [0, 1]."""
    ranks = np.empty(values.size, np.float32)
    ranks[np.argsort(values, axis=None, kind="stable")] = np.linspace(0, 1, values.size)
    return ranks.reshape(values.shape)


def _smear(noise: Array, angle: Array, reach: int) -> Array:
    """Return the noise averaged along the field's lines, ``reach`` cells to either side."""
    total = noise.copy()
    rows, columns = np.indices(noise.shape, dtype=np.float32)
    for sign in (-1, 1):
        r, c = rows.copy(), columns.copy()
        for _ in range(reach):
            nearest = (
                np.clip(np.rint(r), 0, len(noise) - 1).astype(np.intp),
                np.clip(np.rint(c), 0, len(noise) - 1).astype(np.intp),
            )
            r += sign * np.sin(angle[nearest])
            c += sign * np.cos(angle[nearest])
            total += ndimage.map_coordinates(noise, (r, c), order=1, mode="nearest")
    return total / np.float32(np.sqrt(2 * reach + 1))


def _add_glow(colour: Array, x: Array, y: Array) -> Array:
    """Return the sky with discs of light, ringed."""
    for cx, cy, radius in _STARS:
        distance = np.sqrt((x - cx) ** 2 + (y - cy) ** 2) / radius
        rings = np.clip(distance / 2.6 + 0.05 * np.sin(distance * 9), 0, 1)
        cover = 1 - step(distance, 1.5, 2.7)
        colour = mix(colour, ramp(_GLOW, rings), cover)
    return colour


def _add_land(rng: np.random.Generator, colour: Array, angle: Array) -> _Sketch:
    """Return the sketch with three ridges of hills, poppies and an orchard before the sky."""
    x, y = grid(SKETCH)
    ridges = (
        (0.665 - 0.055 * np.sin(5.2 * x + 0.6) - 0.02 * np.sin(17 * x), _FAR, 18),
        (0.765 - 0.045 * np.sin(6.1 * x + 3.4) - 0.012 * np.sin(21 * x + 1), _MIDDLE, 26),
        (0.885 - 0.050 * np.sin(4.3 * x + 5.6), _NEAR, 20),
    )
    for line, shades, furrows in ridges:
        below = y - line
        inside = below > 0
        slope = np.arctan(np.gradient(line[0]) * SKETCH)[None, :]
        swell = slope * np.exp(-below * 5) + 0.55 * np.sin(9 * x + 14 * y) * step(below, 0, 0.12)
        angle = np.where(inside, swell, angle).astype(np.float32)
        tone = 0.5 + 0.17 * _smear(noise(rng, 60, SKETCH), angle, 14)
        tone = tone - 0.9 * np.clip(below - 0.02, 0, 0.2)
        tone = tone + 0.13 * np.sin(below * 6.283 * furrows + 5 * np.sin(6 * x))
        tone = tone + 0.5 * np.exp(-np.abs(below) * 60)
        colour = np.where(inside[..., None], ramp(shades, np.clip(tone, 0, 1)), colour)
        if shades is not _FAR:
            poppies = inside & (noise(rng, 34, SKETCH) - 4 * np.abs(below - 0.06) > 1.75)
            colour = np.where(poppies[..., None], _POPPY, colour)
    return _add_trees(rng, colour, angle)


def _add_trees(rng: np.random.Generator, colour: Array, angle: Array) -> _Sketch:
    """Return the sketch with an orchard: round crowns, lit from the moon's side, on short trunks."""
    x, y = grid(SKETCH)
    for cx, cy, radius in _TREES:
        dx, dy = (x - cx) / radius, (y - cy) / radius
        trunk = (np.abs(dx - 0.15 * np.sin(3 * dy)) < 0.16) & (dy > 0) & (dy < 1.75)
        shadow = (dx + 0.9) ** 2 / 1.7 + (dy - 1.75) ** 2 / 0.06 < 1
        around = np.arctan2(dy, dx)
        outline = 1 + 0.10 * np.sin(around * 5 + cx * 50) + 0.06 * np.sin(around * 11 + cy * 90)
        inside = np.hypot(dx, dy) < outline
        curl = around + np.pi / 2 + 0.5 * np.sin(6 * np.hypot(dx, dy) + cx * 30)
        tone = 0.45 + 0.3 * (dx - 0.8 * dy) + 0.16 * noise(rng, 50, SKETCH)
        angle = np.where(inside, curl, np.where(trunk, 1.5, np.where(shadow, 0.1, angle)))
        for part, shade in ((shadow, 0.05 + 0 * tone), (trunk, 0.12 + 0 * tone), (inside, tone)):
            colour = np.where(part[..., None], ramp(_TREE, np.clip(shade, 0, 1)), colour)
    return _Sketch(colour.astype(np.float32), angle.astype(np.float32))


@dataclass(frozen=True)
class _Strokes:
    """Strokes in painting order.

    Attributes:
        place: (n, 2), x and y of the middles, of the picture's side.
        angle: (n,), radians, clockwise from the right.
        bend: (n,), curvature, 1 / point.
        paint: (n, 4), sRGB and height in points.
        streak: (n, 4), what a bristle's streak adds to the paint.
    """

    place: Array
    angle: Array
    bend: Array
    paint: Array
    streak: Array


def _lay_strokes(
    rng: np.random.Generator, sketch: _Sketch, count: int, length: float, jitter: float
) -> _Strokes:
    """Return strokes spread evenly over the canvas, along the sketch's directions, in its colours."""
    side = int(np.ceil(np.sqrt(count)))
    cells = rng.permutation(side * side)
    place = np.stack([cells % side, cells // side], -1) + rng.random((side * side, 2))
    place = (place / side * 1.06 - 0.03).astype(np.float32)
    angle = look_up(sketch.angle, place)
    half = 0.35 * length / POINTS * np.stack([np.cos(angle), np.sin(angle)], -1)
    turn = look_up(sketch.angle, place + half) - look_up(sketch.angle, place - half)
    turn = np.clip((turn + np.pi) % (2 * np.pi) - np.pi, -1.2, 1.2)
    colour = look_up(sketch.colour, place)
    n = len(place)
    colour = colour * (1 + jitter * rng.standard_normal((n, 1)))
    colour = colour + 0.5 * jitter * rng.standard_normal((n, 3))
    accent = rng.random(n) < 0.035
    colour[accent] += 0.55 * (ACCENTS[rng.integers(len(ACCENTS), size=n)] - colour)[accent]
    streak = 0.085 + 0.03 * rng.standard_normal((n, 3))
    height = 1.2 + 0.5 * rng.random((n, 1))
    return _Strokes(
        place,
        (angle + 0.09 * rng.standard_normal(n)).astype(np.float32),
        (turn / (0.7 * length)).astype(np.float32),
        np.hstack([np.clip(colour, 0, 1), height]).astype(np.float32),
        np.hstack([streak, np.full((n, 1), 0.8)]).astype(np.float32),
    )


def _make_brushes(rng: np.random.Generator, width: float, fineness: int) -> Array:
    """Return (kinds, 2, along, across): how much a brush covers, in [0, 1], and its bristle streaks.

    The fineness multiplies the cells along and across, so that large pictures show no steps.
    Bristles are about 2.7 points wide; each lifts off at a place of its own, so ends are ragged.
    """
    kinds, bristles, along, each = 10, max(3, round(width / 2.7)), 128 * fineness, 8 * fineness
    across = bristles * each
    lattice = 0.5 * rng.standard_normal((kinds, 4, bristles))
    lattice += rng.standard_normal((kinds, 1, bristles))
    lift = rng.random((kinds, 2, bristles))
    streak = ndimage.zoom(lattice, (1, along / 4, each), order=3, mode="nearest", grid_mode=True)
    lift = ndimage.zoom(lift, (1, 1, each), order=3, mode="nearest", grid_mode=True)
    u = np.linspace(-1, 1, along)[None, :, None]
    v = np.abs(np.linspace(-1, 1, across))[None, None, :]
    start, end = 0.97 - 0.2 * lift[:, :1], 0.97 - 0.42 * lift[:, 1:]
    end, start = end - 0.25 * v**2, start - 0.25 * v**2
    cover = step(start + u, 0, 0.1) * step(end - u, 0, 0.16) * step(1 - v, 0.02, 0.3)
    cover *= 1 - 0.75 * step(-streak, 0.5, 1.4) * step(u + 0 * v, -0.2, 0.8)
    cover[:, [0, -1]] = 0
    cover[:, :, [0, -1]] = 0
    streak += 0.9 * step(v, 0.45, 0.8) * (1 - step(v, 0.8, 1.0))
    return np.stack([cover, streak], 1).astype(np.float32)


def _paint_strokes(canvas: Array, brushes: Array, strokes: _Strokes, extent: tuple[float, float]) -> None:
    """Lay the strokes on the canvas (size, size, 4: colour, height), in order, in place."""
    size = len(canvas)
    kinds, _, along, across = brushes.shape
    length, width = (side * size / POINTS for side in extent)
    covers = np.ascontiguousarray(brushes[:, 0]).reshape(kinds, -1)
    streaks = np.ascontiguousarray(brushes[:, 1]).reshape(kinds, -1)
    for i, ((x, y), angle, bend) in enumerate(
        zip(strokes.place * size, strokes.angle, strokes.bend * POINTS / size, strict=True)
    ):
        c, s = float(np.cos(angle)), float(np.sin(angle))
        thick = width / 2 + abs(bend) * length**2 / 8
        reach_x = abs(c) * length / 2 + abs(s) * thick
        reach_y = abs(s) * length / 2 + abs(c) * thick
        left, right = max(0, int(x - reach_x)), min(size, int(x + reach_x) + 2)
        top, bottom = max(0, int(y - reach_y)), min(size, int(y + reach_y) + 2)
        if left >= right or top >= bottom:
            continue
        dx = np.arange(left, right, dtype=np.float32) + np.float32(0.5 - x)
        dy = (np.arange(top, bottom, dtype=np.float32) + np.float32(0.5 - y))[:, None]
        u, v = dx * c + dy * s, dy * c - dx * s
        v -= np.float32(bend / 2) * u * u
        u = np.clip(u * (along / length) + along / 2, 0, along - 1).astype(np.int32)
        v = np.clip(v * (across / width) + across / 2, 0, across - 1).astype(np.int32)
        u *= across
        u += v
        kind = i % kinds
        cover, streak = covers[kind].take(u)[..., None], streaks[kind].take(u)[..., None]
        patch = canvas[top:bottom, left:right]
        patch += cover * (strokes.paint[i] + streak * strokes.streak[i] - patch)
