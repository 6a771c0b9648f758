"""A spiral tree on a meadow of patterns, all on leaf gold: squares, eyes, whorls and petals."""

from __future__ import annotations

import numpy as np

from tools.gallery.canvas import Canvas, ribbon, smooth
from tools.gallery.card import Card
from tools.gallery.fields import cells, grid, mix, noise, palette, relief, step
from tools.gallery.outlines import below, box, cover, ellipse, flower, leaf, spiral, spread

CARD = Card(
    id="gilded-meadow",
    name="The Gilded Meadow",
    name_zh="鎏金草地",
    line="A tree of spirals on gold leaf, above a meadow sewn from squares, eyes and petals.",
    line_zh="金箔上盘旋的生命之树，树下草地缀满方格、眼纹与花瓣。",
    seed=8,
)
Array = np.ndarray
GOLD, PALE, OCHRE, UMBER, BLACK, IVORY, VERMILION, VIOLET, TEAL, LEAF, BLUE, ROSE = palette(
    "cfa143",
    "ecd08a",
    "a87427",
    "5d3a1c",
    "2a2023",
    "f3e6c6",
    "c24a33",
    "6f4b86",
    "2f7a78",
    "6f8f43",
    "31507f",
    "d98f8a",
)


def paint(size: int, rng: np.random.Generator) -> Array:
    """Return the picture (size, size, 3)."""
    shape = (size, size)
    canvas = Canvas(size, ground=_leafed(rng, shape))
    _sky(canvas, rng)
    _meadow(canvas, rng)
    _tree(canvas, rng)
    picture = canvas.picture()
    _, wrinkle = cells(rng.uniform(0, 768, (900, 2)), shape)
    shade = relief(1.2 * noise(rng, 14, shape, 3) + 1.4 * step(wrinkle, 0, 3), 0.9)
    picture *= 1 + (0.085 * shade + 0.05 * noise(rng, 110, shape, 3))[..., None]
    return np.clip(picture, 0.03, 0.95)


def _leafed(rng: np.random.Generator, shape: tuple[int, int]) -> Array:
    """Squares of gold leaf, laid a little askew: each its own tone, overlapping in brighter lines."""
    x, y = grid(shape)
    u, v = x + 3 * noise(rng, 160, shape), y + 3 * noise(rng, 160, shape)
    row, column = (
        np.floor(v / 64).astype(int) % 64,
        np.floor((u + 23 * (np.floor(v / 64) % 3)) / 64).astype(int) % 64,
    )
    tone = rng.normal(0, 0.5, (64, 64))[row, column] + 0.35 * noise(rng, 60, shape, 4)
    gold = mix(mix(GOLD, OCHRE, np.clip(-tone, 0, 1) * 0.7), PALE, np.clip(tone, 0, 1) * 0.8)
    edge = np.minimum(v % 64, (u + 23 * (np.floor(v / 64) % 3)) % 64)
    gold = mix(gold, PALE, 0.4 * step(3.5 - edge, 0, 2))
    worn = step(noise(rng, 20, shape, 4), 1.5, 2.1)
    return np.clip(mix(gold, VERMILION * 0.75, 0.5 * worn), 0, 1)


def _sky(canvas: Canvas, rng: np.random.Generator) -> None:
    """Drifts of small gold rings and dots."""
    for at in spread(rng, 120, (768, 768), 6):
        if at[1] < 480:
            r = rng.uniform(4, 15)
            canvas.line(ellipse(*at, r), 2.0, (PALE, UMBER, IVORY)[rng.integers(3)], 0.5, closed=True)
            canvas.dot(at, r * 0.35, (OCHRE, VERMILION, IVORY)[rng.integers(3)], 0.75)


def _tree(canvas: Canvas, rng: np.random.Generator) -> None:
    trunk = smooth(np.array([(384, 640), (372, 540), (392, 430), (380, 340)], float), 10)
    canvas.polygon(ribbon(trunk, np.linspace(78, 34, len(trunk))), UMBER)
    for k in range(2, len(trunk) - 2, 2):
        x, y = trunk[k]
        canvas.polygon(
            box(x + rng.uniform(-16, 14), y, rng.uniform(10, 20), rng.uniform(8, 18), rng.normal(0, 0.2)),
            (GOLD, IVORY, BLACK, OCHRE, VERMILION)[k % 5],
        )
    boughs = (
        (-1, [(376, 470), (290, 420), (210, 430), (140, 380)], 66, 24),
        (1, [(392, 450), (480, 410), (570, 430), (640, 370)], 70, 24),
        (-1, [(382, 380), (330, 290), (250, 270), (190, 220)], 74, 20),
        (1, [(384, 370), (440, 280), (520, 270), (590, 210)], 66, 20),
        (-1, [(384, 350), (370, 250), (330, 180), (340, 110)], 62, 16),
        (1, [(384, 350), (410, 240), (460, 170), (450, 100)], 58, 16),
        (-1, [(250, 425), (180, 340), (110, 300), (70, 240)], 52, 12),
        (1, [(540, 420), (620, 320), (680, 300), (704, 230)], 48, 12),
        (-1, [(270, 280), (200, 180), (140, 150), (120, 90)], 54, 11),
        (1, [(520, 272), (590, 140), (640, 130), (664, 80)], 50, 11),
        (-1, [(160, 392), (90, 420), (50, 400)], 46, 11), (1, [(620, 392), (700, 430), (724, 390)], 44, 11),
    )  # fmt: skip
    for hand, points, radius, width in boughs:
        line = smooth(np.array(points, float), 10)
        canvas.polygon(ribbon(line, np.linspace(width, 9, len(line))), UMBER)
        end = line[-1]
        curl = spiral(0, 0, radius, 2.3, 0, hand)[::-1]
        curl = curl - curl[0] + end
        canvas.polygon(ribbon(curl, np.linspace(9, 3.5, len(curl))), UMBER)
        canvas.polygon(ribbon(curl[4:-3] - (1.5, 1.5), np.linspace(2.6, 1, len(curl) - 7)), PALE)
        heart = curl[-1]
        canvas.dot(heart, 8, VERMILION)
        canvas.dot(heart, 4, IVORY)
        for k in range(8, len(line) - 2, 7):
            turn = rng.uniform(0, 2 * np.pi)
            _eye(canvas, *(line[k] + (rng.uniform(-14, 14), 24)), 15, turn, rng)


def _eye(canvas: Canvas, x: float, y: float, size: float, turn: float, rng: np.random.Generator) -> None:
    along = np.array([np.cos(turn), np.sin(turn)]) * size
    canvas.polygon(leaf(x - along[0], y - along[1], 2 * size, size, turn), IVORY)
    canvas.dot((x, y), size * 0.4, (BLUE, TEAL, BLACK)[rng.integers(3)])
    canvas.dot((x, y), size * 0.15, GOLD)


def _meadow(canvas: Canvas, rng: np.random.Generator) -> None:
    """Three slopes, each a cloth: squares, whorls, then flowers."""
    slopes = (
        ([(-30, 560), (140, 500), (330, 540), (520, 520), (640, 480), (800, 530)], OCHRE),
        ([(-30, 640), (160, 600), (330, 640), (560, 590), (800, 620)], TEAL),
        ([(-30, 720), (200, 672), (430, 710), (620, 664), (800, 690)], VIOLET * 0.7),
    )
    for layer, (points, color) in enumerate(slopes):
        hill = below(np.array(points, float))
        canvas.polygon(hill, color)
        area = cover((192, 192), hill)
        for at in spread(rng, (420, 200, 150)[layer], (768, 768), 5):
            i, j = np.clip((at / 4).astype(int), 0, 191)[::-1]
            if area[i, j] > 0.9 and at[1] > 470:
                (_square, _whorl, _bloom)[layer](canvas, at, rng)
        canvas.line(smooth(np.array(points, float), 14), 4.5, PALE)
        canvas.line(smooth(np.array(points, float) + (0, 7), 14), 2, UMBER)


def _square(canvas: Canvas, at: Array, rng: np.random.Generator) -> None:
    w, h = rng.uniform(12, 30, 2)
    color = (BLACK, IVORY, GOLD, UMBER, PALE, VERMILION, IVORY)[rng.integers(7)]
    canvas.polygon(box(*at, w, h, rng.normal(0, 0.08)), color)
    if rng.random() < 0.6:
        canvas.polygon(box(*at, w * 0.45, h * 0.5), (GOLD, BLACK, IVORY)[rng.integers(3)])


def _whorl(canvas: Canvas, at: Array, rng: np.random.Generator) -> None:
    r = rng.uniform(13, 25)
    colors = [(BLUE, GOLD, LEAF, IVORY, ROSE, VIOLET)[k] for k in rng.permutation(6)]
    for k, share in enumerate((1, 0.72, 0.45, 0.2)):
        canvas.dot(at, r * share, colors[k])
    canvas.line(spiral(*at, r, 1.6, rng.uniform(0, 6)), 1.8, IVORY, 0.8)


def _bloom(canvas: Canvas, at: Array, rng: np.random.Generator) -> None:
    r = rng.uniform(13, 24)
    color = (ROSE, VERMILION, IVORY, GOLD, PALE)[rng.integers(5)]
    for a in rng.uniform(0, 6, 3):
        canvas.polygon(leaf(*at, r * 1.7, r * 0.5, a), LEAF)
    for petal in flower(*at, r, int(rng.integers(5, 9)), rng.uniform(0, 6), 0.7):
        canvas.polygon(petal, color)
    canvas.dot(at, r * 0.3, BLUE if color is not BLUE else GOLD)
    canvas.dot(at, r * 0.13, PALE)
