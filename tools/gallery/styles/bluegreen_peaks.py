"""Peaks in azurite and malachite with gold outlines on aged silk, after the manner of Tang and Song courts."""

from __future__ import annotations

import numpy as np

from tools.gallery.canvas import Canvas, ribbon, smooth
from tools.gallery.card import Card
from tools.gallery.fields import blur, grid, mix, noise, palette, ramp, step
from tools.gallery.outlines import box, cover, ellipse, spiral

CARD = Card(
    id="bluegreen-peaks",
    name="Peaks of Azurite and Malachite",
    name_zh="青绿山水",
    line="Mineral blue and green peaks, outlined in ink and gold, rise from cloud on old silk.",
    line_zh="石青石绿的层峦，勾以墨线泥金，自绢上云气间耸起。",
    seed=21,
)
Array = np.ndarray
SILK = palette("d3b47c")[0]
MINERAL = palette("1f4f8a", "2f7aa8", "3f9a94", "6fae7c", "b3ad6c", "d3b47c")
INK, GOLD, CLOUD, PINE = palette("2b2620", "f0d288", "f1e4c2", "234a3f")


def paint(size: int, rng: np.random.Generator) -> Array:
    """Return the picture (size, size * 1.2, 3)."""
    shape = (size, round(size * 1.2))
    x, y = grid(shape)
    picture = SILK * (1 + 0.05 * noise(rng, 220, shape, 4))[..., None]
    picture = mix(picture, palette("c08a4c")[0], 0.35 * step(y, 620, 780) + 0 * x)
    mottle = noise(rng, 46, shape, 4)
    for peak in _ranges():
        picture = _peak(picture, rng, mottle, peak)
    picture = _water(picture, rng)
    picture = _clouds(picture)
    picture = _life(picture, rng, size)
    weave = np.sin(2 * np.pi * x / 2.9) * 0.5 + np.sin(2 * np.pi * y / 3.3) * 0.5
    worn = step(noise(rng, (26), shape, 4), 1.2, 2.2)
    picture = mix(picture, SILK * 0.92, 0.35 * worn)
    return np.clip(picture * (1 + 0.03 * weave + 0.03 * noise(rng, 5, shape, 2))[..., None], 0.03, 0.94)


def _ranges() -> list[tuple[float, float, float, float, float]]:
    """Peaks from far to near: center, top, width, foot, and how near."""
    return [
        (150, 250, 90, 430, 0.2), (330, 190, 100, 430, 0.25), (560, 230, 110, 440, 0.2), (800, 170, 120, 440, 0.25),
        (690, 120, 120, 500, 0.5), (240, 120, 130, 500, 0.55), (460, 250, 90, 500, 0.5), (880, 240, 100, 540, 0.6),
        (80, 210, 120, 580, 0.8), (170, 330, 110, 610, 0.9), (590, 300, 90, 560, 0.8), (760, 330, 140, 640, 0.95),
        (30, 450, 110, 700, 1.0), (300, 470, 90, 640, 0.9), (860, 480, 130, 760, 1.0), (120, 580, 150, 790, 1.0),
        (640, 560, 110, 720, 1.0),
    ]  # fmt: skip


def _peak(
    picture: Array, rng: np.random.Generator, mottle: Array, peak: tuple[float, float, float, float, float]
) -> Array:
    """One peak of overlapping rock pillars: mineral color from its head downwards, fading into mist."""
    center, top, wide, base, depth = peak
    shape, scale = picture.shape[:2], picture.shape[0] / 768
    pillars = [
        (
            center + wide * t,
            top + (base - top) * 0.62 * abs(t) ** 1.25 + rng.uniform(-14, 20),
            wide * rng.uniform(0.3, 0.5),
        )
        for t in np.linspace(-0.95, 0.95, 7)
    ]
    x, y = grid(shape)
    for px, head, half in sorted(pillars, key=lambda pillar: pillar[1]):
        u = np.linspace(-1, 1, 13)
        profile = head + (base - head) * np.abs(u) ** 2.6 + rng.normal(0, 3.5, 13)
        edge = smooth(np.stack([px + half * u * (1 + 0.12 * np.abs(u)), profile], 1), 6)
        left, right = (
            int(np.clip(at * scale, 0, shape[1])) for at in (edge[:, 0].min() - 4, edge[:, 0].max() + 4)
        )
        high, low = (
            int(np.clip(at * scale, 0, shape[0])) for at in (edge[:, 1].min() - 4, edge[:, 1].max() + 4)
        )
        own = np.s_[high:low, left:right]
        area, down = cover(shape, edge)[own], np.clip((y[high:low] - head) / (base - head), 0, 1)
        aside = (x[:, left:right] - px) / half
        color = ramp(
            MINERAL, np.clip(down * 1.15 + 0.07 * mottle[own] - 0.1 * aside + 0.22 * (1 - depth), 0, 1)
        )
        color = color + (SILK - color) * 0.45 * (1 - depth)
        light = 1 - 0.16 * np.clip(aside, -1, 1) + 0 * down
        mist = area * (1 - step(down, 0.62, 1.0)) * 0.97
        picture[own] = mix(picture[own], np.clip(color * light[..., None], 0, 1), mist)
        picture = _texture(picture, rng, edge, (px, half, head, base, depth))
    return picture


def _texture(
    picture: Array, rng: np.random.Generator, edge: Array, pillar: tuple[float, float, float, float, float]
) -> Array:
    """Ink outline, a gold line within it, and strokes that run down the rock."""
    px, half, head, base, depth = pillar
    shape = picture.shape[:2]
    keep = edge[:, 1] < head + 0.72 * (base - head)
    line = edge[keep]
    if len(line) < 4:
        return picture
    swell = 1.5 + 1.6 * depth * np.abs(np.sin(np.linspace(0, 7, len(line))))
    gold = ribbon(line * (0.94, 1) + (0.06 * px, 5), 0.9 + 1.5 * depth)
    strokes = []
    for _ in range(int(5 + 7 * depth)):
        u = rng.uniform(-0.8, 0.8)
        y0 = head + (base - head) * (abs(u) ** 2.6 + rng.uniform(0.08, 0.3))
        long = rng.uniform(24, 80) * (0.5 + 0.5 * depth)
        fall = np.array(
            [
                (px + half * u, y0),
                (px + half * u * 1.08 + 3, y0 + 0.5 * long),
                (px + half * u * 1.14, y0 + long),
            ]
        )
        strokes.append(
            ribbon(smooth(fall), np.array([0.6, 1.2, 2, 2.4, 2.2, 1.8, 1.2, 0.8, 0.4]) * (0.6 + 0.6 * depth))
        )
    picture = mix(picture, INK, 0.42 * depth * cover(shape, *strokes))
    picture = mix(picture, GOLD, 0.85 * depth * cover(shape, gold))
    return mix(picture, INK, (0.35 + 0.5 * depth) * cover(shape, ribbon(line, swell)))


def _water(picture: Array, rng: np.random.Generator) -> Array:
    """The river's net of fine waves, and a fall between the peaks."""
    shape = picture.shape[:2]
    x, y = grid(shape)
    lake = cover(
        shape,
        smooth(
            np.array([(200, 700), (380, 600), (520, 590), (620, 690), (760, 790), (210, 800)], float),
            8,
            closed=True,
        ),
    )
    lake = blur(lake, 6)
    picture = mix(picture, palette("5f9a9a")[0], 0.55 * lake * step(y, 560, 800))
    wave = np.abs(np.sin(y / 5.2 + 1.5 * np.sin(x / 19 + 1.1 * np.floor(y / 16.3))))
    picture = mix(picture, CLOUD, 0.5 * lake * step(0.24 - wave, 0, 0.2))
    fall = ribbon(
        smooth(np.array([(520, 330), (514, 420), (524, 500), (512, 590)], float), 8), np.linspace(10, 24, 25)
    )
    streak = 0.7 + 0.3 * np.sin(x * 1.4 + 3 * noise(rng, 60, shape))
    return mix(picture, CLOUD, cover(shape, fall) * streak)


def _clouds(picture: Array) -> Array:
    """Bands of cloud with curled heads, outlined in ink."""
    shape = picture.shape[:2]
    for x, y, long in (
        (40, 420, 260),
        (520, 470, 240),
        (300, 560, 200),
        (700, 250, 200),
        (330, 90, 220),
        (640, 620, 220),
        (20, 130, 160),
    ):
        body = np.concatenate([
            smooth(np.array([(x, y), (x + 0.2 * long, y - 20), (x + 0.4 * long, y - 8), (x + 0.62 * long, y - 30), (x + 0.8 * long, y - 8), (x + long, y)], float), 6),
            smooth(np.array([(x + long, y), (x + 0.6 * long, y + 16), (x + 0.2 * long, y + 10), (x, y)], float), 6),
        ])  # fmt: skip
        area = cover(shape, body)
        soft = blur(area, 9)
        picture = mix(picture, CLOUD, np.clip(0.5 * soft + 0.42 * area, 0, 1))
        curls = [
            ribbon(spiral(x + s * long, y - 6, 15, 1.3, 2 + 4 * s, 1 if s > 0.5 else -1), 1.8)
            for s in (0.2, 0.45, 0.66, 0.84)
        ]
        picture = mix(picture, palette("a3602f")[0], 0.6 * cover(shape, *curls))
    return picture


def _life(picture: Array, rng: np.random.Generator, size: int) -> Array:
    """Pines on the crags, a hall with a vermilion front, a boat, the sun."""
    canvas = Canvas(size, 921.6, 768, np.clip(picture, 0, 1))
    canvas.dot((470, 110), 46, palette("c8502f")[0], 0.85)
    for x, y, big in (
        (170, 590, 1.5),
        (110, 574, 1.2),
        (640, 558, 1.3),
        (700, 590, 1.0),
        (40, 446, 1.0),
        (860, 474, 1.2),
        (300, 470, 0.8),
        (770, 330, 0.8),
        (250, 122, 0.6),
        (690, 124, 0.6),
        (590, 306, 0.6),
        (84, 214, 0.7),
    ):
        lean = rng.uniform(-12, 12)
        trunk = smooth(np.array([(x, y + 16), (x + lean * 0.4, y - 26 * big), (x + lean, y - 64 * big)]), 6)
        canvas.ribbon(trunk, np.linspace(7, 2, len(trunk)) * big, palette("5a3622")[0])
        for t in (0.35, 0.55, 0.75, 1.0):
            at = trunk[int(t * (len(trunk) - 1))] + (rng.uniform(-12, 12) * big, -4)
            w = 24 * big * (1.3 - 0.6 * t)
            canvas.polygon(ellipse(*at, w, 8 * big), PINE, 0.95)
            canvas.polygon(
                ellipse(at[0] - 2, at[1] - 2.5 * big, w * 0.8, 4.5 * big), palette("4f8a5c")[0], 0.9
            )
    for x, y, big in ((400, 560, 1.0), (745, 520, 0.8)):
        canvas.polygon(box(x, y, 78 * big, 34 * big), palette("c4523a")[0])
        for dx in (-26, -9, 9, 26):
            canvas.polygon(box(x + dx * big, y + 3 * big, 9 * big, 22 * big), CLOUD)
        roof = np.array(
            [(-58, -14), (-34, -22), (-22, -40), (22, -40), (34, -22), (58, -14)], float
        ) * big + (x, y)
        canvas.polygon(roof, palette("2f4f6a")[0])
        canvas.line(roof, 1.8, GOLD)
        canvas.polygon(box(x, y + 21 * big, 92 * big, 8 * big), palette("e5d2a4")[0])
    canvas.polygon(
        smooth(np.array([(470, 700), (510, 712), (556, 698), (540, 716), (486, 718)], float), 5, closed=True),
        INK,
        0.9,
    )
    canvas.polygon(
        np.concatenate([smooth(np.array([(494, 704), (512, 686), (534, 702)], float), 5)]),
        palette("b98a4c")[0],
    )
    return canvas.picture()
