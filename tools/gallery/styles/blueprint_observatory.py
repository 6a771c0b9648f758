"""An observatory as its architect drew it: pale lines and washes on a cyanotype's uneven blue."""

from __future__ import annotations

import numpy as np

from tools.gallery.canvas import Canvas, ribbon
from tools.gallery.card import Card
from tools.gallery.fields import blur, grid, mix, noise, palette, ramp, relief, step
from tools.gallery.outlines import arc, box, cover, ellipse

CARD = Card(
    id="blueprint-observatory",
    name="The Observatory, Sheet 7",
    name_zh="天文台蓝图",
    line="Pale chalky lines, arcs and measures on the uneven blue of an old cyanotype.",
    line_zh="晒图纸深浅不匀的蓝底上，粉白的线、弧与尺寸标注。",
    seed=5,
)
Array = np.ndarray
BLUES = palette("0f2b57", "1b4a85", "2c6aa8", "5e97c4", "a9cbe0", "e4eff2")
CHALK = palette("eef4ee")[0]
DOME = (384.0, 400.0)


def paint(size: int, rng: np.random.Generator) -> Array:
    """Return the picture (size, size, 3)."""
    shape = (size, size)
    x, y = grid(shape)
    wash = 0.3 - 0.2 * step(np.hypot(x - 384, y - 384), 240, 560) + 0.07 * noise(rng, 260, shape, 5)
    wash = wash + _washes(shape)
    picture = ramp(BLUES, np.clip(wash, 0.02, 0.9))
    sheet = Canvas(size, ground=(0, 0, 0))
    pen = _Pen(sheet, rng)
    _construction(pen)
    _building(pen)
    _sky(pen)
    _notes(pen)
    lines = sheet.picture()[..., 0]
    chalk = np.clip(lines * (0.86 + 0.16 * noise(rng, 4, shape, 2)) + 0.3 * blur(lines, 2.5), 0, 1)
    picture = mix(picture, CHALK, 0.9 * chalk)
    folds = (
        step(3 - np.abs(x - 256) + 0 * y, 0, 3)
        + step(3 - np.abs(x - 512) + 0 * y, 0, 3)
        + step(3 - np.abs(y - 384) + 0 * x, 0, 3)
    )
    picture = mix(picture, CHALK, 0.1 * folds * (0.6 + 0.4 * noise(rng, 30, shape, 3).clip(-1, 1)))
    return np.clip(picture + 0.02 * relief(noise(rng, 9, shape, 3), 1.5)[..., None], 0.02, 0.96)


class _Pen:
    """A ruling pen: lines a little longer than they need be, pressure a little uneven."""

    def __init__(self, canvas: Canvas, rng: np.random.Generator) -> None:
        self.canvas, self.rng = canvas, rng

    def draw(self, points: Array, width: float = 2.0, tone: float = 0.9) -> None:
        points = np.asarray(points, float)
        if len(points) == 2:
            points = points[0] + (points[1] - points[0]) * np.linspace(-0.012, 1.012, 14)[:, None]
        widths = width * (1 + 0.25 * np.sin(np.linspace(0, 9, len(points)) + self.rng.uniform(0, 6)))
        self.canvas.polygon(ribbon(points, widths), (1, 1, 1), tone)

    def ring(self, outline: Array, width: float = 2.0, tone: float = 0.9) -> None:
        self.draw(np.concatenate([outline, outline[:1]]), width, tone)

    def dashed(self, points: Array, width: float = 1.4, tone: float = 0.6, parts: int = 4) -> None:
        for at in range(0, len(points) - parts + 1, parts + 2):
            self.draw(points[at : at + parts], width, tone)

    def hatch(self, x: float, y: float, wide: float, high: float, gap: float, tone: float = 0.5) -> None:
        for at in np.arange(-high, wide, gap):
            low, top = max(at, 0.0), min(at + high, wide)
            self.draw(
                np.array([(x + low, y + high - (low - at)), (x + top, y + high - (top - at))]), 1.3, tone
            )


def _washes(shape: tuple[int, int]) -> Array:
    """Tones of diluted white: the dome's round, the wings' walls, the moon, the ground's shadow."""
    x, y = grid(shape)
    dome = cover(shape, np.concatenate([arc(*DOME, 176, np.pi, 2 * np.pi), [(560, 430), (208, 430)]]))
    wash = dome * (0.1 + 0.55 * step(-x + 0 * y, -600, -230))
    wash -= 0.2 * cover(shape, np.array([(392, 224), (430, 232), (420, 400), (376, 400)]))
    for cx, tone in ((118, 0.16), (650, 0.08)):
        wash += cover(shape, box(cx, 535, 180, 150)) * (tone + 0.3 * step(-y, -620, -450))
    wash += cover(shape, box(384, 522, 380, 178)) * (0.1 + 0.34 * step(-x + 0 * y, -560, -230))
    wash -= 0.17 * cover(shape, *(box(cx, 540, 26, 120) for cx in np.linspace(232, 536, 7)))
    wash += 0.42 * cover(shape, ellipse(632, 130, 58)) * step(np.hypot(x - 606, y - 118), 28, 84)
    wash -= 0.13 * step(y, 628, 660) + 0 * x
    return blur(wash, 2)


def _construction(pen: _Pen) -> None:
    """The grid, the axes and the circles that the building was found with."""
    for at in np.arange(48, 768, 48):
        tone = 0.3 if at % 192 == 0 else 0.15
        pen.draw(np.array([(at, 12), (at, 756)]), 1.1, tone)
        pen.draw(np.array([(12, at), (756, at)]), 1.1, tone)
    for radius in (176, 214, 268, 330):
        pen.dashed(arc(*DOME, radius, np.pi * 0.98, np.pi * 2.02, 90), 1.5, 0.55, 5)
    for a in np.linspace(np.pi, 2 * np.pi, 19):
        tip = np.array([np.cos(a), np.sin(a)])
        pen.draw(np.array([DOME + 268 * tip, DOME + (290 if round(a * 100) % 3 else 306) * tip]), 1.6, 0.7)
    pen.dashed(np.stack([np.full(80, 384.0), np.linspace(30, 740, 80)], 1), 1.5, 0.6, 6)
    pen.ring(box(384, 384, 728, 728), 2.6, 0.9)
    pen.ring(box(384, 384, 712, 712), 1.2, 0.7)


def _building(pen: _Pen) -> None:
    pen.draw(arc(*DOME, 176, np.pi, 2 * np.pi, 60), 4.2, 1)
    pen.draw(arc(*DOME, 168, np.pi, 2 * np.pi, 60), 1.4, 0.8)
    for lean in (-0.82, -0.55, -0.28, 0.28, 0.55, 0.82):
        u = np.linspace(0, np.pi / 2, 24)
        pen.draw(np.stack([DOME[0] + 172 * lean * np.cos(u), DOME[1] - 172 * np.sin(u)], 1), 1.6, 0.75)
    for high in (0.3, 0.56, 0.8):
        w, h = 172 * np.sqrt(1 - high**2), 172 * high
        u = np.linspace(0, np.pi, 24)
        pen.draw(np.stack([DOME[0] + w * np.cos(u), DOME[1] - h + 10 * np.sin(u)], 1), 1.3, 0.6)
    pen.ring(np.array([(392, 224), (430, 232), (420, 400), (376, 400)]), 2.4, 1)
    for x0, y0, x1, y1, w in ((396, 330, 560, 92, 34), (420, 296, 548, 110, 22)):
        along = np.array([x1 - x0, y1 - y0]) / np.hypot(x1 - x0, y1 - y0)
        side = np.array([-along[1], along[0]]) * w / 2
        pen.ring(np.array([(x0, y0) + side, (x1, y1) + side, (x1, y1) - side, (x0, y0) - side]), 2.6, 1)
    for top, wide, high in ((400, 404, 14), (418, 388, 12), (610, 420, 14), (626, 560, 14), (642, 620, 14)):
        pen.ring(box(384, top + high / 2, wide, high), 2.2, 0.95)
    for cx in np.linspace(232, 536, 7):
        pen.ring(box(cx - 24, 522, 11, 172), 1.8, 0.9)
        pen.draw(arc(cx, 494, 15, np.pi, 2 * np.pi), 1.8, 0.9)
        pen.ring(box(cx, 550, 30, 110), 1.5, 0.8)
        pen.hatch(cx - 13, 500, 26, 96, 7, 0.4)
    for cx in (118, 650):
        pen.ring(box(cx, 535, 180, 150), 2.6, 0.95)
        pen.ring(np.array([(cx - 100, 460), (cx, 410), (cx + 100, 460)]), 2.6, 0.95)
        pen.hatch(cx - 60, 440, 120, 16, 7, 0.5)
        for wx in (-54, 0, 54):
            pen.ring(box(cx + wx, 540, 30, 62), 1.8, 0.9)
            pen.draw(np.array([(cx + wx, 509), (cx + wx, 571)]), 1.2, 0.7)
            pen.draw(np.array([(cx + wx - 15, 540), (cx + wx + 15, 540)]), 1.2, 0.7)
    pen.hatch(30, 660, 700, 30, 15, 0.6)
    pen.draw(np.array([(28, 658), (740, 658)]), 3.6, 1)


def _sky(pen: _Pen) -> None:
    """Constellations, the moon's rim, and the paths of planets."""
    stars = np.array(
        [
            (70, 120),
            (128, 84),
            (176, 132),
            (250, 96),
            (212, 186),
            (118, 214),
            (700, 250),
            (664, 300),
            (712, 336),
        ],
        float,
    )
    for a, b in ((0, 1), (1, 2), (2, 3), (2, 4), (4, 5), (5, 0), (6, 7), (7, 8)):
        pen.draw(stars[[a, b]], 1.3, 0.7)
    for at in stars:
        for k in range(4):
            tip = np.array([np.cos(k * np.pi / 4), np.sin(k * np.pi / 4)]) * (13 if k % 2 == 0 else 6)
            pen.draw(np.array([at - tip, at + tip]), 1.8, 0.95)
    pen.ring(ellipse(632, 130, 58), 2.4, 1)
    pen.dashed(arc(632, 130, 82, 0, 2 * np.pi, 60), 1.4, 0.7, 3)
    pen.dashed(ellipse(160, 150, 150, 60, -0.3), 1.3, 0.6, 3)


def _notes(pen: _Pen) -> None:
    """Measures under the ground, and lettering that is only a hand's rhythm."""
    for x0, x1, y in ((62, 706, 712), (208, 560, 728), (28, 208, 696)):
        pen.draw(np.array([(x0, y), (x1, y)]), 1.5, 0.85)
        for end, way in ((x0, 1), (x1, -1)):
            pen.draw(np.array([(end, y - 9), (end, y + 9)]), 1.6, 0.9)
            pen.draw(np.array([(end + 10 * way, y - 4), (end, y), (end + 10 * way, y + 4)]), 1.6, 0.9)
    for left, top, words in (
        (44, 292, 4),
        (44, 308, 3),
        (44, 324, 4),
        (610, 372, 3),
        (610, 388, 4),
        (48, 46, 6),
    ):
        at = left
        for _ in range(words):
            count = int(pen.rng.integers(3, 7))
            letters = np.stack([at + np.arange(2 * count) * 2.6, top + pen.rng.uniform(-4, 4, 2 * count)], 1)
            pen.draw(letters, 1.6, 0.8)
            at += 5.2 * count + 9
