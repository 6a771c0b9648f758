"""A copper engraving, colored by hand: swelling lines bent over the forms, crossed in the shadows, under washes."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from tools.gallery.card import Card
from tools.gallery.fields import blur, edges, grid, mix, multiply, noise, palette, relief, step
from tools.gallery.motifs import still_life

CARD = Card(
    id="engraving",
    name="Engraved Table",
    name_zh="铜版静物",
    line="Blue-black lines swell and cross over jug, bowl and fruit, tinted by hand in madder, gamboge and blue.",
    line_zh="蓝黑刻线在罐、碗与果实上粗细交错，再以茜红、藤黄与花青手工敷彩。",
    seed=6,
)
GRAY = {
    "wall": palette("a8a8a8", "ffffff"), "cloth": palette("707070", "ffffff"), "table": palette("383838", "d0d0d0"),
    "jug": palette("080808", "f4f4f4"), "bottle": palette("000000", "909090"), "bowl": palette("181818", "ffffff"),
    "red": palette("080808", "d0d0d0"), "yellow": palette("303030", "ffffff"), "green": palette("101010", "e8e8e8"),
    "shadow": palette("000000", "181818"),
}  # fmt: skip
TINTS = {
    "wall": palette("a8d0c8", "eef0d8"), "cloth": palette("f0b49c", "fdeede"), "table": palette("e89a4c", "f8d48a"),
    "jug": palette("4f9cc0", "d0ecec"), "bottle": palette("3f9a78", "9cd8a4"), "bowl": palette("e8c0a0", "fff4e0"),
    "red": palette("e0402f", "f88a64"), "yellow": palette("f0b434", "fbe08a"), "green": palette("7fae4c", "cfdf86"),
    "shadow": palette("b8784c", "c88a5c"),
}  # fmt: skip
INK, SHEET = palette("141c38", "fbf0d6")
PITCH = 13.0


def paint(size: int, rng: np.random.Generator) -> np.ndarray:
    """Return the picture (size, size * 4 / 3, 3)."""
    scene = still_life(rng)
    plan, tints = scene.plan(size, GRAY), scene.plan(size, TINTS)
    round_ = inflated(plan.label, size)
    light = relief(blur(round_, 3), 0.9)
    tone = blur(plan.color[..., 0], 1.0) * (0.92 + 0.22 * light) + 0.03 * noise(rng, 160, light.shape, 2)
    key = lines(np.clip(tone, 0.0, 1), round_, plan.mask(scene, "wall", "table"), rng)
    rim = step(4.2 - edges(plan.label), 0, 2.4) * (0.95 - 0.35 * step(tone, 0.5, 1.0))
    key = np.maximum(key, rim)
    sheet = np.broadcast_to(SHEET, tints.color.shape) * (1 + 0.02 * noise(rng, 90, tone.shape, 2))[..., None]
    pooled = 0.85 + 0.15 * noise(rng, 120, tone.shape, 2).clip(-1, 1)
    color = multiply(sheet, blur(tints.color, 1.5), np.clip(pooled, 0, 1))
    return np.clip(mix(color, np.broadcast_to(INK, color.shape), 0.96 * key), 0.03, 0.97)


def lines(tone: np.ndarray, round_: np.ndarray, flat: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return how far the ink covers: one set of lines in the light, two and three as it darkens."""
    x, y = grid(tone.shape)
    bend = 0.8 * blur(round_, 9) + 12 * noise(rng, 420, tone.shape)
    first = np.where(flat > 0, y + 0.12 * x + 0.3 * bend, 0.86 * y + 0.5 * x + bend)
    second = np.where(flat > 0, 0.8 * y - 0.6 * x, 0.72 * y - 0.7 * x + bend)
    third = 0.25 * y + 0.97 * x - bend
    key = hatch(first, PITCH, tone, 0.9, 0.80)
    key = np.maximum(key, hatch(second, PITCH, tone, 0.45, 0.60))
    return np.maximum(key, hatch(third, PITCH * 0.8, tone, 0.24, 0.55))


def hatch(phase: np.ndarray, pitch: float, tone: np.ndarray, limit: float, full: float) -> np.ndarray:
    """Return lines one pitch apart that begin below the tone ``limit`` and swell to a share ``full`` of the pitch."""
    share = full * np.clip((limit - tone) / limit, 0, 1) ** 0.8
    along = np.abs(phase / pitch - np.rint(phase / pitch)) * 2
    return step(share - along, -0.09, 0.09) * step(share, 0.02, 0.09)


def inflated(label: np.ndarray, size: int) -> np.ndarray:
    """Return a height in points that rounds each form like a cushion."""
    height = np.zeros(label.shape)
    for index in range(1, label.max() + 1):
        inside = label == index
        if inside.any():
            away = np.minimum(ndimage.distance_transform_edt(inside) * 768 / size, 70)
            height = np.where(inside, np.sqrt(np.maximum(140 * away - away**2, 0)), height)
    return height
