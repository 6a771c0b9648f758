"""Leaves, waves and birds cut from painted paper and pinned on painted panels."""

from __future__ import annotations

import numpy as np

from tools.gallery.canvas import Canvas, smooth
from tools.gallery.card import Card
from tools.gallery.fields import blur, grid, lic, noise, palette, paper, relief, warp
from tools.gallery.scenes import ellipse

CARD = Card(
    id="gouache-cutouts",
    name="Lagoon of Cut Paper",
    name_zh="剪纸潟湖",
    line="Sea plants, birds and a sun cut from gouache-painted paper, on panels of bright color.",
    line_zh="水草、飞鸟与太阳，从水粉彩纸上剪下，贴在明亮的色块上。",
    seed=2,
)
W, H = 1024, 768
BLUE, SKY, GREEN, ORANGE, PINK, CREAM, YELLOW, PLUM, TEAL = palette(
    "2a4fa0", "86b8d6", "3d8f5f", "e8703c", "eba3ac", "f5ecd8", "f3c54a", "5a3566", "2f8f96"
)
PANELS = (
    (0, 0, 260, 300, PINK), (260, 0, 560, 240, CREAM), (560, 0, 800, 330, BLUE), (800, 0, 1024, 260, YELLOW),
    (0, 300, 200, 768, TEAL), (200, 300, 430, 560, ORANGE), (260, 240, 560, 300, SKY), (430, 300, 560, 560, CREAM),
    (560, 330, 800, 560, GREEN), (800, 260, 1024, 540, PLUM), (200, 560, 520, 768, SKY), (520, 560, 760, 768, PINK),
    (760, 540, 1024, 768, CREAM),
)  # fmt: skip


def paint(size: int, rng: np.random.Generator) -> np.ndarray:
    shape = (size, round(size * W / H))
    _x, _ = grid(shape)
    color, height, sheet = (
        Canvas(size, W, H, CREAM),
        Canvas(size, W, H, (0.1,) * 3),
        Canvas(size, W, H, (0, 0, 0)),
    )
    level = [0.1]

    def cut(outline, tint) -> None:
        """Paste a piece; its edge casts a little light and shadow, and its brushwork has its own direction."""
        outline = np.asarray(outline, float)
        level[0] = min(level[0] + 0.012, 0.9)
        tint = np.clip(tint + rng.normal(0, 0.012, 3), 0, 1)
        color.polygon(outline + (2.2, 2.8), (0.12, 0.1, 0.16), 0.22)
        color.polygon(outline, tint)
        height.polygon(outline, (level[0],) * 3)
        sheet.polygon(outline, (rng.random(), rng.random(), 0))

    for left, top, right, bottom, tint in PANELS:
        corner = rng.normal(0, 3, (4, 2))
        cut(np.array([(left, top), (right, top), (right, bottom), (left, bottom)]) + corner, tint)
    pieces(rng, cut)
    turn = sheet.picture()[..., 0] * np.pi
    streak = lic(noise(rng, 6, shape, 2), turn + 0.25 * noise(rng, 120, shape), 90, 18)
    streak /= streak.std()
    cloudy = noise(rng, 110, shape, 3)
    shade = relief(blur(height.picture()[..., 0], 0.8) * 26)
    picture = blur(color.picture(), 0.35)
    picture = warp(picture, 0.8 * noise(rng, 9, shape), 0.8 * noise(rng, 9, shape))
    body = 1 + 0.055 * streak + 0.035 * cloudy + 0.02 * paper(rng, shape) - 0.045 * shade
    return np.clip(0.025 + 0.95 * picture * body[..., None], 0, 1)


def pieces(rng: np.random.Generator, cut) -> None:
    for x, y, long, turn, tint in (
        (130, 270, 235, -86, BLUE), (410, 225, 190, -80, GREEN), (680, 310, 270, -92, CREAM), (910, 245, 200, -84, ORANGE),
        (100, 745, 400, -88, CREAM), (312, 550, 225, -95, CREAM), (497, 550, 215, -88, PLUM), (678, 545, 190, -86, YELLOW),
        (915, 525, 235, -93, PINK), (350, 755, 170, -70, BLUE), (640, 755, 180, -98, TEAL), (890, 758, 200, -86, BLUE),
    ):  # fmt: skip
        alga(rng, cut, x, y, long, turn, tint)
    cut(ellipse(905, 62, 34), ORANGE)
    cut(ellipse(330, 52, 30), PINK)
    for x, y, s, tint in (
        (760, 70, 1, CREAM),
        (225, 70, 0.8, CREAM),
        (250, 640, 1.0, CREAM),
        (470, 690, 0.7, ORANGE),
    ):
        bird(cut, x, y, 62 * s, tint)
    for k in range(7):
        at = rng.uniform((540, 580), (1000, 740))
        star(cut, *at, rng.uniform(10, 20), (YELLOW, ORANGE, GREEN)[k % 3])
    for y in (268, 284):
        wave = np.stack([np.linspace(270, 552, 40), y + 6 * np.sin(np.linspace(0, 20, 40))], -1)
        cut(np.r_[wave, wave[::-1] + (0, 7)], BLUE)


def alga(rng: np.random.Generator, cut, x: float, y: float, long: float, turn: float, tint) -> None:
    """A sea plant: round lobes on both sides of a stem, cut in one piece."""
    lobes = int(rng.integers(4, 7))
    right, left = [], []
    for k in range(lobes):
        t = (k + 0.5) / lobes
        reach = long * 0.34 * np.sin(np.pi * (0.2 + 0.72 * t)) * rng.uniform(0.85, 1.15)
        gap = long * 0.055
        for side, sign in ((right, 1), (left, -1)):
            rise = long * (t + 0.06 * sign)
            side += [
                (rise - 0.5 * gap, sign * 0.06 * long),
                (rise + 0.10 * long, sign * reach),
                (rise + 0.20 * long, sign * reach * 0.85),
            ]
    tip = [(long * 1.12, 0)]
    outline = smooth(
        np.array([(0, 0.045 * long), *right, *tip, *left[::-1], (0, -0.045 * long)]), 6, closed=True
    )
    c, s = np.cos(np.radians(turn)), np.sin(np.radians(turn))
    cut(
        np.stack([x + outline[:, 0] * c - outline[:, 1] * s, y + outline[:, 0] * s + outline[:, 1] * c], -1),
        tint,
    )


def bird(cut, x: float, y: float, r: float, tint) -> None:
    points = (
        (-1.1, 0.1),
        (-0.5, -0.1),
        (-0.35, -0.75),
        (0.0, -0.2),
        (0.45, -0.85),
        (0.42, -0.1),
        (0.9, -0.05),
        (1.15, 0.12),
        (0.7, 0.3),
        (0, 0.35),
    )
    cut(smooth(np.array(points) * r + (x, y), 6, closed=True), tint)


def star(cut, x: float, y: float, r: float, tint) -> None:
    t = np.arange(10) * np.pi / 5
    reach = r * np.where(np.arange(10) % 2, 0.5, 1)
    cut(np.stack([x + reach * np.cos(t), y + reach * np.sin(t)], -1), tint)
