"""Hills, a sun and large leaves in three risograph inks, printed over each other a little out of place."""

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
    line="A grainy print in coral, teal and yellow inks, the layers a hair out of place.",
    line_zh="珊瑚红、青绿与明黄三色油墨印出的颗粒，套色微微错位。",
    seed=23,
)
Array = np.ndarray
PAPER, CORAL, TEAL, YELLOW = palette("f6eedd", "ef5f57", "1c7486", "f9c93e")
Tones = tuple[float | Array, float | Array, float | Array]
"""How much yellow, coral and teal."""


def paint(size: int, rng: np.random.Generator) -> Array:
    """Return the picture (size, size, 3)."""
    shape = (size, size)
    plates = _plates(shape)
    picture = np.broadcast_to(PAPER, (*shape, 3))
    shifts = ((-2.5, 1.5), (2.0, -1.0), (0.5, 2.5))
    for tone, color, (dx, dy) in zip(plates, (YELLOW, CORAL, TEAL), shifts, strict=True):
        picture = multiply(picture, color, _stencil(warp(tone, dx, dy), rng))
    return np.clip(picture, 0.03, 0.96)


def _stencil(tone: Array, rng: np.random.Generator) -> Array:
    """Break a tone into a stencil's soft grain, with the drum's uneven pressure."""
    speck = 0.8 * noise(rng, 5, tone.shape, 2) + 0.5 * noise(rng, 11, tone.shape)
    grains = step(
        (tone - 0.5) * 3 + speck * np.sqrt(np.clip(4 * tone * (1 - tone), 0.03, 1)) * 0.8, -0.9, 0.9
    )
    pressure = 0.94 + 0.04 * noise(rng, 160, tone.shape, 3)
    return np.clip((0.6 * tone + 0.4 * grains) * pressure, 0, 1)


def _plates(shape: tuple[int, int]) -> list[Array]:
    x, y = grid(shape)
    sky = y / 420 + 0 * x
    tones: list[Array] = [
        0.18 + 0.6 * step(sky, 0, 0.9),
        0.72 * step(-sky, -0.95, 0) + 0.1,
        0.2 * step(-sky, -0.4, 0.1),
    ]
    bands = step(np.sin(y / 7.5 + 0.9 * np.sin(x / 90)), -0.2, 0.2)

    def lay(area: Array, colors: Tones) -> None:
        for i, color in enumerate(colors):
            tones[i] = np.clip(tones[i] * (1 - area) + area * color, 0, 1)

    lay(
        cover(shape, ellipse(500, 236, 124)),
        (0.85 * step(y, 200, 360) + 0.1, 0.95 * step(-y, -370, -150), 0.0),
    )
    ridges = (
        (
            [(-40, 400), (120, 300), (230, 372), (380, 258), (520, 380), (660, 292), (820, 400)],
            (0.05, 0.7, 0.6),
        ),
        ([(-40, 480), (160, 420), (330, 486), (540, 405), (820, 500)], (0.9, 0.3, 0.35)),
        ([(-40, 610), (180, 556), (420, 612), (620, 536), (820, 580)], (0.6, 0.05, 0.9)),
    )
    for points, (ly, lc, lt) in ridges:
        hill = cover(shape, below(np.array(points)))
        depth = np.cumsum(hill, 0) * 4 / shape[0]
        lay(hill, (ly * (1 - 0.5 * depth), lc * (1.1 - depth), np.clip(lt * (1.15 - 0.9 * depth), 0.06, 1)))
    left = smooth(np.array([(392, 478), (352, 520), (432, 560), (330, 625), (420, 700), (300, 790)]), 8)
    right = smooth(np.array([(560, 790), (520, 690), (400, 630), (486, 560), (376, 520), (398, 478)]), 8)
    lay(cover(shape, np.concatenate([left, right])), (0.1, 0.12 * bands, 0.12 + 0.5 * bands))
    for area, colors in (*_trees(shape), *_plants(shape)):
        lay(area, colors)
    return tones


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
    return [(crowns, (0.2, 0.75 * step(x, 0, 768) + 0.15, 0.6)), (trunks, (0, 0.6, 0.9))]


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
