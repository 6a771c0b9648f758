"""Hills, a sun and large leaves in three risograph inks, screened in lines, printed over each other a little out of place."""

from __future__ import annotations

import numpy as np

from tools.gallery.canvas import smooth
from tools.gallery.card import Card
from tools.gallery.fields import grid, multiply, noise, palette, step, warp
from tools.gallery.outlines import below, box, cover, ellipse, flower, leaf, traced

CARD = Card(
    id="riso-valley",
    name="Three-Ink Valley",
    name_zh="三色谷",
    line="Coral, teal and yellow inks in swelling lines, overprinted a hair out of place on cream paper.",
    line_zh="珊瑚红、青绿与明黄三色油墨以粗细线纹叠印在米色纸上，套色微微错位。",
    seed=23,
)
Array = np.ndarray
PAPER, CORAL, TEAL, YELLOW = palette("fbf3df", "ff5468", "04606e", "ffd23c")
PITCH = 15.0
"""Between a screen's lines, points."""
Tones = tuple[float | Array, float | Array, float | Array]
"""How much yellow, coral and teal."""


def paint(size: int, rng: np.random.Generator) -> Array:
    """Return the picture (size, size, 3)."""
    shape = (size, size)
    plates, phase = _plates(shape)
    picture = np.broadcast_to(PAPER, (*shape, 3))
    shifts = ((-3.5, 2.0), (3.0, -1.5), (0.5, 3.5))
    for tone, color, shift in zip(plates, (YELLOW, CORAL, TEAL), shifts, strict=True):
        screened = _screened(warp(tone, *shift), warp(phase, *shift))
        picture = multiply(picture, color, screened * (0.95 + 0.04 * noise(rng, 160, shape, 2)))
    return np.clip(picture, 0.03, 0.96)


def _screened(tone: Array, phase: Array) -> Array:
    """Break a tone into lines that swell with it, and leave what is full or empty whole."""
    lines = step(tone - 0.5 - 0.5 * np.cos(2 * np.pi * phase), -0.12, 0.12)
    return np.clip(0.35 * tone + 0.65 * lines, 0, 1)


def _plates(shape: tuple[int, int]) -> tuple[list[Array], Array]:
    """Return the inks' tones, and the phase of the lines that they are screened with."""
    x, y = grid(shape)
    sky = y / 420 + 0 * x
    tones: list[Array] = [
        0.05 + 0.7 * step(sky, 0.2, 1.0),
        0.72 * step(-sky, -0.95, 0) + 0.1,
        0.0 * sky,
    ]
    bands = step(np.sin(y / 7.5 + 0.9 * np.sin(x / 90)), -0.2, 0.2)
    phase = (y + 9 * np.sin(x / 80)) / PITCH

    def lay(area: Array, colors: Tones, lines: float | Array = 0.25) -> None:
        nonlocal phase
        phase = np.where(area > 0.5, lines, phase)
        for i, color in enumerate(colors):
            tones[i] = np.clip(tones[i] * (1 - area) + area * color, 0, 1)

    lay(
        cover(shape, ellipse(500, 236, 124)),
        (0.85 * step(y, 200, 360) + 0.1, 0.95 * step(-y, -370, -150), 0.0),
        np.hypot(x - 500, y - 236) / PITCH,
    )
    ridges = (
        (
            [(-40, 400), (120, 300), (230, 372), (380, 258), (520, 380), (660, 292), (820, 400)],
            (0.0, 0.8, 0.2),
        ),
        ([(-40, 480), (160, 420), (330, 486), (540, 405), (820, 500)], (0.9, 0.1, 0.3)),
        ([(-40, 610), (180, 556), (420, 612), (620, 536), (820, 580)], (0.15, 0.0, 0.95)),
    )
    for points, (ly, lc, lt) in ridges:
        hill = cover(shape, below(np.array(points)))
        depth = np.cumsum(hill, 0) * 4 / shape[0]
        tone = (ly * (1 - 0.5 * depth), lc * (1.1 - depth), np.clip(lt * (1.15 - 0.9 * depth), 0.06, 1))
        lay(hill, tone, depth * 192 / PITCH)
    left = smooth(np.array([(392, 478), (352, 520), (432, 560), (330, 625), (420, 700), (300, 790)]), 8)
    right = smooth(np.array([(560, 790), (520, 690), (400, 630), (486, 560), (376, 520), (398, 478)]), 8)
    lay(cover(shape, np.concatenate([left, right])), (0.1, 0.12 * bands, 0.12 + 0.5 * bands))
    for area, colors in (*_trees(shape), *_plants(shape)):
        lay(area, colors)
    return tones, phase


def _trees(shape: tuple[int, int]) -> list[tuple[Array, Tones]]:
    x, _ = grid(shape)
    stands = (
        (90, 455, 26),
        (140, 440, 34),
        (196, 452, 22),
        (600, 428, 30),
        (650, 440, 38),
        (705, 460, 24),
        (250, 560, 20),
        (560, 548, 26),
    )
    crowns = cover(shape, *(ellipse(tx, ty - r, r * 0.8, r) for tx, ty, r in stands))
    trunks = cover(shape, *(box(tx, ty, 5, 44) for tx, ty, _ in stands))
    return [(crowns, (0.1, 0.2 * step(x, 0, 768), 0.92)), (trunks, (0, 0.2, 0.95))]


def _plants(shape: tuple[int, int]) -> list[tuple[Array, Tones]]:
    """Stems of large leaves and flowers in front: dark leaves, then light ones with a bloom."""
    _, y = grid(shape)
    fade = step(y, 330, 780)
    layers: list[tuple[Array, Tones]] = []
    stems = (
        (60, 0.25, 400, 0),
        (690, -0.3, 430, 0),
        (10, 0.1, 240, 1),
        (170, -0.1, 300, 1),
        (600, 0.15, 270, 1),
        (740, -0.05, 330, 1),
    )
    for foot, lean, tall, blooms in stems:
        u = np.linspace(0, 1, 9)
        stem = smooth(np.stack([foot + lean * tall * u**1.6, 780 - tall * u], 1), 5)
        blades, veins = [], []
        for i in range(3, len(stem) - 2, 5):
            for side in (-1, 1):
                turn = -np.pi / 2 + side * (1.15 - 0.5 * i / 40) + lean * 0.6
                length = (84 if blooms else 120) * (1.1 - 0.75 * i / 40)
                blades.append(leaf(*stem[i], length, length * 0.38, turn, 0.12 * side))
                veins.append(
                    np.array([stem[i], stem[i] + 0.8 * length * np.array([np.cos(turn), np.sin(turn)])])
                )
        layers.append(
            (
                cover(shape, *blades),
                (0.9, 0.55 - 0.4 * fade, 0.1 + 0.4 * fade) if blooms else (0.1, 0.1 + 0.5 * fade, 0.95),
            )
        )
        lines = np.maximum(traced(shape, stem, width=4), 0.8 * traced(shape, *veins, width=1.8))
        layers.append((lines, (0.2, 0.3, 0.9) if blooms else (0.2, 0.1, 0.2)))
        if blooms:
            layers.append((cover(shape, *flower(*stem[-1], 50, 9)), (0.25, 0.95, 0.03)))
            layers.append((cover(shape, ellipse(*stem[-1], 14)), (0.95, 0.2, 0.7)))
    return layers
