"""A lighthouse in a storm, as a comic prints it: ink outlines, flat colors, rows of dots."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from tools.gallery.canvas import ribbon, smooth
from tools.gallery.card import Card
from tools.gallery.fields import grid, mix, multiply, noise, palette, step
from tools.gallery.halftone import dots
from tools.gallery.outlines import below, cover, ellipse, traced

CARD = Card(
    id="comic-beacon",
    name="Beacon, Issue One",
    name_zh="漫画灯塔",
    line="Bold ink, flat color and rows of printed dots, like a page of an old adventure comic.",
    line_zh="粗墨线、平涂色块与网点，像一页泛黄的老冒险漫画。",
    seed=11,
)
Array = np.ndarray
PAPER, INK, NIGHT, SKY, GLOW, CREAM, RED, FOAM, ROCK, STONE, SLATE, LAMP = palette(
    "f7ecd2",
    "1c1d33",
    "2d4a86",
    "6fa9cf",
    "f6cf5b",
    "f7e3a1",
    "d8503f",
    "e9ead6",
    "8a5a57",
    "b88776",
    "3a3a5c",
    "fff2b0",
)
LIGHT = (468.0, 196.0)


def paint(size: int, rng: np.random.Generator) -> Array:
    """Return the picture (size, size, 3)."""
    shape = (size, size)
    x, y = grid(shape)
    picture = _sky(shape)
    inked = np.zeros(shape)
    for outline, color, dark, width in [*_clouds(rng), *_rock(), *_tower(), *_waves(rng)]:
        area = cover(shape, outline)
        tone = step(dark * (0.55 + 0.41 * (x / 768 + 0.35 * y / 768)), 0.15, 0.9)
        picture = mix(picture, _printed(color, color * 0.62 + 0.12 * NIGHT, tone, 0.4), area)
        inked = np.maximum(inked * (1 - area), traced(shape, outline, width=width, closed=True))
    inked = np.maximum(inked * (0.94 + 0.05 * noise(rng, 30, shape, 3)), _feathering(shape, rng))
    picture = mix(picture, INK, 0.95 * np.clip(inked, 0, 1))
    picture *= 1 + 0.03 * noise(rng, 90, shape, 4)[..., None]
    return np.clip(multiply(picture, PAPER, np.ones(shape)), 0.02, 0.97)


def _printed(light: Array, dark: Array, tone: Array, angle: float) -> Array:
    return mix(light, dark, dots(tone, angle))


def _sky(shape: tuple[int, int]) -> Array:
    """Night that pales towards the lamp, cut by its beams."""
    x, y = grid(shape)
    far = np.hypot(x - LIGHT[0], y - LIGHT[1])
    sky = _printed(SKY, NIGHT, step(far + 0.25 * (768 - x), 90, 700), 0.6)
    lit = _printed(CREAM, GLOW, step(far, 40, 560) * 0.7, 0.6)
    for turn, wide in ((2.86, 0.13), (0.35, 0.16), (-2.75, 0.10), (-0.42, 0.08)):
        off = np.abs(np.angle(np.exp(1j * (np.arctan2(y - LIGHT[1], x - LIGHT[0]) - turn))))
        sky = mix(sky, lit, step(wide - off, 0, 0.02) * step(far, 30, 44) * 0.92)
    return mix(sky, LAMP, step(62 - far, -2, 2))


def _clouds(rng: np.random.Generator) -> list:
    """Heaps of round lobes, those in front lighter."""
    layers = []
    for cx, cy, wide, color in (
        (690, 84, 110, "5f86b5"),
        (650, 400, 140, "93b4cc"),
        (130, 338, 140, "a9c3d6"),
        (70, 450, 150, "d5dcd6"),
    ):
        puffs = np.linspace(-1, 1, 6)
        lobes = [
            (cx + wide * p, cy - 0.34 * wide * np.sqrt(max(1 - p * p, 0.05)) - 14 * rng.random())
            for p in puffs
        ]
        top = np.concatenate([_lobe(a, b) for a, b in pairwise(lobes)])
        base = [
            (cx + wide + 26, cy + 0.2 * wide),
            (cx + 0.2 * wide, cy + 0.3 * wide),
            (cx - wide - 26, cy + 0.2 * wide),
        ]
        layers.append((np.concatenate([top, smooth(np.array(base), 6)]), palette(color)[0], 0.5, 5.0))
    return layers


def _lobe(a: tuple[float, float], b: tuple[float, float]) -> Array:
    """Return a half round bump from one point to the next, upwards."""
    u = np.linspace(0, np.pi, 12)[:, None]
    a, b = np.array(a), np.array(b)
    return (a + b) / 2 - (b - a) / 2 * np.cos(u) - (0, 1) * np.sin(u) * 0.62 * np.linalg.norm(b - a)


def _rock() -> list:
    body = [
        (230, 770),
        (262, 640),
        (320, 590),
        (346, 520),
        (400, 470),
        (452, 452),
        (520, 458),
        (566, 500),
        (600, 560),
        (668, 610),
        (700, 690),
        (780, 770),
    ]
    face = [
        (452, 452),
        (470, 520),
        (440, 580),
        (482, 650),
        (460, 770),
        (780, 770),
        (700, 690),
        (668, 610),
        (600, 560),
        (566, 500),
        (520, 458),
    ]
    return [(np.array(body, float), STONE, 0.25, 7.0), (np.array(face, float), ROCK, 0.9, 4.0)]


def _tower() -> list:
    rows = []
    for i in range(5):
        top, low, wt, wl = 244 + 43 * i, 287 + 43 * i, 30 + 4.2 * i, 34.2 + 4.2 * i
        ring = [
            (468 - wt, top),
            (468, top + 7),
            (468 + wt, top),
            (468 + wl, low),
            (468, low + 7),
            (468 - wl, low),
        ]
        rows.append((np.array(ring), (RED, FOAM)[i % 2], (0.75, 0.35)[i % 2], 4.5))
    lamp = np.array([(444, 172), (492, 172), (494, 228), (442, 228)])
    roof = np.array([(434, 174), (468, 124), (502, 174)])
    deck = np.array([(424, 228), (512, 228), (506, 246), (430, 246)])
    door = np.array([(456, 458), (456, 428), (468, 416), (480, 428), (480, 458)])
    rows += [(lamp, LAMP, 0.05, 4.5), (roof, RED, 0.9, 5.0), (deck, SLATE, 0.9, 4.5), (door, SLATE, 0.8, 4.0)]
    return [*rows, (ellipse(468, 346, 8, 13), SLATE, 0.8, 3.5)]


def _waves(rng: np.random.Generator) -> list:
    """Three rows of steep crests, each with a lip of foam."""
    layers = []
    for i, color in enumerate(palette("5aa6b8", "2f7f9d", "24597f")):
        crests = 6 - i
        xs = np.linspace(-60, 830, 3 * crests + 1)
        lift = np.choose(np.arange(len(xs)) % 3, [10, -58 - 16 * i, -12])
        top = np.stack([xs + 34 * i, 610 + 53 * i + lift + 8 * rng.standard_normal(len(xs))], 1)
        layers.append((below(top), color, 0.75, 6.0))
        lip = smooth(top, 14)
        swell = np.clip(np.sin(np.linspace(0, crests * 2 * np.pi, len(lip)) + 1.2), 0, 1)
        layers.append((ribbon(lip + (0, 7), 5 + 13 * swell), FOAM, 0.0, 3.0))
        for _ in range(9 + 3 * i):
            at, far = rng.integers(8, len(lip) - 20), rng.uniform(26, 90)
            own = lip[at : at + 16] + (0, far)
            layers.append(
                (ribbon(own, 5 * np.sin(np.linspace(0.05, 3.1, len(own)))), FOAM * (0.75, 0.9, 1), 0.0, 1.6)
            )
    return layers


def _feathering(shape: tuple[int, int], rng: np.random.Generator) -> Array:
    """Pen strokes that swell and taper: on the rock's dark side, in the clouds' bellies, as rain."""
    strokes = []
    for t in np.linspace(0, 1, 16):
        x0, y0 = 548 + 90 * t, 492 + 130 * t
        strokes.append(
            ribbon(
                smooth(np.array([(x0, y0), (x0 - 30, y0 + 16), (x0 - 74 - 20 * rng.random(), y0 + 24)])),
                np.linspace(7, 0.4, 9),
            )
        )
    for t in np.linspace(0, 1, 9):
        x0, y0 = 300 + 70 * t, 640 - 130 * t
        strokes.append(
            ribbon(
                smooth(np.array([(x0, y0), (x0 + 24, y0 + 6), (x0 + 44 + 14 * rng.random(), y0 + 20)])),
                np.linspace(5, 0.4, 9),
            )
        )
    for _ in range(70):
        x0, y0, length = rng.uniform(-20, 780), rng.uniform(-20, 560), rng.uniform(24, 70)
        drop = np.array(
            [(x0, y0), (x0 - 0.22 * length, y0 + 0.5 * length), (x0 - 0.42 * length, y0 + length)]
        )
        if np.hypot(x0 - LIGHT[0], y0 - LIGHT[1]) > 150:
            strokes.append(ribbon(smooth(drop), 2.6 * np.sin(np.linspace(0.1, 3.1, 9))))
    return cover(shape, *strokes)
