"""Charcoal on kraft paper: the stick's broad side, skirts in fans of strokes, sanguine and white chalk."""

from __future__ import annotations

import numpy as np

from tools.gallery.canvas import Brush, Canvas, smooth
from tools.gallery.card import Card
from tools.gallery.fields import grid, lic, mix, noise, palette, sample, scatter, step, trace
from tools.gallery.outlines import ellipse

CARD = Card(
    id="charcoal-dancers",
    name="Charcoal Dancers",
    name_zh="炭笔舞者",
    line="Skirts whirl in broad strokes of velvet-black charcoal, sanguine and white chalk on warm kraft paper.",
    line_zh="乌黑的炭、赭红与白粉笔以宽阔的笔触旋出舞裙，落在暖色牛皮纸上。",
    seed=17,
)
Array = np.ndarray
W = 900
SHEET, COAL, RED, CHALK, SKIN = palette("d0a672", "1b1719", "b8331e", "fbf1dd", "e9b48a")
FOLDS = {"coal": palette("1b1719", "3a3233", "0e0c0e", "8a7a68"), "red": palette("b8331e", "7a1c16", "dd6038", "f3b48c"),
         "chalk": palette("fbf1dd", "e6d2b4", "fffaf0", "a08a70")}  # fmt: skip
DANCERS = ((165, 400, 0.92, 1, "coal"), (740, 390, 0.95, -1, "chalk"), (455, 440, 1.2, 1, "red"))
"""Waist x and y, size, side and skirt, from back to front."""


def paint(size: int, rng: np.random.Generator) -> Array:
    """Return the picture (size, size * 900 / 768, 3)."""
    layer = Canvas(size, W, 768, None)
    shape = layer.shape
    stage(layer, rng)
    for x, y, s, side, skirt in DANCERS:
        dancer(layer, rng, np.array((x, y)), s, side, FOLDS[skirt])
    grain = lic(noise(rng, 5, shape), 1.15 + 0.45 * noise(rng, 330, shape), 60, 16)
    tooth = 0.8 * grain / grain.std() + 0.35 * noise(rng, 70, shape, 2)
    sheet = np.broadcast_to(SHEET, (*shape, 3)) * (1 + 0.05 * noise(rng, 220, shape, 2))[..., None]
    cover = layer.cover()
    pure = layer.picture() / np.maximum(cover, 1e-3)[..., None]
    caught = step(cover, 0.05, 0.3) * step(0.7 * cover - 0.44 + 0.13 * tooth, -0.04, 0.24)
    return np.clip(mix(sheet, pure, 0.96 * caught), 0.03, 0.97)


def stage(layer: Canvas, rng: np.random.Generator) -> None:
    """Sweep a dark curtain behind, light in the middle, and a floor with shadows."""
    x, y = grid(layer.shape)
    tone = 0.62 - 0.75 * step(np.abs(x - 430), 200, 470) + 0.55 * np.exp(-(((x - 430) / 190) ** 2))
    tone = np.where(y > 610, 0.55 - 0.5 * np.exp(-(((y - 700) / 40) ** 2)) + 0 * x, tone + 0 * y)
    tone = tone + 0.16 * noise(rng, 130, layer.shape)
    angle = np.where(y > 600, 0.06, 1.15 + 0.45 * noise(rng, 330, layer.shape))
    brush = Brush(rng, 9, 0.03, 0.5)
    at = scatter(rng, 27, layer.shape, 30)
    lines = trace(angle, at, 130 * rng.uniform(0.6, 1.1, len(at)), 12)
    for line, value in zip(lines, sample(tone, at), strict=True):
        line = line[np.r_[True, np.linalg.norm(np.diff(line, axis=0), axis=1) > 0.2]]
        if value < 0.3:
            brush.stroke(layer, line, rng.uniform(20, 34), COAL, 0.9)
        elif value > 0.82:
            brush.stroke(layer, line, rng.uniform(18, 30), CHALK, 0.85)


def dancer(layer: Canvas, rng: np.random.Generator, waist: Array, s: float, side: int, folds: Array) -> None:
    """Draw a dancer from the legs up: her skirt a fan of strokes that the turn bends."""

    def limb(points, first: float, last: float, color=SKIN) -> None:
        line = smooth(waist + np.array(points) * (side * s, s), 8)
        widths = np.linspace(first, last, len(line)) * s
        layer.ribbon(line, widths + 9, COAL)
        layer.ribbon(line, widths, color)

    limb([(-8, 120), (-34, 220), (-20, 315)], 34, 12)
    limb([(16, 120), (70, 200), (150, 262)], 34, 12)
    brush = Brush(rng, 7, 0.025, 0.25)
    t = np.linspace(0, 1, 12)[:, None]
    for k, a in enumerate(rng.permutation(np.linspace(0.12, np.pi - 0.12, 26))):
        way = np.array((np.cos(a), np.sin(a)))
        long = s * (205 - 45 * np.sin(a)) * rng.uniform(0.88, 1.08)
        bent = np.array((-way[1], way[0])) * side * 0.28 * long
        line = waist + way * long * t + bent * t**2
        brush.stroke(layer, line, s * rng.uniform(22, 36), folds[k % 4])
        if k % 2:
            layer.ribbon(line[2:] + rng.normal(0, 5, 2), s * np.linspace(1, 7, 10), COAL, 0.85)
    limb([(-14, 20), (-4, -60), (2, -112)], 34, 50, folds[1])
    limb([(-18, -104), (-92, -150), (-128, -236)], 18, 9)
    limb([(24, -104), (112, -96), (188, -152)], 18, 9)
    limb([(4, -112), (10, -144)], 18, 16)
    head = waist + np.array((14 * side, -172)) * s
    layer.polygon(ellipse(*head, 33 * s, 38 * s, 0.2 * side), COAL)
    layer.polygon(ellipse(*(head + (7 * side * s, 5 * s)), 23 * s, 30 * s, 0.2 * side), SKIN)
    layer.dot(head + np.array((-20 * side, -34)) * s, 18 * s, COAL)
