"""A magpie among peonies, sewn in thick silk floss on crimson satin: stitches follow each petal and feather, gold cord its edge."""

from __future__ import annotations

import numpy as np

from tools.gallery.canvas import Canvas, smooth
from tools.gallery.card import Card
from tools.gallery.fields import grid, noise, palette, ramp, sample
from tools.gallery.outlines import blob, cover, leaf

CARD = Card(
    id="silk-embroidery",
    name="Peony in Silk Thread",
    name_zh="丝线牡丹",
    line="Thick glossy stitches of rose, gold and turquoise, edged with gold cord, on crimson satin.",
    line_zh="玫红、金与孔雀蓝的粗丝线，盘金勾边，绣在胭脂红缎上。",
    seed=31,
)
Array = np.ndarray
SILK = palette("a3163a")[0]
PINK = palette("c23a5e", "ee7f92", "f9b9b4", "fdeee0")
CORAL = palette("d8702c", "f0a04a", "f8cf7a", "fdf0c4")
IVORY = palette("a98f6b", "d8c7a0", "efe6cc", "f7f2e2")
VIOLET = palette("1c3f7a", "3f7ab4", "8fc4d8", "e4f3ee")
GREEN = palette("0c4a4a", "14807a", "4fb8a0", "c4e8c0")
BROWN = palette("4a1420", "8a4a1f", "c88a34", "f0cc70")
BLUE = palette("0c2a4a", "105f8a", "1f9fb0", "a4e4d8")
GOLD = palette("7a5320", "b5852f", "dfb757", "f5e09a")


def paint(size: int, rng: np.random.Generator) -> Array:
    """Return the picture (size, size, 3)."""
    shape = (size, size)
    x, y = grid(shape)
    sheen = np.sin(2 * np.pi * (x + 1.7 * y) / 26 + 1.2 * noise(rng, 200, shape))
    glow = 1.14 - 0.4 * np.hypot(x - 340, y - 330) / 540
    ground = SILK * (glow + 0.08 * noise(rng, 200, shape, 2) + 0.10 * sheen)[..., None]
    canvas = Canvas(size, ground=np.clip(ground, 0, 1))
    needle = _Needle(canvas, rng)
    _branches(needle)
    _leaves(needle, rng)
    for cx, cy, big, silk in (
        (520, 486, 1.18, PINK),
        (206, 560, 0.92, CORAL),
        (628, 214, 0.66, VIOLET),
        (92, 300, 0.5, PINK),
    ):
        _peony(needle, rng, cx, cy, big, silk)
    _bird(needle)
    picture = canvas.picture()
    return np.clip(picture * (1 + 0.03 * noise(rng, 160, shape, 2)[..., None]), 0.02, 0.96)


class _Needle:
    """Sews areas full of stitches: each a lit thread over its own shadow."""

    def __init__(self, canvas: Canvas, rng: np.random.Generator) -> None:
        self.canvas, self.rng = canvas, rng

    def fill(
        self, outline: Array, silk: Array, foot, turn=None, length: float = 40.0, thread: float = 6.0
    ) -> None:
        """Sew an area.

        Args:
            outline: (n, 2).
            silk: (n, 3), from the foot's color to the tip's.
            foot: the point that stitches radiate from, where ``turn`` is None, and where the color begins.
            turn: their direction instead, radians.
            length: of a stitch, in points.
            thread: its width, in points.
        """
        outline, foot, rng = np.asarray(outline), np.asarray(foot, float), self.rng
        self.canvas.polygon(outline, silk[0] * 0.8)
        self.canvas.line(outline, 6.0, GOLD[2], closed=True)
        low, high = outline.min(0), outline.max(0)
        area = cover((256, 256), outline)
        count = int(np.prod(high - low) / (thread * length) * 2.6) + 8
        at = low + rng.random((count, 2)) * (high - low)
        at = at[sample(area, at) > 0.5]
        reach = np.linalg.norm(outline - foot, axis=1).max()
        share = np.linalg.norm(at - foot, axis=1) / reach
        for spot, near in sorted(zip(at, share, strict=True), key=lambda pair: -pair[1]):
            away = spot - foot
            a = (np.arctan2(away[1], away[0]) if turn is None else turn) + rng.normal(0, 0.07)
            half = np.array([np.cos(a), np.sin(a)]) * length * rng.uniform(0.35, 0.62)
            tone = np.clip(near + rng.normal(0, 0.08), 0, 1)
            self.stitch(spot - half, spot + half, ramp(silk, tone), thread)

    def stitch(self, start: Array, end: Array, color: Array, thread: float) -> None:
        shade = np.array([0.6, 0.8]) * thread * 0.5
        line = np.array([start, end])
        self.canvas.line(line + shade, thread, color * 0.45, 0.5)
        self.canvas.line(line, thread, color * self.rng.uniform(0.86, 1.06))
        inner = start + (end - start) * np.array([[0.2], [0.75]])
        self.canvas.line(inner - shade * 0.5, thread * 0.32, np.clip(color * 1.12 + 0.1, 0, 1), 0.75)

    def run(self, points: Array, silk: Array, width: float) -> None:
        """Sew a stem: slanting stitches side by side along a line."""
        points = smooth(np.asarray(points, float), 14)
        along = np.gradient(points, axis=0)
        along /= np.linalg.norm(along, axis=1, keepdims=True)
        for k, (spot, way) in enumerate(zip(points, along, strict=True)):
            side = np.array([-way[1], way[0]]) * width * (1 - 0.5 * k / len(points)) / 2
            self.stitch(
                spot - side - way * 7, spot + side + way * 7, ramp(silk, self.rng.uniform(0.1, 0.9)), 5.0
            )


def _branches(needle: _Needle) -> None:
    needle.run(
        [(-20, 720), (110, 640), (230, 610), (330, 500), (400, 400), (470, 330), (600, 286), (790, 250)],
        BROWN,
        22,
    )
    needle.run([(330, 500), (420, 520), (520, 500)], BROWN, 13)
    needle.run([(400, 400), (300, 350), (180, 330), (90, 300)], BROWN, 11)
    needle.run([(600, 286), (620, 240), (630, 210)], BROWN, 9)
    needle.run([(110, 640), (170, 600), (206, 560)], BROWN, 9)


def _leaves(needle: _Needle, rng: np.random.Generator) -> None:
    spots = (
        (420, 610, 1.9, 120), (640, 560, 0.5, 130), (610, 640, 1.1, 120), (380, 470, 2.6, 90), (690, 420, -0.5, 100), (120, 500, -2.5, 110),
        (300, 640, 0.9, 110), (120, 650, 2.0, 110), (560, 190, -2.6, 84), (690, 260, 0.6, 84), (700, 150, -0.9, 80), (150, 250, -0.8, 80),
        (50, 370, 1.8, 84), (40, 240, -1.9, 74), (230, 340, -1.1, 80), (500, 640, 1.5, 110), (290, 470, -2.5, 84), (690, 660, 0.8, 90),
    )  # fmt: skip
    for x, y, turn, length in spots:
        for side in (-0.5, 0.0, 0.5):
            blade = leaf(
                x, y, length * (1 - 0.3 * abs(side)), length * 0.34, turn + side * 1.3, 0.1 * np.sign(side)
            )
            needle.fill(blade, GREEN, (x, y), length=24)
            tip = np.array([np.cos(turn + side * 1.3), np.sin(turn + side * 1.3)]) * length * 0.66
            needle.canvas.line(np.array([(x, y), np.array([x, y]) + tip]), 2.2, GREEN[3], 0.8)


def _peony(needle: _Needle, rng: np.random.Generator, x: float, y: float, big: float, silk: Array) -> None:
    for ring, (radius, petals, wide) in enumerate(
        ((150, 9, 1.0), (118, 8, 0.95), (84, 6, 0.95), (52, 5, 1.0))
    ):
        for k in range(petals):
            a = 2 * np.pi * (k + 0.37 * ring) / petals + rng.normal(0, 0.1)
            reach = radius * big * rng.uniform(0.9, 1.08)
            cx, cy = x + 0.56 * reach * np.cos(a), y + 0.56 * reach * np.sin(a) * 0.94
            petal = blob(rng, cx, cy, 0.44 * reach * wide, 0.44 * reach, 0.07)
            needle.fill(
                petal, silk, (x - 0.1 * reach * np.cos(a), y - 0.1 * reach * np.sin(a)), length=30 + 12 * big
            )
    for _ in range(int(46 * big)):
        a, r = rng.uniform(0, 2 * np.pi), 26 * big * np.sqrt(rng.random())
        spot = np.array([x + r * np.cos(a), y + r * np.sin(a)])
        needle.stitch(
            spot, spot + (rng.normal(0, 2), rng.normal(0, 2) - 3), ramp(GOLD, rng.uniform(0.3, 1)), 4.4
        )


def _bird(needle: _Needle) -> None:
    """A magpie on the branch, its tail across the picture."""

    def at(points: list[tuple[float, float]]) -> Array:
        return smooth(np.array(points, float), 10, closed=True)

    for k, end in enumerate(((226, 86), (196, 116), (236, 60))):
        tail = at([(398, 250), (300, 170 + 10 * k), (end[0], end[1]), (290, 190 + 6 * k), (390, 286)])
        needle.fill(tail, BLUE, (410, 270), turn=0.7, length=34)
    needle.fill(
        at([(386, 246), (440, 190), (500, 178), (520, 230), (494, 290), (440, 316), (396, 296)]),
        IVORY,
        (440, 330),
        turn=-0.5,
    )
    needle.fill(
        at([(350, 236), (420, 178), (486, 190), (460, 246), (400, 276)]),
        BLUE,
        (500, 190),
        turn=0.75,
        length=32,
    )
    needle.fill(at([(392, 226), (440, 188), (470, 198), (440, 228)]), IVORY, (480, 190), turn=0.75, length=26)
    needle.fill(
        at([(466, 186), (486, 138), (528, 124), (556, 148), (546, 186), (514, 216)]),
        BLUE[:3] * 0.8,
        (480, 210),
        turn=-0.6,
        length=18,
    )
    needle.fill(at([(552, 142), (594, 160), (552, 164)]), GOLD, (550, 152), turn=0.3, length=14)
    needle.canvas.dot((533, 150), 6.5, GOLD[3])
    needle.canvas.dot((534, 150), 4, BLUE[0])
    for x in (446, 474):
        needle.run([(x, 304), (x + 6, 336), (x + 2, 350)], GOLD, 6)
