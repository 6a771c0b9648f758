"""Ink on absorbent paper: wet washes for mountains, a loaded brush for bamboo, one red seal."""

from __future__ import annotations

import numpy as np

from tools.gallery.canvas import Canvas, normals, smooth
from tools.gallery.card import Card
from tools.gallery.fields import blur, grid, noise, palette, paper, step, warp
from tools.gallery.scenes import leaf, ridge

CARD = Card(
    id="sumi-bamboo",
    name="Ink Bamboo",
    name_zh="水墨竹影",
    line="Bamboo in wet and dry ink before mountains in mist, on warm paper, with a red seal.",
    line_zh="浓淡干湿的墨竹，远处云山隐约，宣纸上一方朱印。",
    seed=31,
)
W, H = 768, 1024
INK = palette("23272c")[0]


def paint(size: int, rng: np.random.Generator) -> np.ndarray:
    shape = (round(H * size / 768), size)
    x, y = grid(shape)
    sheet = paper(rng, shape, 3)
    density = np.zeros(shape)
    density += 0.05 * step(noise(rng, 300, shape, 2), 0, 2)
    for k in range(5):  # mountains: dark along the ridge, lost in mist below
        line = ridge(rng, W, H, (0.24 + 0.1 * k) * H, 70 - 8 * k, 1.2)[:-2]
        depth = y - np.interp(x[0], line[:, 0], line[:, 1])[None] + 5 * noise(rng, 26, shape, 3)
        body = step(depth, -2, 5) * np.exp(-np.clip(depth, 0, None) / (42 + 12 * k))
        texture = 1 + 0.35 * noise(rng, 50, shape, 3)
        density = np.maximum(density * (1 - 0.6 * step(depth, 0, 12)), (0.20 + 0.10 * k) * body * texture)
    away = np.hypot(x - 560, y - 150)
    moon = 0.16 * step(away, 62, 66) * np.exp(-np.clip(away - 66, 0, None) / 60)
    density = np.maximum(density, moon) * np.where(away < 64, 0.35, 1)
    density *= 1 - 0.85 * np.exp(-(((y - 560 - 30 * noise(rng, 200, shape)) / 60) ** 2)) * step(
        noise(rng, 260, shape) + 0.6, 0, 1
    )
    pale, dark = Canvas(size, W, H, (0, 0, 0)), Canvas(size, W, H, (0, 0, 0))
    for canvas, stalks, tone in (
        (pale, ((250, 13, -0.05), (640, 10, 0.06)), 0.36),
        (dark, ((140, 22, 0.045), (470, 17, -0.03)), 0.8),
    ):
        for foot, width, lean in stalks:
            stalk(rng, canvas, foot, width, lean, tone)
    for canvas, ink in ((pale, 0.75), (dark, 1.0)):
        layer = canvas.picture()[..., 0]
        bled = warp(layer, 0.8 * noise(rng, 9, shape, 2), 0.8 * noise(rng, 7, shape, 2))
        bled = np.maximum(bled, 0.55 * blur(bled, 2.2))
        density = np.maximum(density, ink * bled)
    density = density * np.clip(1 - 0.09 * sheet, 0.5, 1.4)
    color = palette("f1e8d6")[0] * (1 + 0.022 * sheet + 0.02 * noise(rng, 300, shape, 2))[..., None]
    color = color * (1 - density[..., None] * (1 - INK))
    return np.clip(seal(rng, size, color), 0, 1)


def stalk(
    rng: np.random.Generator, canvas: Canvas, foot: float, width: float, lean: float, tone: float
) -> None:
    y, joints = float(H + 30), []
    while y > -80:
        long = rng.uniform(120, 175)
        top = y - long
        xs = [foot + lean * (H - v) + 0.00008 * (H - v) ** 2 * np.sign(lean) for v in (y, (y + top) / 2, top)]
        line = smooth(np.array([(xs[0], y - 4), (xs[1], (y + top) / 2), (xs[2], top + 4)]), 14)
        ends = 1 + 0.22 * np.abs(np.linspace(-1, 1, len(line))) ** 6
        side = normals(line)
        for at in np.linspace(-0.5, 0.5, 15):  # the brush is fuller at one side
            shade = tone * (0.38 + 0.62 * abs(at * 1.7 + 0.25)) * rng.uniform(0.85, 1.15)
            first, last = rng.integers(0, 3), len(line) - int(rng.exponential(2.5))
            bristle = line[first:last] + side[first:last] * (at * width * ends[first:last])[:, None]
            if len(bristle) > 2:
                canvas.line(bristle, width / 10, (min(shade, 0.9),) * 3, 0.8)
        canvas.ribbon(
            smooth(
                np.array(
                    [(xs[2] - 0.62 * width, top + 1), (xs[2], top + 5), (xs[2] + 0.62 * width, top - 1)]
                ),
                5,
            ),
            3.6,
            (min(0.95, tone * 1.35),) * 3,
            0.9,
        )
        joints.append((xs[2], top))
        y = top
    for jx, jy in joints:
        if rng.random() < 0.9:
            twig(rng, canvas, jx, jy, rng.choice([-1, 1]), tone)


def twig(rng: np.random.Generator, canvas: Canvas, x: float, y: float, side: int, tone: float) -> None:
    end = np.array((x + side * rng.uniform(70, 170), y - rng.uniform(10, 90)))
    line = smooth(np.array([(x, y), ((x + end[0]) / 2, (y + end[1]) / 2 - 14), end]), 8)
    canvas.ribbon(line, np.linspace(4, 1.6, len(line)), (tone,) * 3, 0.9)
    for at in (0.45, 0.72, 1.0):
        p = line[int(at * (len(line) - 1))]
        for _ in range(rng.integers(2, 5)):
            turn = 90 - side * rng.uniform(-10, 75)
            shade = np.clip(tone * rng.uniform(0.75, 1.5), 0, 0.93)
            long = rng.uniform(70, 140)
            blade = leaf(*p, long, turn, rng.uniform(0.07, 0.1), rng.uniform(-0.06, 0.1))
            canvas.polygon(blade, (shade,) * 3, 0.92)


def seal(rng: np.random.Generator, size: int, color: np.ndarray) -> np.ndarray:
    stamp = Canvas(size, W, H, (0, 0, 0))
    left, top, side = 640, 890, 62
    stamp.polygon(
        [(left, top), (left + side, top + 1), (left + side - 1, top + side), (left + 1, top + side)],
        (1, 1, 1),
    )
    for points in (
        ((10, 14), (52, 14)), ((31, 8), (31, 30)), ((12, 30), (50, 30)), ((14, 38), (14, 54)), ((14, 54), (48, 54)),
        ((48, 38), (48, 54)), ((31, 38), (31, 47)),
    ):  # fmt: skip
        stamp.line(np.array(points) + (left, top), 4.2, (0, 0, 0))
    worn = stamp.picture()[..., 0] * step(noise(rng, 5, color.shape[:2], 2), -1.5, -0.6)
    return color + (palette("b5372b")[0] - color) * (0.88 * worn)[..., None]
