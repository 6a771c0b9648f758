"""Paint laid on with a palette knife: flat dabs of half-mixed color with ridges at their rims."""

from __future__ import annotations

import numpy as np

from tools.gallery.canvas import Canvas
from tools.gallery.card import Card
from tools.gallery.fields import blur, noise, orientation, palette, relief, sample, scatter
from tools.gallery.motifs import flowers

CARD = Card(
    id="knife-bouquet",
    name="Bouquet with the Palette Knife",
    name_zh="刮刀花束",
    line="Thick slabs of vermilion, cream and saffron on deep teal, spread and scraped with a knife.",
    line_zh="朱红、奶油与藏红花黄的厚厚颜料，用刮刀抹在深青底上。",
    seed=26,
)
SLOTS = {
    "ground": palette("0f3a4c", "1f6a78", "5fa8a4", "dfe0b8"),
    "far": palette("4a6a80", "8fa9ac"),
    "table": palette("8a3f1f", "d0742f", "f0b45f"),
    "leaf": palette("0c3a2f", "1f7a4c", "9cc04a"),
    "petal_a": palette("8a1420", "e03a2c", "f87a4c", "fdc89a"),
    "petal_b": palette("d0b090", "f8e8cc", "fffaea"),
    "petal_c": palette("d0781a", "f8b82a", "fde27a"),
    "heart": palette("4a2a2c", "8a4a30", "d99a4a"),
    "vase": palette("0c2352", "1f5aa0", "8cc4dc"),
}


def paint(size: int, rng: np.random.Generator) -> np.ndarray:
    scene = flowers(rng, 768, 1000, count=19)
    plan = scene.plan(size, SLOTS)
    shape = plan.label.shape
    color = np.clip(plan.color * (1 + 0.08 * noise(rng, 120, shape, 3)[..., None]), 0, 1)
    canvas = Canvas(size, 768, 1000, palette("8a8a78")[0])
    height = Canvas(size, 768, 1000, (0.25,) * 3)
    back = plan.mask(scene, "ground", "table")
    angle = orientation(plan.tone + plan.depth, 9)
    loose = np.pi / 4 * np.round(noise(rng, 170, shape) * 1.4) + 0.5
    angle = np.where(blur(back, 4) > 0.7, loose, angle)
    for gap, long, wide, need in (
        (42, 130, 64, 0.0),
        (27, 84, 42, 0.06),
        (17, 52, 25, 0.11),
        (12, 32, 15, 0.16),
    ):
        wanted = blur(color, wide * 0.22)
        at = scatter(rng, gap, shape, 20)
        missing = np.linalg.norm(blur(canvas.picture(), wide * 0.25) - wanted, axis=-1)
        at = at[sample(missing, at) >= need]
        own, turn = sample(wanted, at), sample(angle, at) + rng.normal(0, 0.22, len(at))
        near = sample(blur(color, wide), at)
        for p, c, other, t in zip(at, own, near, turn, strict=True):
            dab(
                rng,
                canvas,
                height,
                p,
                t,
                long * rng.uniform(0.6, 1.2),
                wide * rng.uniform(0.7, 1.2),
                (c, other),
            )
    thick = blur(height.picture()[..., 0], 0.7)
    shade = relief(thick * 6.5)
    picture = canvas.picture() * (1 + 0.20 * shade)[..., None] + 0.10 * np.clip(shade - 0.45, 0, 1)[..., None]
    return np.clip(picture, 0.03, 0.97)


def dab(rng, canvas, height, center, turn, long, wide, colors) -> None:
    """Spread one load of two half-mixed colors."""
    own, other = colors
    n = max(4, int(wide / 2.6))
    c, s = np.cos(turn), np.sin(turn)
    mixed = np.convolve(rng.normal(0, 1, n + 4), np.ones(5) / 5, "valid")
    tone = rng.normal(0, 0.028)
    ends = np.convolve(rng.normal(0, 1, (2, n + 6)).ravel(), np.ones(4) / 4, "same").reshape(2, -1)
    for k, v in enumerate(np.linspace(-0.5, 0.5, n)):
        a, b = -long / 2 + 0.12 * long * ends[0, k], long / 2 + 0.16 * long * ends[1, k]
        u = np.array((a, 0, b))
        bow = np.array((0, 0.03 * long, 0))
        line = center + np.stack([u * c - (v * wide + bow) * s, u * s + (v * wide + bow) * c], -1)
        share = np.clip(0.16 + 0.32 * mixed[k], 0, 0.55)
        tint = own + share * (other - own) + tone + rng.normal(0, 0.012, 3)
        canvas.line(line, wide / n * 1.5, tint, 0.97)
        ridge = 0.45 + 0.4 * (abs(v) > 0.42) + 0.10 * mixed[k]
        height.line(line, wide / n * 1.3, (np.clip(ridge, 0, 1),) * 3, 0.9)
    u = np.full(6, long / 2)
    v = np.linspace(-0.45, 0.45, 6) * wide
    tip = center + np.stack([u * c - v * s, u * s + v * c], -1)
    height.line(tip, 3.2, (0.95,) * 3, 0.7)
