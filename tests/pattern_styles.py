"""Twenty generated styles, most of them periodic and of high contrast, on which one pass may collapse.

The rule that notices a collapse was written with `LOOKED_AT` in view; `UNSEEN` was first painted afterwards.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
SIDE = 192
BLACK, WHITE, RED, YELLOW = (0.02, 0.02, 0.02), (0.98, 0.98, 0.98), (0.85, 0.1, 0.1), (0.98, 0.85, 0.1)
BLUE, GREEN, PINK, BROWN = (0.1, 0.2, 0.8), (0.1, 0.6, 0.3), (0.95, 0.5, 0.7), (0.55, 0.25, 0.15)


def _grid() -> tuple[Array, Array]:
    down, right = np.mgrid[:SIDE, :SIDE].astype(np.float32)
    return down, right


def _two(where: Array, first: tuple[float, ...], second: tuple[float, ...]) -> Array:
    """Return one color where a picture is 1, the other where it is 0."""
    share = np.asarray(where, np.float32)[..., None]
    return np.asarray(share * np.float32(first) + (1 - share) * np.float32(second), np.float32)


def _stripes(pitch: float, degrees: float, *colors: tuple[float, ...]) -> Array:
    down, right = _grid()
    angle = np.deg2rad(degrees)
    along = (right * np.cos(angle) + down * np.sin(angle)) / pitch
    return _two(along % 1 < 0.5, *colors)


def _checkerboard(cell: int) -> Array:
    down, right = _grid()
    return _two((down // cell + right // cell) % 2, BLACK, WHITE)


def _rings(pitch: float) -> Array:
    down, right = _grid()
    radius = np.hypot(down - SIDE / 2, right - SIDE / 2)
    return _two(radius / pitch % 1 < 0.5, BLACK, WHITE)


def _plaid(pitch: int) -> Array:
    down, right = _grid()
    threads = [np.where(at // (pitch // 4) % 4 < 2, 1.0, 0.0)[..., None] for at in (down, right)]
    cloth = 0.5 * (threads[0] * np.float32(RED) + threads[1] * np.float32(BLUE)) + 0.05
    lines = ((down % pitch < 2) | (right % pitch < 2))[..., None]
    return np.asarray(np.where(lines, np.float32(YELLOW), cloth), np.float32)


def _halftone(pitch: float) -> Array:
    down, right = _grid()
    u, v = (down + right) / np.sqrt(2), (down - right) / np.sqrt(2)
    wave = np.cos(2 * np.pi * u / pitch) + np.cos(2 * np.pi * v / pitch)
    return _two(wave > 1.2 - 2.4 * right / SIDE, BLACK, WHITE)


def _hatching() -> Array:
    down, right = _grid()
    lines = ((down + right) % 9 < 1.6) | (((down - right) % 9 < 1.6) & (right > SIDE / 2))
    return _two(lines, BLACK, WHITE)


def _zigzag() -> Array:
    down, right = _grid()
    return _two((down + np.abs(right % 32 - 16)) / 16 % 1 < 0.5, BLUE, WHITE)


def _brick() -> Array:
    down, right = _grid()
    shifted = right + 16 * (down // 16 % 2)
    return _two((down % 16 < 2) | (shifted % 32 < 2), WHITE, BROWN)


def _dots(pitch: int, *colors: tuple[float, ...]) -> Array:
    down, right = _grid()
    return _two(np.hypot(down % pitch - pitch / 2, right % pitch - pitch / 2) < pitch / 3.2, *colors)


def _plain() -> Array:
    return np.tile(np.float32(GREEN), (SIDE, SIDE, 1))


def _gradient() -> Array:
    return _two(_grid()[1] / (SIDE - 1), PINK, BLUE)


def _noise() -> Array:
    return np.random.default_rng(0).uniform(0, 1, (SIDE, SIDE, 3)).astype(np.float32)


def _salt_and_pepper() -> Array:
    return _two(np.random.default_rng(1).random((SIDE, SIDE)) < 0.5, BLACK, WHITE)


def _spiral() -> Array:
    down, right = _grid()
    y, x = down - SIDE / 2, right - SIDE / 2
    return _two((np.hypot(x, y) / 14 + np.arctan2(y, x) / (2 * np.pi)) % 1 < 0.5, RED, WHITE)


def _triangles() -> Array:
    down, right = _grid()
    return _two((down % 24 + right % 24) < 24, YELLOW, BLACK)


def _rays() -> Array:
    down, right = _grid()
    return _two(np.arctan2(down - SIDE / 2, right - SIDE / 2) * 18 / np.pi % 1 < 0.5, YELLOW, RED)


def _hexagons() -> Array:
    down, right = _grid()
    waves = [
        np.cos(2 * np.pi * (right * np.cos(a) + down * np.sin(a)) / 16) for a in np.pi * np.arange(3) / 3
    ]
    return _two(sum(waves) > 0, BLACK, WHITE)


LOOKED_AT: dict[str, Callable[[], Array]] = {
    "stripes": lambda: _stripes(12, 0, BLACK, WHITE),
    "diagonal stripes": lambda: _stripes(20, 30, BLACK, YELLOW),
    "checkerboard": lambda: _checkerboard(12),
    "rings": lambda: _rings(12),
    "plaid": lambda: _plaid(24),
    "halftone": lambda: _halftone(8),
    "hatching": _hatching,
    "dots": lambda: _dots(16, RED, WHITE),
    "plain": _plain,
    "noise": _noise,
}
UNSEEN: dict[str, Callable[[], Array]] = {
    "fine stripes": lambda: _stripes(5, 90, BLACK, WHITE),
    "large checkerboard": lambda: _checkerboard(32),
    "zigzag": _zigzag,
    "brick": _brick,
    "gradient": _gradient,
    "salt and pepper": _salt_and_pepper,
    "spiral": _spiral,
    "triangles": _triangles,
    "rays": _rays,
    "hexagons": _hexagons,
}
