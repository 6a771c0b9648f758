"""Polished terrazzo: large chips of marble in a pink binder, gathered into a slow tide of color."""

from __future__ import annotations

import numpy as np

from tools.gallery.canvas import Canvas, smooth
from tools.gallery.card import Card
from tools.gallery.fields import blur, grid, mix, noise, palette, relief
from tools.gallery.outlines import cover

CARD = Card(
    id="terrazzo-terrace",
    name="Terrazzo Tide",
    name_zh="水磨石之潮",
    line="Large chips of forest green, oxblood, mustard and ivory marble, polished in a blush-pink ground.",
    line_zh="墨绿、牛血红、芥黄与象牙白的大块石片，磨进粉红石底。",
    seed=13,
)
Array = np.ndarray
BINDER, SHADE = palette("f4c3b4", "e9a598")
CHIPS = palette(
    "c8452f",
    "f08a6a",
    "7a1f2c",
    "2f7a5c",
    "a8cfa0",
    "0f4a40",
    "e8a01f",
    "f9d66a",
    "1c2f4f",
    "4f86a8",
    "fdf3e2",
    "f7dcc8",
)
"""Three each of red, green, yellow and blue with pale stone."""


def paint(size: int, rng: np.random.Generator) -> Array:
    """Return the picture (size, size, 3)."""
    shape = (size, size)
    x, y = grid(shape)
    tide = _tide(x, y)
    ground = mix(BINDER, SHADE, 0.45 + 0.4 * noise(rng, 130, shape, 4).clip(-1, 1) * 0.5)
    ground = mix(ground, CHIPS[1], 0.25 * np.clip(tide, 0, 1))
    ground = mix(ground, CHIPS[11], 0.4 * np.clip(-tide, 0, 1))
    canvas = Canvas(size, ground=np.clip(ground, 0, 1))
    outlines = _chips(rng)
    for outline, center in outlines:
        level = float(_tide(center[0], center[1]) + rng.normal(0, 0.35))
        _lay(canvas, outline, _stone(level, rng), rng)
    picture = canvas.picture()
    inside = blur(cover(shape, *(outline for outline, _ in outlines)), 1.2)
    veins = noise(rng, 44, shape, 2)
    picture *= 1 + (0.06 * veins * inside)[..., None]
    picture += 0.03 * relief(-inside * 2.0, 1.0)[..., None]
    return np.clip(picture, 0.03, 0.95)


def _tide(x: Array, y: Array) -> Array:
    """A slow wave over the floor, -1 to 1: where dark chips gather, and where rose ones do."""
    return np.sin((x + 0.6 * y) / 150 + 1.1 * np.sin(y / 170 + 0.4)) * 0.75 + 0.35 * np.sin(
        (0.7 * y - 0.4 * x) / 110
    )


def _stone(level: float, rng: np.random.Generator) -> Array:
    if level > 0.45:
        pool, odds = (8, 5, 9, 3, 2, 11), (0.3, 0.22, 0.2, 0.14, 0.08, 0.06)
    elif level > -0.3:
        pool, odds = (3, 4, 6, 7, 9, 0), (0.26, 0.2, 0.18, 0.14, 0.12, 0.1)
    else:
        pool, odds = (0, 1, 7, 10, 6, 2), (0.3, 0.26, 0.16, 0.12, 0.1, 0.06)
    return np.clip(CHIPS[rng.choice(pool, p=odds)] + rng.normal(0, 0.025, 3), 0, 1)


def _chips(rng: np.random.Generator) -> list[tuple[Array, Array]]:
    """Chips that do not touch, large ones first."""
    taken, chips = np.empty((0, 3)), []
    for radius, tries in ((104, 60), (74, 160), (50, 400), (33, 900), (21, 1800), (13, 2400)):
        for at in rng.uniform(-20, 788, (tries, 2)):
            r = radius * rng.uniform(0.75, 1.2)
            if len(taken) and (np.hypot(*(taken[:, :2] - at).T) < 0.9 * (taken[:, 2] + r) + 1.0).any():
                continue
            taken = np.concatenate([taken, [(*at, r)]])
            corners = int(rng.integers(5, 9))
            a = np.sort(rng.uniform(0, 2 * np.pi, corners) * 0.3 + np.arange(corners) * 2 * np.pi / corners)
            reach = r * rng.uniform(0.78, 1.06, corners)
            squeeze = rng.uniform(0.65, 1.0)
            corner = np.stack([reach * np.cos(a), squeeze * reach * np.sin(a)], 1)
            turn = rng.uniform(0, np.pi)
            corner = corner @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
            chips.append((_rounded(corner + at), at))
    return chips


def _rounded(corner: Array) -> Array:
    """Wear the corners off a polygon."""
    ahead, behind = np.roll(corner, -1, 0), np.roll(corner, 1, 0)
    worn = np.stack(
        [
            corner + 0.16 * (behind - corner),
            0.86 * corner + 0.07 * (ahead + behind),
            corner + 0.16 * (ahead - corner),
        ],
        1,
    )
    return worn.reshape(-1, 2)


def _lay(canvas: Canvas, outline: Array, color: Array, rng: np.random.Generator) -> None:
    """Set a chip: a darker rim of binder, the stone, and veins in the larger ones."""
    center = outline.mean(0)
    radius = float(np.linalg.norm(outline - center, axis=1).mean())
    canvas.line(outline, 1.6, color * 0.72, 0.55, closed=True)
    canvas.polygon(outline, color)
    if radius < 13:
        return
    for tone in (0.84, 1.14, 1.08):
        a = rng.uniform(0, 2 * np.pi)
        spot = center + 0.3 * radius * np.array([np.cos(a), np.sin(a)])
        canvas.polygon(spot + (outline - center) * rng.uniform(0.25, 0.5), np.clip(color * tone, 0, 1), 0.6)
    if rng.random() < 0.6:
        i, j = rng.choice(len(outline), 2, replace=False)
        middle = (outline[i] + outline[j]) / 2 + rng.normal(0, 0.12 * radius, 2)
        vein = smooth(np.array([outline[i], middle, outline[j]]), 6)
        canvas.line(
            center + 0.92 * (vein - center), 0.045 * radius + 0.6, np.clip(color * 0.6 + 0.36, 0, 1), 0.75
        )
