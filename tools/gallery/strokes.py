"""Layers of brush strokes over a picture, from broad to fine, after Hertzmann (SIGGRAPH 1998)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tools.gallery.canvas import Brush, Canvas
from tools.gallery.fields import blur, relief, sample, scatter, trace

Array = np.ndarray


@dataclass(frozen=True)
class Layer:
    """Strokes of one breadth: width, gap between them and length in points.

    ``need`` is the least color difference to what lies below that makes a stroke worth painting (0: everywhere), and
    ``drift`` how far the colors along a stroke may leave its own before it is lifted.
    """

    width: float
    gap: float
    length: float
    need: float = 0.0
    drift: float = 0.22
    alpha: float = 1.0


class Painting:
    """A canvas with the thickness of its paint.

    Args:
        size: the short side in pixels.
        reference: the colors to be painted, (h, w, 3).
        angle: (h, w), the direction of the strokes in radians.
        ground: the canvas's color, or picture.
    """

    def __init__(self, size: int, reference: Array, angle: Array, ground) -> None:
        h, w = reference.shape[:2]
        self.size, self.reference, self.angle = size, reference, angle
        self.points = (w * 768 / min(h, w), h * 768 / min(h, w))
        self.color = Canvas(size, *self.points, ground=ground)
        self.height = Canvas(size, *self.points, ground=(0.3, 0.3, 0.3))

    def lay(self, layer: Layer, brush: Brush, jitter: float = 0.03, where: Array | None = None) -> None:
        """Paint one layer; ``where`` (h, w) keeps strokes to a region."""
        rng = brush.rng
        wanted = blur(self.reference, layer.width * 0.35)
        at = scatter(rng, layer.gap, wanted.shape[:2], layer.width)
        if where is not None:
            at = at[sample(where, at) > 0.5]
        if layer.need:
            away = np.linalg.norm(blur(self.color.picture(), layer.width * 0.3) - wanted, axis=-1)
            at = at[sample(away, at) > layer.need]
        if not len(at):
            return
        gap = max(3.0, layer.length / 14)
        both = [
            trace(self.angle + turn, at, layer.length / 2 * rng.uniform(0.6, 1.2, len(at)), gap)
            for turn in (0, np.pi)
        ]
        lines = np.concatenate([both[1][:, :0:-1], both[0]], 1)
        colors = sample(wanted, lines)
        own = sample(wanted, at) + rng.normal(0, jitter, (len(at), 3)) + rng.normal(0, jitter, (len(at), 1))
        strays = np.linalg.norm(colors - own[:, None], axis=-1) > layer.drift
        middle = both[1].shape[1] - 1
        for line, color, stray in zip(lines, own, strays, strict=True):
            first = middle - np.argmax(np.r_[stray[middle::-1], True]) + 1
            last = middle + np.argmax(np.r_[stray[middle:], True])
            piece = line[max(0, min(first, middle - 1)) : max(last, middle + 2)]
            piece = piece[np.r_[True, np.linalg.norm(np.diff(piece, axis=0), axis=1) > 0.2]]
            if len(piece) > 1:
                width = layer.width * rng.uniform(0.75, 1.2)
                brush.stroke(self.color, piece, width, color, layer.alpha, self.height)

    def lit(self, light: float = 0.12, thickness: float = 3.0, gleam: float = 0.0) -> Array:
        """Return the picture in raking light."""
        shade = relief(blur(self.height.picture()[..., 0], 0.6) * thickness)
        color = self.color.picture() * (1 + light * shade[..., None])
        return color + gleam * np.clip(shade - 0.35, 0, 1)[..., None]


def around(shape: tuple[int, int], centers, base: Array, grid: tuple[Array, Array]) -> Array:
    """Return a direction field that follows ``base`` (h, w) far away and circles about centers (x, y, reach, side)."""
    x, y = grid
    c, s = np.cos(base), np.sin(base)
    for cx, cy, reach, side in centers:
        dx, dy = x - cx, y - cy
        away = np.hypot(dx, dy) + 1e-6
        pull = np.exp(-((away / reach) ** 2)) * 2.2
        c, s = c - side * pull * dy / away, s + side * pull * dx / away
    return np.arctan2(s, c) * np.ones(shape)
