"""An orchard full of flowers and birds, woven in wool: each knot one color, each row of weft a ridge."""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

from tools.gallery.canvas import Canvas, ribbon, smooth
from tools.gallery.card import Card
from tools.gallery.fields import blur, grid, noise, palette, sample
from tools.gallery.outlines import arc, box, flower, leaf, spread

CARD = Card(
    id="tapestry-orchard",
    name="Orchard of a Thousand Flowers",
    name_zh="千花挂毯",
    line="Faded madder, woad and ochre wools, woven knot by knot like a medieval tapestry.",
    line_zh="褪色的茜红、靛青与赭黄羊毛，像中世纪挂毯一般一梭一梭织成。",
    seed=41,
)
Array = np.ndarray
WOOL = palette(
    "1e3450", "28506a", "3b6a74", "4f7a72", "8aa084", "c3c29a", "e8dcb8", "d9b56a", "b98338",
    "8c4b33", "a83f3a", "c96e5a", "dfa48a", "6d3a45", "5a6f8f", "93a9b8", "3f4a33", "74793f",
)  # fmt: skip
(
    NIGHT,
    DEEP,
    TEAL,
    SAGE,
    PALE,
    STRAW,
    CREAM,
    GOLD,
    OCHRE,
    BARK,
    MADDER,
    ROSE,
    BLUSH,
    WINE,
    WOAD,
    SKY,
    MOSS,
    OLIVE,
) = WOOL
WEFT, WARP = 4.6, 7.0
"""Points between rows of weft, and between threads of warp."""


def paint(size: int, rng: np.random.Generator) -> Array:
    """Return the picture (size, size, 3)."""
    return np.clip(_woven(_cartoon(size, rng), rng), 0.03, 0.95)


def _woven(picture: Array, rng: np.random.Generator) -> Array:
    """Weave a picture: sample it at each knot, take the nearest wool, round each knot and light it."""
    shape = picture.shape[:2]
    x, y = grid(shape)
    x = x + 1.6 * noise(rng, 120, shape, 2)
    y = y + 1.8 * noise(rng, 150, shape, 2) + 0.9 * np.sin(np.pi * x / WARP)
    row, column = np.floor(y / WEFT), np.floor(x / WARP)
    knots = np.stack([(column + 0.5) * WARP, (row + 0.5) * WEFT], -1)
    lookup = sample(blur(picture, 1.5), knots)
    key = ((row * 193 + column * 71) % 997).astype(int)
    lookup = lookup + rng.normal(0, 0.035, (997, 3))[key]
    wool = WOOL[cKDTree(WOOL).query(lookup.reshape(-1, 3))[1]].reshape(picture.shape)
    wool = 0.7 * wool + 0.3 * sample(picture, knots)
    wool = (
        wool
        * (1 + rng.normal(0, 0.05, 997)[key] + rng.normal(0, 0.035, 997)[(row % 997).astype(int)])[..., None]
    )
    across, along = np.abs((y / WEFT) % 1 - 0.5) * 2, np.abs((x / WARP) % 1 - 0.5) * 2
    round_ = (1 - 0.27 * across**2.2) * (1 - 0.19 * along**3)
    ply = 0.05 * np.sin(2 * np.pi * (x / 3.1 + y / WEFT))
    light = round_ + ply + 0.05 * (0.5 - (y / WEFT) % 1)
    return wool * light[..., None] * 1.1


def _cartoon(size: int, rng: np.random.Generator) -> Array:
    """The picture that hangs behind the warp."""
    canvas = Canvas(size, ground=NIGHT)
    canvas.polygon(
        np.concatenate(
            [
                smooth(np.array([(-20, 300), (150, 262), (330, 300), (520, 256), (800, 300)]), 8),
                [(800, -20), (-20, -20)],
            ]
        ),
        SKY,
    )
    canvas.polygon(np.concatenate([arc(600, 130, 62, 0, 2 * np.pi)]), CREAM)
    for top, color in ((214, PALE), (258, SAGE), (300, TEAL)):
        line = np.stack([np.linspace(-20, 800, 9), top + rng.uniform(-34, 34, 9)], 1)
        canvas.polygon(np.concatenate([smooth(line, 8), [(800, 800), (-20, 800)]]), color)
    canvas.polygon(
        np.concatenate(
            [smooth(np.array([(-20, 372), (200, 350), (420, 378), (800, 340)]), 8), [(800, 800), (-20, 800)]]
        ),
        DEEP,
    )
    canvas.polygon(
        np.concatenate(
            [smooth(np.array([(-20, 520), (200, 486), (460, 520), (800, 470)]), 8), [(800, 800), (-20, 800)]]
        ),
        WOAD * 0.8,
    )
    _flowers(canvas, rng)
    _tree(canvas, rng, 250, 640, 1.0)
    _tree(canvas, rng, 640, 560, 0.72)
    _bird(canvas, 452, 618, 1.25, 1)
    _bird(canvas, 118, 300, 0.7, -1)
    _bird(canvas, 566, 706, 0.8, -1)
    _border(canvas)
    return canvas.picture() * (1 + 0.07 * noise(rng, 240, (size, size), 2)[..., None])


def _flowers(canvas: Canvas, rng: np.random.Generator) -> None:
    """The thousand flowers: each a tuft of leaves and a few heads."""
    for i, (x, y) in enumerate(spread(rng, 150, (768, 768))):
        if y < 385:
            continue
        big = 1.05 + 0.75 * (y - 380) / 380
        for a in rng.uniform(-2.6, -0.5, 4):
            canvas.polygon(leaf(x, y, 26 * big, 9 * big, a), (SAGE, OLIVE, TEAL)[i % 3])
        head = (ROSE, GOLD, CREAM, BLUSH, WOAD, MADDER)[i % 6]
        for dx, dy in ((0, -20), (-11, -10), (12, -9))[: 1 + i % 3]:
            for petal in flower(x + dx * big, y + dy * big, 11 * big, 5, rng.uniform(0, 6), 0.8):
                canvas.polygon(petal, head)
            canvas.dot((x + dx * big, y + dy * big), 3.4 * big, GOLD if head is not GOLD else BARK)


def _tree(canvas: Canvas, rng: np.random.Generator, x: float, y: float, big: float) -> None:
    trunk = np.array(
        [(x, y), (x - 8 * big, y - 120 * big), (x + 10 * big, y - 240 * big), (x, y - 380 * big)]
    )
    canvas.polygon(ribbon(smooth(trunk, 8), np.linspace(40, 12, 25) * big), BARK)
    canvas.polygon(ribbon(smooth(trunk + (-7 * big, 0), 8), np.linspace(9, 2, 25) * big), OCHRE)
    for lean in (-1, 1, -0.6, 0.7):
        tip = np.array(
            [(x, y - 220 * big), (x + 60 * lean * big, y - 300 * big), (x + 150 * lean * big, y - 350 * big)]
        )
        canvas.polygon(ribbon(smooth(tip, 8), np.linspace(16, 4, 17) * big), BARK)
    for color, count, reach in ((MOSS, 120, 1.0), (OLIVE, 150, 0.96), (SAGE, 110, 0.9), (PALE, 36, 0.8)):
        for _ in range(count):
            a, r = rng.uniform(0, 2 * np.pi), np.sqrt(rng.random()) * reach
            px, py = x + 176 * big * r * np.cos(a), y - 372 * big + 128 * big * r * np.sin(a)
            canvas.polygon(leaf(px, py, 34 * big, 15 * big, rng.uniform(-3.0, 0.2), 0.1), color)
    for _ in range(16):
        a, r = rng.uniform(0, 2 * np.pi), np.sqrt(rng.random()) * 0.86
        at = (x + 170 * big * r * np.cos(a), y - 366 * big + 118 * big * r * np.sin(a))
        canvas.dot(at, 15 * big, MADDER)
        canvas.dot((at[0] - 4 * big, at[1] - 4 * big), 8 * big, ROSE)
        canvas.dot((at[0] - 6 * big, at[1] - 6 * big), 3 * big, GOLD)


def _bird(canvas: Canvas, x: float, y: float, big: float, way: int) -> None:
    def at(points: list[tuple[float, float]]) -> Array:
        return smooth(np.array(points) * (way * big, big) + (x, y), 8, closed=True)

    canvas.polygon(at([(-120, 34), (-60, 8), (-20, 18), (-60, 34)]), WOAD)
    canvas.polygon(at([(-66, 18), (-20, -24), (34, -30), (52, -2), (20, 30), (-30, 34)]), CREAM)
    canvas.polygon(at([(-70, 16), (-20, -14), (22, -8), (-6, 18), (-40, 24)]), SKY)
    canvas.polygon(at([(-64, 20), (-24, 0), (4, 2), (-30, 22)]), WOAD)
    canvas.polygon(at([(26, -40), (46, -56), (64, -44), (56, -20), (34, -16)]), CREAM)
    canvas.polygon(at([(62, -46), (84, -38), (62, -36)]), OCHRE)
    canvas.dot((x + 52 * way * big, y - 43 * big), 4 * big, NIGHT)
    for foot in (-4, 14):
        canvas.line(
            np.array([(x + foot * way * big, y + 28 * big), (x + (foot + 4) * way * big, y + 58 * big)]),
            4 * big,
            OCHRE,
        )


def _border(canvas: Canvas) -> None:
    """A band of madder round the picture, with lozenges and cords of gold."""
    for inset, width, color in ((14, 30, WINE), (31, 4, GOLD), (3, 5, GOLD)):
        side = 768 - 2 * inset
        canvas.line(box(384, 384, side, side), width, color, closed=True)
    for k, at in enumerate(np.linspace(14, 754, 27)):
        for spot in ((at, 14), (at, 754), (14, at), (754, at)):
            canvas.polygon(box(*spot, 13, 13, np.pi / 4), (BLUSH, PALE)[k % 2])
            canvas.dot(spot, 3, MADDER)
