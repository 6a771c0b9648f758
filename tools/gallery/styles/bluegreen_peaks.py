"""Peaks in azurite and malachite, each in shells edged with gold, over cloud: after Tang and Song court painters."""

from __future__ import annotations

import numpy as np

from tools.gallery.canvas import Canvas, smooth
from tools.gallery.card import Card
from tools.gallery.fields import grid, noise, palette, ramp, relief
from tools.gallery.outlines import arc, box, ellipse, spiral

CARD = Card(
    id="bluegreen-peaks",
    name="Peaks of Azurite and Malachite",
    name_zh="青绿山水",
    line="Peaks in shells of deep azurite and bright malachite, edged with gold, stand over curling clouds.",
    line_zh="石青浓、石绿亮，层峦以泥金勾边，卷云舒展其下。",
    seed=21,
)
Array = np.ndarray
W, H = 921.6, 768.0
SKY = palette("d99a3f", "efc878", "f8e6b8")
SHELLS = palette("123a7a", "1a62a4", "1c8f9a", "2fa983", "86cf9a", "e4dfa0")
INK, GOLD, CLOUD, RED, PINE, LEAF, ROOF = palette(
    "14223f", "f0c964", "fbf2da", "cf4528", "0f4a46", "3fa070", "1f3f6f"
)
FAR = ((120, 200, 130, 470), (330, 120, 150, 480), (560, 190, 130, 470), (800, 110, 160, 480))
MIDDLE = ((30, 290, 150, 600), (230, 250, 140, 600), (690, 240, 150, 600), (900, 300, 140, 610))
NEAR = ((110, 420, 170, 760), (820, 410, 190, 770), (300, 520, 120, 760))
"""Peaks: center, top, half the width and foot, in points."""


def paint(size: int, rng: np.random.Generator) -> Array:
    """Return the picture (size, size * 1.2, 3)."""
    shape = (size, round(size * W / H))
    _x, y = grid(shape)
    canvas = Canvas(size, W, H, ramp(SKY, np.clip(y / 420 + 0 * _x, 0, 1)))
    canvas.dot((490, 120), 66, RED)
    canvas.line(arc(490, 120, 66, 0, 2 * np.pi, 60), 4, GOLD, closed=True)
    cloud(canvas, 60, 110, 250)
    cloud(canvas, 640, 70, 220)
    for peak in FAR:
        mountain(canvas, rng, peak, 22)
    cloud(canvas, 420, 400, 300)
    for peak in MIDDLE:
        mountain(canvas, rng, peak, 27)
    waves(canvas)
    hall(canvas, 500, 520, 1.5)
    for x, y0, long in ((150, 480, 260), (600, 560, 280), (-60, 390, 210)):
        cloud(canvas, x, y0, long)
    for peak in NEAR:
        mountain(canvas, rng, peak, 32)
    for x, y0, big in ((120, 440, 1.6), (30, 520, 1.2), (800, 430, 1.7), (890, 500, 1.3), (300, 545, 1.3)):
        pine(canvas, rng, x, y0, big)
    cloud(canvas, 540, 730, 300)
    picture = canvas.picture()
    shade = relief(2.5 * noise(rng, 60, shape, 2), 0.8)
    return np.clip(picture * (1 + 0.05 * noise(rng, 70, shape, 2) + 0.05 * shade)[..., None], 0.03, 0.96)


def mountain(canvas: Canvas, rng: np.random.Generator, peak: tuple[float, ...], gap: float) -> None:
    """One peak of three pillars; each is built of shells one gap below another, blue at the head, green at the foot."""
    center, top, half, base = peak
    for share, rise in ((-0.52, 0.38), (0.5, 0.3), (0.0, 0.0)):
        x, head = center + share * half, top + rise * (base - top) + rng.uniform(-10, 10)
        u = np.linspace(-1, 1, 11)
        rough = rng.normal(0, 0.035, 11) * (base - head)
        for k, color in enumerate(SHELLS):
            inner = half * 0.62 * (1 - 0.09 * k)
            line = head + k * gap + (base - head - k * gap) * np.abs(u) ** 1.7 + rough * (1 - 0.12 * k)
            edge = smooth(np.stack([x + inner * u, line], 1), 5)
            canvas.polygon(edge, color)
            canvas.line(edge, 5.0 if k == 0 else 3.2, INK if k == 0 else GOLD, 0.95 if k < 4 else 0.6)


def cloud(canvas: Canvas, x: float, y: float, long: float) -> None:
    """A bank of cloud with curled heads."""
    heads = [
        (x + s * long, y - r * 0.7, r) for s, r in ((0.12, 22), (0.3, 34), (0.52, 28), (0.72, 36), (0.9, 22))
    ]
    body = np.array([(x - 24, y), (x + 0.25 * long, y - 16), (x + 0.75 * long, y - 16), (x + long + 24, y), (x + 0.7 * long, y + 15), (x + 0.25 * long, y + 15)])  # fmt: skip
    forms = [ellipse(hx, hy, r * 1.1, r) for hx, hy, r in heads] + [smooth(body, 6, closed=True)]
    for form in forms:
        canvas.line(form, 8, INK, closed=True)
    for form in forms:
        canvas.polygon(form, CLOUD)
    for k, (hx, hy, r) in enumerate(heads):
        canvas.line(spiral(hx, hy, 0.72 * r, 1.4, 2.4, 1 if k % 2 else -1), 4, SHELLS[1], 0.9)


def waves(canvas: Canvas) -> None:
    """Rows of scales, each of three rings."""
    for row, y in enumerate(np.arange(600, 830, 26)):
        for x in np.arange(-40 + 38 * (row % 2), W + 40, 76):
            for radius, color in (
                (40, CLOUD),
                (35, SHELLS[1]),
                (25, CLOUD),
                (21, SHELLS[2]),
                (11, CLOUD),
                (8, SHELLS[3]),
            ):
                canvas.polygon(ellipse(x, y + 20, radius), color)


def pine(canvas: Canvas, rng: np.random.Generator, x: float, y: float, big: float) -> None:
    lean = rng.uniform(-16, 16)
    trunk = smooth(np.array([(x, y + 16), (x + lean * 0.4, y - 30 * big), (x + lean, y - 74 * big)]), 6)
    canvas.ribbon(trunk, np.linspace(10, 4, len(trunk)) * big, palette("6a3a1f")[0])
    for t, side in ((0.4, -1), (0.55, 1), (0.75, -0.5), (1.0, 0.1)):
        cx, cy = trunk[int(t * (len(trunk) - 1))] + (side * 20 * big, -4)
        w = 32 * big * (1.25 - 0.5 * t)
        canvas.polygon(ellipse(cx, cy, w, 13 * big), PINE)
        canvas.polygon(ellipse(cx, cy - 4 * big, w * 0.78, 6 * big), LEAF)


def hall(canvas: Canvas, x: float, y: float, big: float) -> None:
    canvas.polygon(box(x, y, 84 * big, 40 * big), RED)
    for dx in (-28, -9, 9, 28):
        canvas.polygon(box(x + dx * big, y + 4 * big, 10 * big, 26 * big), CLOUD)
    roof = np.array([(-62, -14), (-36, -22), (-22, -44), (22, -44), (36, -22), (62, -14)], float) * big + (
        x,
        y,
    )
    canvas.polygon(roof, ROOF)
    canvas.line(roof, 4, GOLD, closed=True)
    canvas.polygon(box(x, y + 24 * big, 104 * big, 11 * big), GOLD)
