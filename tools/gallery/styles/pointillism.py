"""Dots of pure color side by side, warm against cool, that mix in the eye."""

from __future__ import annotations

import numpy as np

from tools.gallery.canvas import Canvas
from tools.gallery.card import Card
from tools.gallery.fields import blur, noise, palette, relief, sample, scatter
from tools.gallery.motifs import sea

CARD = Card(
    id="pointillism",
    name="Bay in Points of Light",
    name_zh="光点海湾",
    line="Large dots of rose, gold, violet and turquoise, warm against cool, over a bright blue bay.",
    line_zh="玫瑰、金黄、紫与青的大色点冷暖相映，湛蓝的海湾闪着光。",
    seed=8,
)
SLOTS = {
    "sky": palette("3f8ad8", "8fc8ec", "fde0a8", "fcae74"),
    "sun": palette("f8e6a0", "fff6d8"),
    "cloud": palette("d7b7cc", "f6e3d2"),
    "far": palette("5a4aa8", "8f78cc", "e890b0"),
    "sea": palette("123f8c", "1f78b8", "4fb8c4", "e8e0a8"),
    "foam": palette("bcdcd6", "f7efd6"),
    "sail": palette("f0844a", "fcd08a", "fff4d4"),
    "hull": palette("6a1f4a", "c83a4a"),
    "sand": palette("c8743a", "f4b44f", "fde48a"),
    "rock": palette("3a2a7a", "8a4a94", "e0786a"),
}
PURE = palette("e8634a", "f4b13c", "f7dc6b", "6fae5c", "2f9a9a", "3f6fc0", "7a4fa8", "d9578f", "fdf3dc")


def paint(size: int, rng: np.random.Generator) -> np.ndarray:
    scene = sea(rng)
    plan = scene.plan(size, SLOTS)
    shape = plan.label.shape
    color = np.clip(
        blur(plan.color, 1.5) + 0.035 * noise(rng, 110, shape, 2)[..., None] * (1, 0.2, -0.8), 0, 1
    )
    canvas = Canvas(size, 1024, 768, palette("e6d8bd")[0])
    height = Canvas(size, 1024, 768, (0.3,) * 3)
    for gap, radius, mixed in ((17, 13.0, 0.10), (13, 9.0, 0.18), (15, 6.5, 0.45)):
        at = scatter(rng, gap, shape)
        own = sample(color, at)
        away = np.linalg.norm(own[:, None] - PURE[None], axis=-1)
        chosen = PURE[(away + rng.gumbel(0, 0.11, away.shape)).argmin(1)]
        opposite = np.clip(own.mean(1, keepdims=True) * 2 - own, 0, 1)
        share = rng.uniform(0, 2 * mixed, (len(at), 1))
        tint = own + share * (chosen - own) + (rng.random((len(at), 1)) < 0.10) * 0.4 * (opposite - own)
        tint = tint + rng.normal(0, 0.022, (len(at), 3))
        for p, c, r in zip(at.tolist(), tint, radius * rng.uniform(0.75, 1.15, len(at)), strict=True):
            canvas.dot(p, r, c, 0.93)
            height.dot(p, r, (rng.uniform(0.4, 0.9),) * 3, 0.8)
    shade = relief(blur(height.picture()[..., 0], 0.7) * 3)
    picture = canvas.picture() * (1 + 0.10 * shade)[..., None]
    return np.clip(picture, 0, 1)
