"""Inks dropped and combed on water: marbling in closed form (Jaffer 2012), looked up backwards per pixel."""

from __future__ import annotations

import numpy as np
from skimage.transform import downscale_local_mean

from tools.gallery.card import Card
from tools.gallery.fields import grid, noise, palette, paper

CARD = Card(
    id="marbling",
    name="Marbled Endpaper",
    name_zh="湿拓流纹",
    line="Burgundy, rose, turquoise and cream, dropped on water, combed into broad feathers and curled.",
    line_zh="酒红、玫瑰、松石绿与奶白滴在水面，梳成阔羽，再轻轻卷起。",
    seed=41,
)
INKS = palette("5c0f30", "f8ecd4", "12857f", "e65a72", "f2b13c", "1f2a5e", "f6bfa6")
SHARE = np.array([0.24, 0.2, 0.13, 0.14, 0.09, 0.13, 0.07])
WIDTH, HEIGHT = 1024, 768


def paint(size: int, rng: np.random.Generator) -> np.ndarray:
    moves = compose(rng)
    fine = (2 * size, round(2 * size * WIDTH / HEIGHT))
    x, y = grid(fine)
    p = np.stack(np.broadcast_arrays(x, y), -1).astype(np.float32)
    color = np.zeros((*fine, 3), np.float32)
    free = np.ones(fine, bool)
    for kind, *given in reversed(moves):
        if kind == "drop":
            p, free = undrop(p, color, free, *given)
        elif kind == "tine":
            p = untine(p, *given)
        else:
            p = uncurl(p, *given)
    color[free] = INKS[0]
    picture = downscale_local_mean(color, (2, 2, 1))
    shape = picture.shape[:2]
    depth = 1 + 0.05 * noise(rng, 140, shape, 3) + 0.025 * paper(rng, shape, 4)
    return np.clip(0.04 + 0.93 * picture * depth[..., None], 0, 1)


def compose(rng: np.random.Generator) -> list[tuple]:
    moves: list[tuple] = []
    for k in range(210):
        center = rng.uniform((-90, -90), (WIDTH + 90, HEIGHT + 90))
        moves.append(("drop", center, rng.uniform(46, 92) * 0.9975**k, INKS[rng.choice(len(INKS), p=SHARE)]))
    for k, x in enumerate(np.arange(-20, WIDTH + 20, 110)):
        moves.append(("tine", (x, 0), np.pi / 2, 120 * (1 if k % 2 else -1), 34))
    for k, y in enumerate(np.arange(10, HEIGHT, 76)):
        moves.append(("tine", (0, y), 0.04 * np.sin(k), 80 * (1 if k % 2 else -1), 24))
    for x, y, r, turn in (
        (300, 300, 130, 300),
        (720, 470, 150, -340),
    ):
        moves.append(("curl", (x, y), r, turn, 55))
    for x, y in ((505, 190), (480, 610), (960, 700), (40, 120)):
        for radius, ink in ((74, 1), (60, 2), (45, 4), (29, 1), (16, 0)):
            moves.append(("drop", np.array((x, y)), radius, INKS[ink]))
        for angle in np.arange(0, np.pi, np.pi / 4):
            moves.append(("tine", (x, y), angle, 20 * (1 if rng.random() < 0.5 else -1), 9))
    return moves


def undrop(p, color, free, center, radius, ink):
    """Undo a drop: what lies inside it is its ink; what lies outside was pushed out, area kept."""
    away = p - np.float32(center)
    square = (away**2).sum(-1)
    inside = free & (square < radius**2)
    color[inside] = ink
    free &= ~inside
    shrink = np.sqrt(np.clip(1 - radius**2 / np.maximum(square, 1e-3), 0, 1))
    return np.float32(center) + away * shrink[..., None].astype(np.float32), free


def untine(p, start, angle, shift, reach):
    """Undo a stylus drawn along a line: points moved along it by shift / 2^(distance / reach)."""
    along = np.array((np.cos(angle), np.sin(angle)), np.float32)
    distance = np.abs((p - np.float32(start)) @ np.float32((-along[1], along[0])))
    return p - (shift * np.exp2(-distance / reach))[..., None].astype(np.float32) * along


def uncurl(p, center, radius, shift, reach):
    """Undo a stylus drawn along a circle."""
    away = p - np.float32(center)
    r = np.maximum(np.sqrt((away**2).sum(-1)), 1)
    turn = -shift * np.exp2(-np.abs(r - radius) / reach) / np.maximum(r, 0.35 * radius)
    c, s = np.cos(turn), np.sin(turn)
    turned = np.stack([away[..., 0] * c - away[..., 1] * s, away[..., 0] * s + away[..., 1] * c], -1)
    return np.float32(center) + turned.astype(np.float32)
