"""A copper engraving: swelling lines bent over the forms, crossed in the shadows, dotted in the lights."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from tools.gallery.card import Card
from tools.gallery.fields import blur, grid, mix, noise, palette, paper, relief, step
from tools.gallery.motifs import still_life

CARD = Card(
    id="engraving",
    name="Engraved Table",
    name_zh="铜版静物",
    line="Fine sepia lines that swell and cross over jug, bowl and fruit, on ivory paper.",
    line_zh="细密的棕褐线条在罐、碗与果实上粗细交错，印在象牙色纸上。",
    seed=6,
)
GRAY = {
    "wall": palette("707070", "e8e8e8"), "cloth": palette("707070", "ffffff"), "table": palette("484848", "a8a8a8"),
    "jug": palette("282828", "f4f4f4"), "bottle": palette("080808", "909090"), "bowl": palette("383838", "ffffff"),
    "red": palette("181818", "d0d0d0"), "yellow": palette("484848", "ffffff"), "green": palette("303030", "e8e8e8"),
    "shadow": palette("202020", "404040"),
}  # fmt: skip
INK, SHEET, PLATE = palette("43332c", "f3ead6", "dccdb0")


def paint(size: int, rng: np.random.Generator) -> np.ndarray:
    scene = still_life(rng)
    plan = scene.plan(size, GRAY)
    shape = plan.label.shape
    x, y = grid(shape)
    round_ = inflated(plan.label, size)
    light = relief(blur(round_, 3), 0.9)
    tone = blur(plan.color[..., 0], 1.0) * (0.97 + 0.16 * light) + 0.03 * noise(rng, 160, shape, 2)
    tone = np.clip(tone, 0.04, 1)
    bend = 0.8 * blur(round_, 9) + 10 * noise(rng, 420, shape)
    ground = plan.mask(scene, "wall", "table")
    first = np.where(ground > 0, y + 0.12 * x, 0.86 * y + 0.5 * x + bend)
    second = np.where(ground > 0, y - 0.55 * x, 0.72 * y - 0.7 * x + bend)
    third = 0.25 * y + 0.97 * x - bend
    pitch = 6.4
    key = hatch(first, pitch, tone, 0.93, 0.55)
    key = np.maximum(key, hatch(second, pitch, tone, 0.62, 0.42))
    key = np.maximum(key, hatch(third, pitch, tone, 0.33, 0.40))
    dots = np.cos(2 * np.pi * (first / pitch + 0.5)) + np.cos(2 * np.pi * third / (pitch * 1.4))
    key = np.maximum(key, 0.8 * step(dots, 1.35, 1.75) * step(tone, 0.6, 0.7) * (1 - step(tone, 0.9, 0.97)))
    rim = np.hypot(*np.gradient(plan.label.astype(float))) > 0
    rim = step(blur(rim.astype(float), 0.8), 0.25, 0.5) * (0.85 - 0.5 * step(tone, 0.4, 0.95))
    key = np.maximum(key, rim)
    sheet = np.broadcast_to(SHEET, (*shape, 3)) * (1 + 0.018 * paper(rng, shape)[..., None])
    film = 0.55 * (1 - step(blur(tone, 8), 0.25, 0.9)) + 0.12 + 0.05 * noise(rng, 220, shape, 2)
    sheet = mix(sheet, np.broadcast_to(PLATE, sheet.shape), np.clip(film, 0, 1))
    return np.clip(mix(sheet, np.broadcast_to(INK, sheet.shape), key * 0.93), 0, 1)


def hatch(phase: np.ndarray, pitch: float, tone: np.ndarray, limit: float, full: float) -> np.ndarray:
    """Return lines one pitch apart that begin below the tone ``limit`` and swell to a share ``full`` of the pitch."""
    share = full * np.clip((limit - tone) / limit, 0, 1) ** 0.8
    along = np.abs(phase / pitch - np.rint(phase / pitch)) * 2
    return 1 - step(along - share, -0.16, 0.16) if full else 0 * phase


def inflated(label: np.ndarray, size: int) -> np.ndarray:
    """Return a height in points that rounds each form like a cushion."""
    height = np.zeros(label.shape)
    for index in range(1, label.max() + 1):
        inside = label == index
        if inside.any():
            away = np.minimum(ndimage.distance_transform_edt(inside) * 768 / size, 70)
            height = np.where(inside, np.sqrt(np.maximum(140 * away - away**2, 0)), height)
    return height
