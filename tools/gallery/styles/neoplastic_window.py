"""Upright and level lines, three primary colors and several whites, brushed by hand."""

from __future__ import annotations

import numpy as np

from tools.gallery.canvas import Brush
from tools.gallery.card import Card
from tools.gallery.fields import grid, mix, noise, palette, step
from tools.gallery.strokes import Layer, Painting

CARD = Card(
    id="neoplastic-window",
    name="Window in Three Primaries",
    name_zh="三原色之窗",
    line="Brushed whites between dark bars, with fields of vermilion, cobalt and warm yellow.",
    line_zh="深色直条隔出层层暖白，嵌着朱红、钴蓝与暖黄的色块，笔触可见。",
    seed=9,
)
Array = np.ndarray
WHITES = palette("efe9da", "e3e2dc", "f3ecd6", "d5d9dc", "e9ddca")
RED, BLUE, YELLOW, GRAY, PALE = palette("c93f2e", "274d94", "ecbc3f", "9aa3a8", "8fb0c6")
BAR = palette("24232b")[0]


def paint(size: int, rng: np.random.Generator) -> Array:
    """Return the picture (size, size, 3)."""
    shape = (size, size)
    x, y = grid(shape)
    panes = _panes()
    color, angle = np.zeros((*shape, 3)), np.zeros(shape)
    bars = np.full(shape, 1e3)
    wobble = 1.3 * noise(rng, 70, shape, 3)
    whites = 0
    for k, (left, top, right, foot, paint_) in enumerate(panes):
        inside = (x >= left) & (x < right) & (y >= top) & (y < foot)
        own = paint_ if paint_ is not None else WHITES[whites % 5]
        whites += paint_ is None
        glow = 0.05 * ((x - left) / (right - left) - 0.5) - 0.09 * ((y - top) / (foot - top) - 0.5)
        color = np.where(inside[..., None], np.clip(own + glow[..., None], 0, 1), color)
        tall = (foot - top) > (right - left)
        angle = np.where(inside, (np.pi / 2 if tall else 0.0) + 0.06 * ((-1) ** k), angle)
        thick = (9.0, 6.5, 11.5)[k % 3]
        for edge, at in ((x, left), (x, right), (y, top), (y, foot)):
            if 5 < at < 763:
                across = np.abs(edge + wobble - at)
                span = (y >= top - 5) & (y <= foot + 5) if edge is x else (x >= left - 5) & (x <= right + 5)
                bars = np.where(span, np.minimum(bars, across - thick), bars)
    color = np.clip(color + 0.035 * noise(rng, 120, shape, 3)[..., None] * (1, 0.9, 0.7), 0.03, 0.95)
    bar = step(-bars, -1, 1)
    color = mix(color, BAR, bar)
    painting = Painting(size, color, angle + 0.12 * noise(rng, 140, shape), palette("cdbf9f")[0])
    painting.lay(Layer(26, 20, 90, 0, 0.3), Brush(rng, 13, 0.022, 0.5), 0.018, bar < 0.5)
    painting.lay(Layer(13, 15, 60, 0.03, 0.16), Brush(rng, 8, 0.02, 0.5), 0.018, bar < 0.5)
    painting.lay(Layer(8, 7, 26, 0.09, 0.12), Brush(rng, 6, 0.015, 0.2), 0.012, bar < 0.5)
    lit = painting.lit(0.12, 4.0)
    black = (
        BAR * (1 + 0.5 * noise(rng, (9), shape, 3)[..., None] * 0.35)
        + 0.05 * step(noise(rng, 30, shape, 4), 0.2, 1.6)[..., None]
    )
    soft = step(-bars, -1.6, 1.6) * (0.96 - 0.12 * step(noise(rng, 24, shape, 3), 0.8, 1.8))
    return np.clip(mix(lit, black, soft), 0.04, 0.95)


def _panes() -> list[tuple[float, float, float, float, Array | None]]:
    """The rectangles: left, top, right, foot, and a color where not white."""
    return [
        (0, 0, 150, 118, None), (150, 0, 470, 118, YELLOW), (470, 0, 640, 118, None), (640, 0, 768, 118, BLUE),
        (0, 118, 150, 330, BLUE), (150, 118, 470, 436, None), (470, 118, 640, 250, PALE), (640, 118, 768, 436, None),
        (470, 250, 640, 436, RED), (0, 330, 150, 436, None),
        (0, 436, 94, 640, YELLOW), (94, 436, 320, 560, RED), (320, 436, 540, 640, None), (540, 436, 768, 560, GRAY),
        (94, 560, 320, 640, None), (540, 560, 668, 768, YELLOW), (668, 560, 768, 768, None),
        (0, 640, 210, 768, None), (210, 640, 320, 768, BLUE), (320, 640, 540, 768, PALE),
    ]  # fmt: skip
