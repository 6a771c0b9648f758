"""Soft pastel at dusk: sticks dragged broadly over violet paper, blossoms glowing on ultramarine shade."""

from __future__ import annotations

import numpy as np

from tools.gallery.canvas import Canvas
from tools.gallery.card import Card
from tools.gallery.fields import blur, mix, noise, orientation, palette, sample, scatter, step, trace
from tools.gallery.motifs import blossom
from tools.gallery.scenes import Scene, blob, leaf, ridge, slope

CARD = Card(
    id="pastel-garden",
    name="Garden in Pastel",
    name_zh="色粉花园",
    line="Rose, apricot and lemon blossoms in broad powdery strokes glow against a dusk of ultramarine and violet.",
    line_zh="玫红、杏橙与柠檬黄的花，以宽厚的粉笔触在群青与紫的暮色里发光。",
    seed=44,
)
W, H = 1024, 768
SLOTS = {
    "sky": palette("3a3f86", "6c63b0", "c58ac0", "f4b9a8"),
    "far": palette("2a3a78", "4a63a0"),
    "shade": palette("1c2358", "2f4486", "3f78a0"),
    "leaf": palette("12404f", "1f7a78", "5fb8a0"),
    "petal_a": palette("a81f58", "e8568a", "fcb4c0"),
    "petal_b": palette("c8502c", "f8935a", "fdd2a4"),
    "petal_c": palette("d89a2c", "f9d766", "fdf4bc"),
    "heart": palette("5a1f4a", "8a2f4a", "e8843c"),
}
SHEET = palette("39356e")[0]
PLACES = (
    (120, 330, 74), (330, 250, 62), (560, 300, 78), (780, 240, 66), (950, 340, 72), (220, 470, 98), (450, 440, 92),
    (680, 460, 104), (890, 500, 98), (60, 600, 104), (330, 640, 118), (570, 640, 110), (800, 670, 122), (1000, 660, 90),
)  # fmt: skip
"""Blossoms from far to near: x, y and radius."""


def compose(rng: np.random.Generator) -> Scene:
    scene = Scene(W, H)
    scene.fill("sky", slope(0.15, 3.2))
    scene.add(ridge(rng, W, H, 190, 24), "far", slope(1, 0.1), 0.2)
    scene.add(ridge(rng, W, H, 262, 20), "shade", slope(0.9, 0.0), 0.3)
    for x, y, r in PLACES:
        scene.add(blob(rng, x, y + 0.9 * r, 1.3 * r, 0.7 * r, 0.1), "shade", slope(0.5, 0), 0.4)
        for turn in rng.uniform(20, 160, 3):
            scene.add(leaf(x, y + 0.3 * r, 1.9 * r, turn, 0.2), "leaf", slope(1, 0.1, 20), 0.5)
    for index, (x, y, r) in enumerate(PLACES):
        blossom(rng, scene, x + rng.normal(0, 12), y, r, f"petal_{'abcab'[index % 5]}")
    return scene


def paint(size: int, rng: np.random.Generator) -> np.ndarray:
    """Return the picture (size, size * 4 / 3, 3)."""
    scene = compose(rng)
    plan = scene.plan(size, SLOTS)
    shape = plan.label.shape
    back = blur(plan.mask(scene, "sky", "far", "shade"), 4)
    angle = np.where(back > 0.5, -0.5 + 0.5 * noise(rng, 300, shape), orientation(plan.tone + plan.depth, 10))
    tooth = 0.7 * noise(rng, 12, shape, 2) + 0.4 * noise(rng, 40, shape)
    picture = np.broadcast_to(SHEET, (*shape, 3))
    for width, gap, long, need in (
        (46, 22, 170, 0),
        (30, 17, 110, 0.09),
        (19, 12, 66, 0.12),
        (12, 10, 42, 0.16),
    ):
        wanted = blur(plan.color, width * 0.3)
        at = scatter(rng, gap, shape, 20)
        if need:
            away = np.linalg.norm(blur(picture, width * 0.25) - wanted, axis=-1)
            at = at[sample(away * (1 - 0.6 * back), at) > need]
        picture = layer(rng, picture, wanted, angle, tooth, (at, width, long))
    return np.clip(picture, 0.03, 0.97)


def layer(rng, picture, wanted, angle, tooth, strokes) -> np.ndarray:
    """Drag sticks from points (n, 2), so wide and long, over the tooth; each keeps one color."""
    at, width, long = strokes
    sheet = Canvas(min(picture.shape[:2]), W, H, None)
    own = sample(wanted, at) + rng.normal(0, 0.012, (len(at), 3)) + rng.normal(0, 0.03, (len(at), 1))
    lines = trace(angle, at, long * rng.uniform(0.5, 1, len(at)), 8)
    strays = np.linalg.norm(sample(wanted, lines) - own[:, None], axis=-1) > 0.3
    for line, tint, stray in zip(lines, own, strays, strict=True):
        last = int(np.argmax(np.r_[stray, True]))
        line = line[: max(2, last)]
        line = line[np.r_[True, np.linalg.norm(np.diff(line, axis=0), axis=1) > 0.2]]
        if len(line) > 1:
            press = 0.55 + 0.45 * np.sin(np.linspace(0.4, 2.8, len(line)))
            sheet.ribbon(line, width * press * rng.uniform(0.6, 1.1), tint, rng.uniform(0.7, 0.95))
    cover = sheet.cover()
    pure = sheet.picture() / np.maximum(cover, 1e-3)[..., None]
    caught = step(cover, 0.05, 0.3) * step(cover - 0.3 + 0.12 * tooth, 0, 0.35)
    return mix(picture, pure, 0.95 * caught)
