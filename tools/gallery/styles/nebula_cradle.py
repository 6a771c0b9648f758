"""A nebula where stars are born: glowing gas folded into itself, dark pillars, stars with fine crosses."""

from __future__ import annotations

import numpy as np

from tools.gallery.card import Card
from tools.gallery.fields import blur, grid, mix, noise, palette, ramp, relief, step, warp

CARD = Card(
    id="nebula-cradle",
    name="Cradle of Stars",
    name_zh="星之摇篮",
    line="Rose and amber gas folds around dark pillars, lit from within by young stars.",
    line_zh="玫瑰与琥珀色的星云翻卷在暗柱四周，被新生的恒星从内里点亮。",
    seed=3,
)
Array = np.ndarray
DEEP = palette("1a1230", "2a1c4c", "3a3270")
GAS = palette("2a1b45", "5b2a66", "a03f6e", "d9735f", "f2b06a", "fbe6b4")
TEAL = palette("1d2450", "2b5c86", "5fa9ad", "c5ebda")
HEART = (430.0, 330.0)


def paint(size: int, rng: np.random.Generator) -> Array:
    """Return the picture (size, size, 3)."""
    shape = (size, size)
    x, y = grid(shape)
    folded, second = _folded(rng, shape), _folded(rng, shape)
    far = np.hypot((x - HEART[0]) * 0.9, y - HEART[1])
    glow = np.exp(-((far / 330) ** 2))
    picture = ramp(DEEP, np.clip(0.4 + 0.3 * second, 0, 1))
    oxygen = np.clip(0.45 + 0.36 * second, 0, 1) * (0.25 + 0.6 * np.exp(-(((far - 330) / 200) ** 2)))
    picture = _screen(picture, ramp(TEAL, oxygen) * np.clip(oxygen * 1.1, 0, 1)[..., None])
    density = np.clip(0.42 + 0.36 * folded, 0, 1) * (0.4 + 0.75 * glow)
    threads = np.exp(-((np.abs(folded - 0.3 * np.round(folded / 0.3)) / 0.045) ** 2)) * step(
        density, 0.2, 0.6
    )
    density = np.clip(density + 0.1 * blur(threads, 0.8), 0, 1)
    gas = ramp(GAS, density * 0.98)
    picture = mix(picture, _screen(0.5 * picture, 0.94 * gas), step(density, 0.1, 0.5))
    rim = np.clip(relief(blur(folded, 2) * 26, 0.8), -1, 1)
    picture *= 1 + 0.22 * rim[..., None] * (0.4 + 0.6 * glow)[..., None]
    picture = _pillars(picture, rng, glow)
    picture = _screen(picture, palette("fff0cf")[0] * (0.42 * np.exp(-((far / 70) ** 2)))[..., None])
    return np.clip(_stars(picture, rng), 0.02, 0.96)


def _screen(below: Array, light: Array) -> Array:
    return 1 - (1 - below) * (1 - np.clip(light, 0, 1))


def _folded(rng: np.random.Generator, shape: tuple[int, int]) -> Array:
    """Noise warped by noise, twice, so that it curls as gas does (after Quilez)."""
    base = noise(rng, 300, shape, 6)
    for reach in (70, 48):
        base = warp(base, reach * noise(rng, 230, shape, 4), reach * noise(rng, 230, shape, 4))
    return base / base.std()


def _pillars(picture: Array, rng: np.random.Generator, glow: Array) -> Array:
    """Columns of dust that rise into the light, their tops edged with it."""
    shape = picture.shape[:2]
    x, y = grid(shape)
    ragged = 34 * noise(rng, 110, shape, 5)
    dust = np.zeros(shape)
    for foot, head, top, wide in (
        (190, 300, 330, 60),
        (400, 372, 430, 46),
        (600, 520, 380, 64),
        (40, 90, 480, 70),
        (740, 700, 560, 60),
    ):
        t = np.clip((768 - y) / (768 - top), 0, 1.2)
        middle = foot + (head - foot) * t**1.3 + 18 * np.sin(y / 60 + foot)
        half = wide * (1.35 - 0.75 * t) * step(1.06 - t, 0, 0.2) ** 0.5
        dust = np.maximum(dust, step(half - np.abs(x - middle) + 0.3 * ragged, -9, 9))
    dust = np.maximum(dust, step(y - 690 + ragged, -26, 40))
    edge = np.clip(blur(dust, 7) - dust, 0, 1) * 2.2 + np.clip(dust - blur(dust, 5), 0, 1) * step(
        700 - y, 0, 300
    )
    body = ramp(
        palette("1d1230", "3d1f40", "74405a"),
        np.clip(0.35 + 0.28 * noise(rng, 70, shape, 5) + 0.2 * glow, 0, 1),
    )
    picture = mix(picture, body, 0.9 * dust)
    return _screen(picture, palette("ffc58a")[0] * (edge * (0.25 + 0.75 * glow))[..., None] * 0.8)


def _stars(picture: Array, rng: np.random.Generator) -> Array:
    """Many faint points, a few bright ones with crosses."""
    shape = picture.shape[:2]
    x, y = grid(shape)
    scale = shape[0] / 768
    light, tint = np.zeros(shape), palette("fff3de", "cfe6ff", "ffd9b0")
    bright = [(430, 318), (250, 150), (610, 190), (128, 260), (668, 440), (350, 90), (540, 560), (86, 90)]
    spots = [*((*at, r) for at, r in zip(bright, (7, 4.4, 4.8, 3.2, 3.4, 3, 2.8, 3), strict=True))]
    spots += [
        (*at, r)
        for at, r in zip(rng.uniform(0, 768, (330, 2)), 0.5 + rng.exponential(0.42, 330), strict=True)
    ]
    colored = np.zeros((*shape, 3))
    for k, (sx, sy, r) in enumerate(spots):
        reach = 12 * r + 4
        rows = slice(max(0, int((sy - reach) * scale)), max(1, int((sy + reach) * scale)))
        columns = slice(max(0, int((sx - reach) * scale)), max(1, int((sx + reach) * scale)))
        dx, dy = x[:, columns] - sx, y[rows] - sy
        d2 = dx**2 + dy**2
        spot = np.exp(-d2 / (r * r)) + 0.22 * np.exp(-d2 / (16 * r * r))
        if r > 2.5:
            spot = (
                spot
                + 0.75 * np.exp(-np.abs(dx) / 1.2 - np.abs(dy) / (3.6 * r))
                + 0.75 * np.exp(-np.abs(dy) / 1.2 - np.abs(dx) / (3.6 * r))
            )
        light[rows, columns] += spot
        colored[rows, columns] += spot[..., None] * tint[k % 3]
    return _screen(picture, 0.95 * np.clip(colored, 0, 1))
