"""Outlines (n, 2) in points of forms that several styles draw, and the area that outlines cover."""

from __future__ import annotations

import numpy as np

from tools.gallery.canvas import Canvas, smooth
from tools.gallery.fields import POINTS

Array = np.ndarray
WHITE = (1.0, 1.0, 1.0)


def turned(points: Array, x: float, y: float, turn: float = 0.0) -> Array:
    """Return points (n, 2) turned by radians about the origin, then moved to (x, y)."""
    c, s = np.cos(turn), np.sin(turn)
    return np.asarray(points, float) @ np.array([[c, s], [-s, c]]) + (x, y)


def ellipse(x: float, y: float, rx: float, ry: float | None = None, turn: float = 0.0) -> Array:
    """Return an ellipse, or a circle where one radius is given."""
    a = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    return turned(np.stack([rx * np.cos(a), (rx if ry is None else ry) * np.sin(a)], 1), x, y, turn)


def arc(x: float, y: float, radius: float, first: float, last: float, count: int = 32) -> Array:
    """Return an arc's line from one angle to another, in radians."""
    a = np.linspace(first, last, count)
    return np.stack([x + radius * np.cos(a), y + radius * np.sin(a)], 1)


def box(x: float, y: float, width: float, height: float, turn: float = 0.0) -> Array:
    """Return a rectangle about its center."""
    corners = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]) / 2 * (width, height)
    return turned(corners, x, y, turn)


def leaf(x: float, y: float, length: float, width: float, turn: float, bend: float = 0.0) -> Array:
    """Return a leaf or petal from its foot (x, y) towards an angle; ``bend`` is a share of its length."""
    u = np.linspace(0, 1, 14)
    half = width / 2 * np.sin(np.pi * u**0.8)
    middle = bend * length * np.sin(np.pi * u / 2) ** 2
    across = np.concatenate([middle + half, (middle - half)[::-1]])
    return turned(np.stack([np.concatenate([u, u[::-1]]) * length, across], 1), x, y, turn)


def flower(
    x: float, y: float, radius: float, petals: int, turn: float = 0.0, width: float = 0.55
) -> list[Array]:
    """Return a flower's petals."""
    angles = turn + np.arange(petals) * 2 * np.pi / petals
    return [leaf(x, y, radius, radius * width, a) for a in angles]


def spiral(x: float, y: float, radius: float, turns: float, turn: float = 0.0, hand: int = 1) -> Array:
    """Return a spiral's line from its center outwards."""
    u = np.linspace(0.02, 1, int(28 * turns) + 2)
    a = turn + hand * 2 * np.pi * turns * u
    return np.stack([x + radius * u * np.cos(a), y + radius * u * np.sin(a)], 1)


def blob(rng: np.random.Generator, x: float, y: float, rx: float, ry: float, rough: float = 0.12) -> Array:
    """Return a round form with an uneven outline, as scissors or a hand make it."""
    a = np.linspace(0, 2 * np.pi, 12, endpoint=False)
    r = 1 + rough * rng.standard_normal(12)
    return smooth(np.stack([x + rx * r * np.cos(a), y + ry * r * np.sin(a)], 1), 8, closed=True)


def below(points: Array, depth: float = POINTS + 200) -> Array:
    """Return the area below a smooth line through points, as hills and waves stand."""
    top = smooth(np.asarray(points, float), 14)
    return np.concatenate([top, [(top[-1, 0], depth), (top[0, 0], depth)]])


def cover(shape: tuple[int, int], *outlines: Array) -> Array:
    """Return how much of each pixel (h, w) outlines cover, 0 to 1."""
    canvas = _layer(shape)
    for outline in outlines:
        canvas.polygon(outline, WHITE)
    return canvas.picture()[..., 0]


def traced(shape: tuple[int, int], *lines: Array, width: float = 2.0, closed: bool = False) -> Array:
    """Return how much of each pixel (h, w) lines of a width cover, 0 to 1."""
    canvas = _layer(shape)
    for line in lines:
        canvas.line(line, width, WHITE, closed=closed)
    return canvas.picture()[..., 0]


def spread(rng: np.random.Generator, count: int, shape: tuple[int, int], tries: int = 12) -> Array:
    """Return ``count`` points (n, 2) far from each other, the first ones farthest (Mitchell 1991)."""
    high, wide = np.array(shape) * POINTS / min(shape)
    chosen = rng.random((1, 2)) * (wide, high)
    for _ in range(count - 1):
        fresh = rng.random((tries, 2)) * (wide, high)
        gap = np.linalg.norm(fresh[:, None] - chosen[None], axis=2).min(1)
        chosen = np.concatenate([chosen, fresh[[int(gap.argmax())]]])
    return chosen


def _layer(shape: tuple[int, int]) -> Canvas:
    high, wide = np.array(shape) * POINTS / min(shape)
    return Canvas(min(shape), wide, high, (0, 0, 0))
