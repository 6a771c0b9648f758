"""Printed dots whose area stands for a tone."""

from __future__ import annotations

import numpy as np

from tools.gallery.fields import grid, step

Array = np.ndarray


def dots(tone: Array, angle: float, pitch: float = 11.0, soft: float = 0.09) -> Array:
    """Return the cover (h, w) of a screen of round dots.

    Args:
        tone: (h, w), 0 for none to 1 for all of the ink.
        angle: of the screen, radians.
        pitch: between dots, points.
        soft: half the width of a dot's edge, in pitches.
    """
    x, y = grid(tone.shape)
    u = (x * np.cos(angle) + y * np.sin(angle)) / pitch
    v = (y * np.cos(angle) - x * np.sin(angle)) / pitch
    near = np.hypot(u - np.round(u), v - np.round(v))
    return step(0.72 * np.sqrt(np.clip(tone, 0, 1)) - near, -soft, soft)
