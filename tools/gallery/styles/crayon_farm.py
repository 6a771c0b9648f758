"""A farm as a child draws it: waxy scribbles that catch on the paper's tooth, one color over another."""

from __future__ import annotations

import numpy as np
import skia

from tools.gallery.canvas import Canvas, smooth
from tools.gallery.card import Card
from tools.gallery.fields import mix, palette, paper, step
from tools.gallery.outlines import arc, below, blob, box, ellipse, flower

CARD = Card(
    id="crayon-farm",
    name="Crayon Farm",
    name_zh="蜡笔农场",
    line="Broad waxy scribbles in bright colors that leave the paper's tooth showing through.",
    line_zh="粗蜡笔明亮地来回涂抹，纸纹从色彩里透出来。",
    seed=6,
)
Array = np.ndarray
PAPER = palette("f7f0e0")[0]
SKY, AQUA, SUN, ORANGE, RED, BROWN, GRASS, LIME, PINE, PINK, VIOLET, WHITE, DARK = palette(
    "3a8ce0",
    "7cc8ec",
    "fbd23f",
    "f3923c",
    "dd4b3e",
    "8a5a3c",
    "58ac3c",
    "ccc455",
    "1a7a4e",
    "f08fae",
    "8c6bb8",
    "f4efe6",
    "3b3a4a",
)
BLUNT = 1.6
"""How much broader the worn crayons draw than the widths that the forms name."""


def paint(size: int, rng: np.random.Generator) -> Array:
    """Return the picture (size, size, 3)."""
    shape = (size, size)
    sheet = Canvas(size, ground=PAPER)
    crayon = _Crayon(sheet, rng)
    _land(crayon)
    _farm(crayon)
    _life(crayon, rng)
    tooth = paper(rng, shape, 4)
    caught = step(tooth, -1.8, -0.4)
    wax = sheet.picture()
    picture = mix(PAPER * (1 + 0.02 * tooth[..., None]), wax, 0.68 + 0.30 * caught)
    return np.clip(picture**1.25 * (1 + 0.05 * tooth[..., None]), 0.03, 0.96)  # pressed hard


class _Crayon:
    """Scribbles to and fro within outlines, and draws along them."""

    def __init__(self, sheet: Canvas, rng: np.random.Generator) -> None:
        self.sheet, self.rng = sheet, rng

    def fill(
        self,
        outline: Array,
        color: Array,
        turn: float = 0.5,
        width: float = 12.0,
        second: Array | None = None,
    ) -> None:
        path = skia.Path()
        path.addPoly([skia.Point(float(x), float(y)) for x, y in outline], True)
        self.sheet.skia.save()
        self.sheet.skia.clipPath(path, True)
        self.sheet.polygon(outline, 0.45 * PAPER + 0.55 * color)
        width = BLUNT * width
        self._scribble(outline, color, turn, width)
        self._scribble(
            outline, color * 0.6 + (color if second is None else second) * 0.4, turn + 0.5, width * 0.9
        )
        self.sheet.skia.restore()

    def _scribble(self, outline: Array, color: Array, turn: float, width: float) -> None:
        """One long line, to and fro."""
        rng = self.rng
        center, reach = outline.mean(0), float(np.linalg.norm(outline - outline.mean(0), axis=1).max())
        along, side = np.array([np.cos(turn), np.sin(turn)]), np.array([-np.sin(turn), np.cos(turn)])
        low, high = ((outline - center) @ side).min(), ((outline - center) @ side).max()
        at, way = low - width, 1.0
        while at < high + width:
            own = (outline - center) @ side
            near = np.abs(own - at) < max(3 * width, 0.2 * reach)
            span = (outline - center)[near] @ along if near.sum() > 1 else np.array([-reach, reach])
            first, last = span.min() - 12, span.max() + 12
            long = np.linspace(first, last, 7)[:: int(way)]
            line = (
                center
                + long[:, None] * along
                + (at + rng.normal(0, 0.16 * width, 7) + np.linspace(0, 0.5, 7) * width)[:, None] * side
            )
            tint = np.clip(color * rng.uniform(0.88, 1.08) + rng.normal(0, 0.012, 3), 0, 1)
            self.sheet.line(smooth(line), width * rng.uniform(0.75, 1.15), tint, rng.uniform(0.55, 0.9))
            at += width * rng.uniform(0.62, 0.95)
            way = -way

    def draw(self, line: Array, color: Array, width: float = 5.0, closed: bool = False) -> None:
        """Draw a line twice, not quite over itself."""
        line = np.asarray(line, float)
        if closed:
            line = np.concatenate([line, line[:1]])
        for _ in range(2):
            off = line + self.rng.normal(0, 0.7, 2) + self.rng.normal(0, 0.45, line.shape)
            self.sheet.line(
                smooth(off, 2) if len(off) > 2 else off, width * self.rng.uniform(0.6, 0.9), color, 0.75
            )


def _land(crayon: _Crayon) -> None:
    crayon.fill(box(384, 200, 790, 440), SKY, 0.15, 11, AQUA)
    for radius, color in zip(
        (330, 306, 282, 258, 234, 210), (RED, ORANGE, SUN, GRASS, SKY * 0.8, VIOLET), strict=True
    ):
        ring = np.concatenate(
            [arc(250, 470, radius, np.pi, 2 * np.pi), arc(250, 470, radius - 24, 2 * np.pi, np.pi)]
        )
        crayon.fill(ring, color, 0.9, 5)
    crayon.fill(ellipse(640, 120, 70), SUN, 0.8, 7, ORANGE)
    for a in np.linspace(0, 2 * np.pi, 15)[:-1]:
        tip = np.array([np.cos(a), np.sin(a)])
        crayon.draw(
            np.array([(640, 120) + tip * 84, (640, 120) + tip * (112 + 14 * np.sin(5 * a))]), ORANGE, 8
        )
    crayon.draw(ellipse(640, 120, 70), ORANGE, 5, True)
    for x, y, w in ((120, 90, 80), (440, 70, 66)):
        crayon.fill(np.concatenate([blob(crayon.rng, x, y, w, 0.45 * w, 0.1)]), WHITE, 0.1, 9, AQUA)
    hills = (
        ([(-30, 420), (120, 350), (300, 410), (480, 340), (640, 400), (800, 350)], PINE, GRASS, -0.5),
        ([(-30, 500), (180, 440), (420, 480), (620, 430), (800, 470)], GRASS, LIME, 0.6),
        ([(-30, 620), (220, 570), (430, 610), (640, 560), (800, 590)], LIME, SUN, -0.3),
    )
    for points, color, second, turn in hills:
        crayon.fill(below(np.array(points, float)), color, turn, 10, second)
        crayon.draw(smooth(np.array(points, float), 8), PINE, 6)
    road = np.concatenate(
        [
            smooth(np.array([(420, 470), (450, 540), (380, 620), (330, 790)], float), 8),
            smooth(np.array([(520, 790), (500, 630), (510, 540), (450, 470)], float), 8),
        ]
    )
    crayon.fill(road, palette("e8c48c")[0], 1.2, 8, ORANGE)


def _farm(crayon: _Crayon) -> None:
    crayon.fill(box(236, 458, 170, 130), RED, 1.5, 7, ORANGE)
    crayon.fill(np.array([(136, 400), (178, 330), (294, 330), (336, 400)], float), BROWN, 0.2, 7, VIOLET)
    crayon.draw(box(236, 458, 170, 130), DARK, 5, True)
    crayon.draw(np.array([(136, 400), (178, 330), (294, 330), (336, 400)]), DARK, 5, True)
    crayon.fill(box(236, 486, 52, 72), WHITE, 1.5, 6, SUN)
    crayon.draw(np.array([(210, 450), (262, 522), (262, 450), (210, 522)]), RED * 0.7, 4.5)
    for x in (178, 294):
        crayon.fill(box(x, 440, 30, 34), SUN, 0.4, 5, ORANGE)
        crayon.draw(box(x, 440, 30, 34), DARK, 4, True)
    crayon.fill(box(366, 400, 56, 190), palette("c9c3d6")[0], 1.5, 7, VIOLET)
    crayon.fill(np.concatenate([arc(366, 306, 32, np.pi, 2 * np.pi)]), RED, 0.3, 6, PINK)
    crayon.draw(box(366, 400, 56, 190), DARK, 4.5, True)
    for x, y, big in ((610, 440, 1.0), (700, 470, 0.8), (56, 470, 0.9), (530, 420, 0.6)):
        crayon.fill(box(x, y, 24 * big, 110 * big), BROWN, 1.5, 6, DARK)
        for dx, dy, r, color in ((-30, -80, 46, PINE), (32, -84, 46, GRASS), (0, -122, 54, GRASS)):
            crayon.fill(
                blob(crayon.rng, x + dx * big, y + dy * big, r * big, r * big, 0.06),
                color,
                0.7 + dx / 60,
                7,
                LIME,
            )
        for _ in range(7):
            dx, dy = crayon.rng.uniform(-50, 50), crayon.rng.uniform(-150, -60)
            crayon.sheet.dot((x + dx * big, y + dy * big), 7 * big, RED)


def _life(crayon: _Crayon, rng: np.random.Generator) -> None:
    """Sheep, flowers, a fence and birds."""
    for x, y, big in ((600, 620, 1.0), (690, 560, 0.7), (560, 540, 0.6)):
        for dx in (-26, -10, 14, 30):
            crayon.draw(np.array([(x + dx * big, y + 24 * big), (x + dx * big, y + 56 * big)]), DARK, 7 * big)
        crayon.fill(blob(rng, x, y, 58 * big, 40 * big, 0.06), WHITE, 0.4, 8 * big, palette("d9d2e4")[0])
        for k in range(9):
            crayon.draw(
                arc(x + (k % 3 - 1) * 32 * big, y + (k // 3 - 1) * 20 * big, 12 * big, 0, 5.0, 10),
                palette("a79fb8")[0],
                3.5 * big,
            )
        crayon.fill(ellipse(x - 60 * big, y - 14 * big, 20 * big, 26 * big, 0.3), DARK, 0.6, 6 * big)
        crayon.sheet.dot((x - 64 * big, y - 20 * big), 4 * big, WHITE)
    for x in np.arange(20, 330, 44):
        crayon.fill(box(x, 640 - 0.1 * x, 15, 78), palette("e2b878")[0], 1.5, 5, BROWN)
        crayon.draw(box(x, 640 - 0.1 * x, 15, 78), BROWN, 3.5, True)
    for dy in (-16, 18):
        crayon.draw(np.array([(-10, 640 + dy), (160, 624 + dy), (330, 606 + dy)]), BROWN, 7)
    for k, x in enumerate(np.linspace(24, 750, 15)):
        if 330 < x < 520:
            continue
        y = 730 + rng.uniform(-44, 16)
        crayon.draw(np.array([(x, y), (x + rng.uniform(-6, 6), 776)]), PINE, 6)
        for petal in flower(x, y, 24, 6, rng.uniform(0, 1), 0.8):
            crayon.fill(petal, (PINK, RED, VIOLET, WHITE, ORANGE)[k % 5], 0.6, 4.5, PINK)
        crayon.sheet.dot((x, y), 8, SUN)
    for x, y in ((330, 120), (380, 150), (300, 170), (520, 200)):
        crayon.draw(
            np.concatenate(
                [
                    arc(x - 16, y, 16, np.pi * 1.1, 1.9 * np.pi, 8),
                    arc(x + 16, y, 16, np.pi * 1.1, 1.9 * np.pi, 8),
                ]
            ),
            DARK,
            4.5,
        )
