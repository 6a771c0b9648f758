"""Soft pastel on dark-toned paper: sticks dragged over the tooth, layer on layer."""

from __future__ import annotations

import numpy as np

from tools.gallery.canvas import Canvas
from tools.gallery.card import Card
from tools.gallery.fields import blur, mix, noise, orientation, palette, paper, sample, scatter, step, trace
from tools.gallery.motifs import flowers

CARD = Card(
    id="pastel-garden",
    name="Garden in Pastel",
    name_zh="色粉花园",
    line="Powdery pink, lilac, lemon and green on dusky paper, whose tooth shows between the strokes.",
    line_zh="粉红、丁香、柠檬与草绿的色粉，轻覆在暗色纸上，纸纹隐现。",
    seed=44,
)
SLOTS = {
    "ground": palette("8a8fc0", "b3b3d6", "e9c9cf", "f8e3c4"),
    "far": palette("5a7a86", "8fb09a", "c4d0a0"),
    "leaf": palette("2f5a4c", "5f9468", "b4c97a"),
    "petal_a": palette("b0487a", "e08bab", "fbd0d8"),
    "petal_b": palette("7a68b8", "b09fdc", "e0d3f2"),
    "petal_c": palette("d99a3c", "f6d276", "fdf0b8"),
    "heart": palette("7a4a2c", "e0a03c", "fbe08a"),
    "table": palette("5f8a5c", "a9bf72"),
    "vase": palette("5f8a5c", "a9bf72"),
}
SHEET = palette("57526a")[0]


def paint(size: int, rng: np.random.Generator) -> np.ndarray:
    scene = flowers(rng, 1024, 768, garden=True, count=30)
    plan = scene.plan(size, SLOTS)
    shape = plan.label.shape
    tooth = paper(rng, shape, 3.2)
    color = np.clip(plan.color + 0.03 * noise(rng, 140, shape, 2)[..., None] * (1, -0.3, 0.6), 0, 1)
    grass = plan.mask(scene, "far")
    color = mix(
        color,
        np.broadcast_to(palette("9dbb76")[0], color.shape),
        0.4 * grass * step(noise(rng, 110, shape, 2), 0, 1.2),
    )
    angle = orientation(plan.tone + plan.depth, 8)
    angle = np.where(blur(plan.mask(scene, "ground"), 3) > 0.5, -0.55 + 0.35 * noise(rng, 240, shape), angle)
    angle = np.where(blur(grass, 3) > 0.5, 1.35 + 0.35 * noise(rng, 120, shape), angle)
    sheet = np.broadcast_to(SHEET, (*shape, 3)) * (1 + 0.05 * tooth)[..., None]
    picture = sheet
    for index, (width, gap, long, soft) in enumerate(
        ((17, 9, 80, 7), (11, 7, 56, 4), (7, 6, 34, 2), (4.5, 6, 24, 1))
    ):
        layer = Canvas(size, 1024, 768, None)
        at = scatter(rng, gap, shape, 10)
        wanted = blur(color, soft)
        if index > 1:
            away = np.linalg.norm(blur(picture, soft) - wanted, axis=-1)
            at = at[sample(away, at) > 0.11]
        own = sample(wanted, at) + rng.normal(0, 0.035, (len(at), 3)) + rng.normal(0, 0.02, (len(at), 1))
        lines = trace(angle, at, long * rng.uniform(0.5, 1, len(at)), 8)
        ends = np.linalg.norm(sample(wanted, lines[:, -1]) - own, axis=-1) > 0.25
        for line, tint, stray in zip(lines, own, ends, strict=True):
            line = line[: max(2, len(line) // 3)] if stray else line
            press = np.sin(np.linspace(0.6, 2.7, len(line)))
            layer.ribbon(line, width * press * rng.uniform(0.6, 1.1), tint, rng.uniform(0.45, 0.9))
        cover = layer.cover()
        pure = layer.picture() / np.maximum(cover, 1e-3)[..., None]
        caught = step(cover * 1.4 - 0.52 + 0.17 * tooth, 0, 0.55)
        picture = mix(picture, pure, caught * (0.93 if index else 0.8))
    rubbed = mix(picture, blur(picture, 4), 0.35 * plan.mask(scene, "ground", "far"))
    return np.clip(rubbed * (1 + 0.018 * tooth)[..., None], 0.03, 0.98)
