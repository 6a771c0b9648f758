"""A river landscape in cobalt under a porcelain's glaze: outlines, graded washes, a border of scrolls."""

from __future__ import annotations

import numpy as np

from tools.gallery.canvas import ribbon, smooth
from tools.gallery.card import Card
from tools.gallery.fields import blur, distance, grid, mix, noise, palette, ramp, step
from tools.gallery.outlines import arc, below, box, cover, ellipse, flower, leaf, spiral

CARD = Card(
    id="porcelain-pavilion",
    name="Pavilion in Cobalt",
    name_zh="青花亭",
    line="Cobalt brushed in outlines and pooled washes under a soft, bluish-white glaze.",
    line_zh="青花料勾线、分水晕染，罩一层温润的青白釉。",
    seed=29,
)
Array = np.ndarray
GLAZE = palette("eef2ee")[0]
COBALT = palette("eef2ee", "bfd2e4", "7fa3d0", "4068ae", "1d3a85", "14245c")


def paint(size: int, rng: np.random.Generator) -> Array:
    """Return the picture (size, size, 3)."""
    shape = (size, size)
    x, y = grid(shape)
    pot = _Pot(shape, rng)
    _landscape(pot, rng)
    _border(pot)
    tone = np.clip(pot.tone, 0, 1.1)
    halo = np.clip(blur(tone, 5) - 0.15, 0, 1)  # cobalt bleeds into the glaze
    tone = np.maximum(blur(tone, 0.7) * (0.93 + 0.1 * noise(rng, 7, shape, 3)), 0.5 * halo)
    spots = step(noise(rng, 9, shape, 2), 1.5, 2.4) * step(tone, 0.4, 0.8)  # iron spots of heaped blue
    picture = mix(ramp(COBALT, tone), COBALT[5], 0.7 * spots)
    glaze = 0.03 * noise(rng, 210, shape, 3)
    shade = 1 - 0.13 * step(np.hypot(x - 330, y - 320), 260, 620)
    return np.clip(picture * (shade + glaze)[..., None] * (0.985, 0.99, 0.985), 0.03, 0.95)


class _Pot:
    """What the brush has left: a map of cobalt, 0 to 1."""

    def __init__(self, shape: tuple[int, int], rng: np.random.Generator) -> None:
        self.shape, self.rng, self.tone = shape, rng, np.zeros(shape)

    def clear(self, outline: Array) -> None:
        self.tone = self.tone * (1 - cover(self.shape, outline))

    def wash(self, outline: Array, light: float, dark: float, way: tuple[float, float] = (0.3, 1.0)) -> None:
        """Cover an area, its tone rising from light to dark along a way; pigment pools at the edge."""
        area = cover(self.shape, outline)
        x, y = grid(self.shape)
        along = x * way[0] + y * way[1]
        inside = along[area > 0.5] if (area > 0.5).any() else np.zeros(1)
        share = (along - inside.min()) / max(float(np.ptp(inside)), 1.0)
        pool = 0.16 * np.exp(-np.clip(distance(area), 0, None) / 3.5)
        streak = 0.055 * noise(self.rng, 70, self.shape, 4) * (0.3 + light + dark)
        laid = light + (dark - light) * np.clip(share, 0, 1) + pool + streak
        self.tone = self.tone * (1 - area) + np.clip(laid, 0, 1) * area

    def draw(self, *lines: Array, width: float = 3.0, dark: float = 0.92) -> None:
        """Draw lines that swell in the middle."""
        strokes = []
        for line in lines:
            points = smooth(np.asarray(line, float), 6)
            strokes.append(ribbon(points, width * (0.45 + 0.75 * np.sin(np.linspace(0.2, 2.9, len(points))))))
        self.tone = np.maximum(self.tone, dark * cover(self.shape, *strokes))

    def shape_of(self, outline: Array, light: float, dark: float, width: float = 3.0, way=(0.3, 1.0)) -> None:
        self.wash(outline, light, dark, way)
        self.draw(np.concatenate([outline, outline[:1]])[:: max(1, len(outline) // 60)], width=width)


def _landscape(pot: _Pot, rng: np.random.Generator) -> None:
    pot.wash(np.array([(80, 80), (690, 80), (690, 300), (80, 300)]), 0.2, 0.0)
    pot.clear(ellipse(560, 170, 46))
    pot.draw(arc(560, 170, 46, 0, 2 * np.pi), width=2.4, dark=0.6)
    for points, dark in (
        ([(60, 360), (150, 250), (214, 288), (290, 180), (352, 262), (430, 320), (520, 350)], 0.34),
        ([(330, 380), (450, 318), (560, 260), (620, 300), (720, 250), (800, 330)], 0.46),
        ([(-40, 430), (60, 380), (140, 340), (230, 396), (330, 430), (420, 446)], 0.66),
    ):
        hill = below(np.array(points), 452)
        pot.wash(hill, dark, 0.03, (0.1, 1.0))
        ridge = smooth(np.array(points, float), 6)
        pot.draw(ridge, width=3.4, dark=0.85)
        for k in range(4, len(ridge) - 4, 5):  # folds that run down from the ridge
            fall = ridge[k] + np.array([(0, 4), (10, 20), (8, 40), (22, 60)]) * (1 if k % 2 else -1, 0.9)
            pot.draw(fall, width=3.6, dark=0.55)
    for _ in range(46):  # the river
        x0, y0 = rng.uniform(70, 660), rng.uniform(456, 640)
        reach = rng.uniform(30, 110)
        pot.draw(
            np.array([(x0, y0), (x0 + reach / 2, y0 + rng.uniform(-3, 3)), (x0 + reach, y0)]),
            width=2.2,
            dark=0.42,
        )
    _boat(pot, 470, 520)
    bank = np.array([(-40, 560), (70, 540), (180, 556), (280, 600), (330, 650), (420, 690), (800, 720)])
    pot.shape_of(below(bank), 0.82, 0.34, 4)
    for k in range(40):
        at = smooth(bank, 14)[3 + 2 * k] + (0, 8 + 16 * rng.random())
        pot.draw(np.array([at, at + (16, -2), at + (30, 6)]), width=4, dark=1.0)
    _pavilion(pot)
    _pine(pot, rng)
    for x0 in (620, 640, 664, 600):
        _willow(pot, rng, x0)


def _boat(pot: _Pot, x: float, y: float) -> None:
    pot.shape_of(
        smooth(
            np.array(
                [(x - 70, y - 12), (x, y + 8), (x + 78, y - 18), (x + 46, y + 24), (x - 40, y + 24)], float
            ),
            5,
            True,
        ),
        0.5,
        0.9,
    )
    pot.shape_of(
        np.array([(x - 6, y - 116), (x + 58, y - 92), (x + 52, y - 18), (x - 6, y - 12)], float),
        0.12,
        0.5,
        2.6,
    )
    pot.draw(np.array([(x - 8, y - 126), (x - 8, y + 8)]), width=4)
    for k in range(1, 4):
        pot.draw(np.array([(x - 6, y - 116 + 26 * k), (x + 56, y - 92 + 19 * k)]), width=1.8, dark=0.7)


def _pavilion(pot: _Pot) -> None:
    x, y = 216, 560
    for wide, top in ((104, 420), (76, 336)):
        wall = box(x, top + 62, 1.3 * wide, 76)
        pot.clear(wall)
        pot.shape_of(wall, 0.05, 0.2, 2.6)
        for px in np.linspace(-0.6, 0.6, 5) * wide:
            pot.draw(np.array([(x + px, top + 24), (x + px, top + 100)]), width=5.5)
        for px in np.linspace(-0.45, 0.45, 4) * wide:
            pot.wash(box(x + px, top + 66, wide * 0.16, 36), 0.5, 0.8)
        roof = np.concatenate(
            [
                smooth(
                    np.array(
                        [
                            (x - wide * 1.22, top + 14),
                            (x - wide * 0.7, top + 10),
                            (x - wide * 0.36, top - 36),
                        ],
                        float,
                    ),
                    6,
                ),
                smooth(
                    np.array(
                        [
                            (x + wide * 0.36, top - 36),
                            (x + wide * 0.7, top + 10),
                            (x + wide * 1.22, top + 14),
                        ],
                        float,
                    ),
                    6,
                ),
                smooth(
                    np.array([(x + wide * 0.9, top + 30), (x, top + 34), (x - wide * 0.9, top + 30)], float),
                    6,
                ),
            ]
        )
        pot.shape_of(roof, 0.5, 0.95, 4)
    pot.draw(np.array([(x, 300), (x, 268)]), width=8)
    pot.shape_of(ellipse(x, 264, 9), 0.4, 0.9, 2.4)
    pot.draw(
        np.array([(x - 130, 524), (x + 130, 524)]), np.array([(x - 130, y - 22), (x + 130, y - 22)]), width=4
    )


def _pine(pot: _Pot, rng: np.random.Generator) -> None:
    trunk = smooth(np.array([(86, 620), (104, 520), (76, 430), (110, 330), (90, 250)], float), 8)
    pot.tone = np.maximum(pot.tone, 0.86 * cover(pot.shape, ribbon(trunk, np.linspace(26, 8, len(trunk)))))
    for x, y, wide in (
        (70, 262, 62),
        (150, 300, 58),
        (40, 348, 52),
        (150, 390, 60),
        (40, 440, 50),
        (120, 224, 50),
    ):
        pad = smooth(
            np.array(
                [
                    (x - wide, y + 8),
                    (x - 0.5 * wide, y - 16),
                    (x, y - 24),
                    (x + 0.6 * wide, y - 14),
                    (x + wide, y + 8),
                ],
                float,
            ),
            5,
        )
        pot.wash(pad, 0.42, 0.66)
        needles = []
        for _ in range(34):
            at = np.array([x + rng.uniform(-0.9, 0.9) * wide, y + 6 - rng.uniform(0, 22)])
            a = rng.uniform(-2.7, -0.45)
            needles.append(np.array([at, at + 17 * np.array([np.cos(a), np.sin(a)])]))
        pot.draw(*needles, width=2.2, dark=0.95)


def _willow(pot: _Pot, rng: np.random.Generator, x: float) -> None:
    top = 380 + rng.uniform(-30, 30)
    pot.draw(np.array([(660, 720), (650, 600), (x + 10, 480), (x, top)]), width=13)
    for _ in range(16):
        x0, y0 = x + rng.uniform(-64, 64), top + rng.uniform(-14, 50)
        fall = rng.uniform(80, 190)
        line = smooth(np.array([(x, top), (x0, y0 - 22), (x0 + 8, y0 + 0.5 * fall), (x0 - 4, y0 + fall)]), 6)
        pot.draw(line[::3], width=2.0, dark=0.7)
        blades = [leaf(*spot, 18, 5.5, rng.uniform(0.9, 2.2)) for spot in line[7:]]
        pot.tone = np.maximum(pot.tone, 0.78 * cover(pot.shape, *blades))


def _border(pot: _Pot) -> None:
    """A cobalt frame reserved with white scrolls and blossoms, between double rings."""
    x, y = grid(pot.shape)
    inset = np.minimum(np.minimum(x, 768 - x), np.minimum(y, 768 - y))
    frame = step(62 - inset, -0.8, 0.8)
    scrolls, petals, hearts = [], [], []
    for k, at in enumerate(np.linspace(33, 735, 10)):
        for spot, turn in (
            ((at, 33), 0.0),
            ((at, 735), np.pi),
            ((33, at), np.pi / 2),
            ((735, at), -np.pi / 2),
        ):
            if k % 3 == 0:
                petals += flower(*spot, 25, 7, turn, 0.62)
                hearts.append(ellipse(*spot, 5))
            else:
                line = spiral(*spot, 20, 1.7, turn + k, 1 if k % 2 else -1)
                scrolls.append(ribbon(line, 4.4))
                petals += [leaf(*spot, 36, 12, turn + k + s, 0.2) for s in (0.6, 2.6, 4.4)]
    blue = 0.84 + 0.08 * noise(pot.rng, 40, pot.shape, 3)
    kept = cover(pot.shape, *scrolls, *petals) * 0.8
    kept = kept * (1 - 0.9 * cover(pot.shape, *hearts))
    band = np.clip(blue - kept, 0.05, 1)
    pot.tone = pot.tone * (1 - frame) + band * frame
    for at, width in ((66, 4), (74, 1.6)):
        clear = step(width * 2 - np.abs(inset - at), -1, 1)
        pot.tone = pot.tone * (1 - clear) + 0.9 * step(width / 2 - np.abs(inset - at), -0.8, 0.8) * clear
