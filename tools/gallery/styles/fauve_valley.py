"""Unmixed colors in short square strokes, with bare canvas between them."""

from __future__ import annotations

import numpy as np

from tools.gallery.canvas import Brush
from tools.gallery.card import Card
from tools.gallery.fields import blur, grid, mix, noise, orientation, palette, paper, ramp
from tools.gallery.motifs import hills
from tools.gallery.strokes import Layer, Painting

CARD = Card(
    id="fauve-valley",
    name="Fauve Valley",
    name_zh="野兽派山谷",
    line="Broad strokes of pink, orange, turquoise and green, set side by side on bare canvas.",
    line_zh="粉红、橙黄、青绿的宽笔并置，笔触之间露出画布。",
    seed=5,
)
SLOTS = {
    "sky": palette("5fb7b4", "8fd0c4", "f6d9a8", "f6b48c"),
    "sun": palette("f8d25c", "fdf0c0"),
    "cloud": palette("f3a7a0", "fbe0cf"),
    "far": palette("4a5fae", "7f86c9", "e58aa8"),
    "near": palette("1f7a63", "5fae5c", "f0a13c", "f7d36b"),
    "tree": palette("243a78", "2c6e7d", "57ad6a"),
    "house": palette("e66a4a", "f6c6a0", "fdf0dc"),
    "roof": palette("b8323f", "e8563e"),
}
INK = palette("27357c", "5a2f74", "1f5a6b")


def paint(size: int, rng: np.random.Generator) -> np.ndarray:
    scene = hills(rng, 1024, 768, 5)
    plan = scene.plan(size, SLOTS)
    shape = plan.label.shape
    x, y = grid(shape)
    fields = plan.mask(scene, "near")
    stripes = np.sin((y * 1.2 + 0.35 * x + 40 * noise(rng, 300, shape)) / 17 + plan.label * 2.0)
    accent = ramp(palette("e8563e", "f2b13f", "3aa38a", "d96a9c"), 0.5 + 0.5 * stripes)
    color = mix(plan.color, accent, 0.42 * fields * (noise(rng, 130, shape) > -0.2))
    color = np.clip(color + 0.05 * noise(rng, 80, shape)[..., None] * np.array([1, -0.2, -0.8]), 0.05, 0.97)
    angle = orientation(plan.tone + plan.depth + 0.02 * stripes, 16)
    sky = blur(plan.mask(scene, "sky", "cloud", "sun"), 2) > 0.5
    angle = np.where(sky, 0.35 * noise(rng, 260, shape) - 0.25, angle)
    weave = 0.5 + 0.5 * np.sin(x * 2.1) * np.sin(y * 2.1)
    ground = np.array([0.93, 0.87, 0.76]) * (0.96 + 0.03 * weave + 0.02 * paper(rng, shape))[..., None]
    painting = Painting(size, color, angle, ground)
    painting.lay(Layer(24, 21, 60, 0, 0.3), Brush(rng, 11, 0.03, 0.6), 0.035)
    painting.lay(Layer(18, 20, 42, 0.12, 0.3), Brush(rng, 9, 0.03, 0.6), 0.04)
    painting.lay(Layer(9, 10, 34, 0.18, 0.25), Brush(rng, 6, 0.03, 0.4), 0.03)
    contours(painting, scene, Brush(rng, 3, 0.03, 0.5))
    return painting.lit(0.11, 4.0, 0.03)


def contours(painting: Painting, scene, brush: Brush) -> None:
    """Draw the hills', trees' and roofs' outlines in broken dark strokes."""
    rng = brush.rng
    for form in scene.forms:
        if form.slot not in ("near", "far", "tree", "roof"):
            continue
        line = form.outline[:-2] if form.name.startswith("range") else np.r_[form.outline, form.outline[:1]]
        away = np.r_[0, np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))]
        at = rng.uniform(0, 40)
        while at < away[-1]:
            long = rng.uniform(40, 130)
            stops = np.linspace(at, min(at + long, away[-1]), 12)
            piece = np.stack([np.interp(stops, away, line[:, k]) for k in (0, 1)], -1) + rng.normal(0, 0.8, 2)
            color = INK[rng.integers(len(INK))]
            if rng.random() < 0.8:
                brush.stroke(painting.color, piece, rng.uniform(3, 6.5), color, 0.9, painting.height)
            at += long * rng.uniform(0.9, 1.25)
