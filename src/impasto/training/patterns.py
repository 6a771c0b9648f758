"""Drawn styles: what paintings hardly have, such as stripes, checks, rings, dots, hatching and plain colors.

A network that has seen paintings alone takes their high contrast and their period for something else, and
paints a flat, clipped picture; so some of a training's styles are drawn here, in any colors and sizes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def pattern(side: int, rng: np.random.Generator) -> Array:
    """Return a drawn style, float32 (side, side, 3) in [0, 1]: a pattern between two or three colors."""
    y, x = np.mgrid[:side, :side].astype(np.float32)
    draw = KINDS[rng.integers(len(KINDS))]
    colors = _colors(rng)
    amount = draw(x, y, rng)[..., None]
    picture = colors[0] + amount * (colors[1] - colors[0])
    if rng.random() < 0.3:  # a third color, as a second pattern above the first
        above = KINDS[rng.integers(len(KINDS))](x, y, rng)[..., None] > 0.6
        picture = np.where(above, colors[2], picture)
    noise = rng.normal(0, rng.choice([0.0, 0.0, 0.02, 0.06]), picture.shape)
    return np.asarray(np.clip(picture + noise, 0, 1), np.float32)


def _colors(rng: np.random.Generator) -> Array:
    """Return three colors, (3, 3): any, grays, or black and white."""
    kind = rng.random()
    if kind < 0.2:
        return np.array([[0.0] * 3, [1.0] * 3, [0.5] * 3], np.float32)[rng.permutation(3)]
    if kind < 0.4:
        return np.repeat(rng.random((3, 1)), 3, axis=1).astype(np.float32)
    return rng.random((3, 3)).astype(np.float32)


def _phase(x: Array, y: Array, rng: np.random.Generator) -> Array:
    """Return a plane wave's phase in periods of 3 to 80 px, in any direction."""
    angle, period = rng.uniform(0, np.pi), np.exp(rng.uniform(np.log(3), np.log(80)))
    if rng.random() < 0.4:
        angle = rng.choice([0, np.pi / 2])
    turned = x * np.cos(angle) + y * np.sin(angle)
    return np.asarray(turned / period + rng.random(), np.float32)


def _edge(phase: Array, rng: np.random.Generator) -> Array:
    """Return a wave in [0, 1] of a phase: a square one of any duty, or a sine."""
    if rng.random() < 0.3:
        return np.asarray(0.5 + 0.5 * np.sin(2 * np.pi * phase), np.float32)
    return np.asarray(phase % 1 < rng.uniform(0.15, 0.85), np.float32)


def _stripes(x: Array, y: Array, rng: np.random.Generator) -> Array:
    return _edge(_phase(x, y, rng), rng)


def _checks(x: Array, y: Array, rng: np.random.Generator) -> Array:
    angle, side = rng.choice([0.0, rng.uniform(0, np.pi)]), np.exp(rng.uniform(np.log(2), np.log(48)))
    across, along = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    return np.asarray((np.floor(across / side) + np.floor(along / side)) % 2, np.float32)


def _plaid(x: Array, y: Array, rng: np.random.Generator) -> Array:
    return (_stripes(x, y, rng) + _stripes(x, y, rng) + _stripes(x, y, rng)) / 3


def _rings(x: Array, y: Array, rng: np.random.Generator) -> Array:
    side = x.shape[0]
    center, period = rng.uniform(-0.2, 1.2, 2) * side, np.exp(rng.uniform(np.log(4), np.log(64)))
    return _edge(np.hypot(x - center[0], y - center[1]) / np.float32(period), rng)


def _dots(x: Array, y: Array, rng: np.random.Generator) -> Array:
    angle, period = rng.uniform(0, np.pi), np.exp(rng.uniform(np.log(4), np.log(40)))
    across = (x * np.cos(angle) + y * np.sin(angle)) / period % 1 - 0.5
    along = (y * np.cos(angle) - x * np.sin(angle)) / period % 1 - 0.5
    size: Any = rng.uniform(0.15, 0.5)
    if rng.random() < 0.5:  # as in halftone: their size changes over the picture
        size = size * (0.3 + 0.7 * _gradient(x, y, rng))
    return np.asarray(np.hypot(across, along) < size, np.float32)


def _gradient(x: Array, y: Array, rng: np.random.Generator) -> Array:
    angle = rng.uniform(0, 2 * np.pi)
    turned = x * np.cos(angle) + y * np.sin(angle)
    turned = turned - turned.min()
    return np.asarray(turned / turned.max(), np.float32)


def _hatching(x: Array, y: Array, rng: np.random.Generator) -> Array:
    dark = np.zeros_like(x)
    for _ in range(rng.integers(1, 4)):
        wobble = rng.uniform(0, 3) * np.sin(_phase(x, y, rng) * 2)
        where = _gradient(x, y, rng) > rng.uniform(0, 0.6)
        dark = np.maximum(dark, where * _edge(_phase(x + wobble, y + wobble, rng), rng))
    return dark


def _plain(x: Array, y: Array, rng: np.random.Generator) -> Array:
    return np.full_like(x, rng.random())


KINDS: tuple[Callable[[Array, Array, np.random.Generator], Array], ...] = (
    _stripes,
    _checks,
    _plaid,
    _rings,
    _dots,
    _gradient,
    _hatching,
    _plain,
)
"""What is drawn; each returns float32 (side, side) in [0, 1]."""
