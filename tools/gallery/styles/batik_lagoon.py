"""Fish, lotus and vines in wax-resist dye: cream lines the wax kept, brown and indigo baths, fine crackle."""

from __future__ import annotations

import numpy as np

from tools.gallery.canvas import Canvas, ribbon, smooth
from tools.gallery.card import Card
from tools.gallery.fields import blur, cells, grid, mix, noise, palette, step
from tools.gallery.outlines import arc, ellipse, flower, leaf, spiral, spread, turned

CARD = Card(
    id="batik-lagoon",
    name="Lagoon in Wax and Indigo",
    name_zh="蜡染荷塘",
    line="Cream lines left by the wax on baths of indigo and brown, veined with crackle.",
    line_zh="蜡笔留白的线条，浸过靛蓝与棕褐的染缸，布满细细的冰裂纹。",
    seed=17,
)
Array = np.ndarray
CREAM, SAND, OCHRE, SOGA, RUST, AQUA, BLUE, INDIGO, NIGHT = palette(
    "f1e4c4", "dcbf8a", "c98f3e", "7c4526", "a8552f", "7fb0ab", "7a3f22", "2a2140", "1a1526"
)


def paint(size: int, rng: np.random.Generator) -> Array:
    """Return the picture (size, size, 3)."""
    shape = (size, size)
    cloth = Canvas(size, ground=INDIGO)
    _water(cloth, rng)
    _vines(cloth, rng)
    for x, y, radius in ((180, 190, 128), (612, 566, 140), (640, 120, 86), (120, 640, 92)):
        _lotus(cloth, x, y, radius)
    _fish(cloth, 420, 300, 1.15, 0.5)
    _fish(cloth, 330, 560, 0.95, -2.5)
    picture = cloth.picture()
    bleed = noise(rng, 26, shape, 3)
    picture = mix(picture, blur(picture, 3.5), np.clip(0.4 + 0.2 * bleed, 0, 0.8))
    picture *= 1 + 0.09 * noise(rng, 90, shape, 4)[..., None]
    return np.clip(mix(picture, NIGHT, _crackle(picture, rng)), 0.02, 0.95)


def _crackle(picture: Array, rng: np.random.Generator) -> Array:
    """Veins of dye where the wax broke: strongest on what the wax covered."""
    shape = picture.shape[:2]
    x, y = grid(shape)
    total = np.zeros(shape)
    for count, width, depth in ((70, 2.0, 0.75), (420, 1.2, 0.5)):
        _, inside = cells(spread(rng, count, shape, 4), shape)
        inside = inside + 1.6 * noise(rng, 18, shape, 3)
        line = step(width - np.abs(inside), 0, 1.4)
        total = np.maximum(total, depth * line * step(noise(rng, 130, shape, 2), -0.7, 0.5))
    light = picture.mean(-1)
    return blur(total, 0.5) * (0.25 + 0.75 * step(light, 0.15, 0.7)) + 0 * (x + y)


def _outlined(cloth: Canvas, outline: Array, dye: Array, width: float = 4.5) -> None:
    cloth.polygon(outline, dye)
    cloth.line(outline, width, CREAM, closed=True)


def _water(cloth: Canvas, rng: np.random.Generator) -> None:
    """Bands of lighter dye, and rows of scallops as the tjanting draws water."""
    for y, dye in ((40, BLUE), (330, NIGHT), (440, BLUE), (720, NIGHT)):
        line = np.stack([np.linspace(-40, 810, 8), y + rng.uniform(-50, 50, 8)], 1)
        cloth.polygon(ribbon(smooth(line, 10), np.full(71, 110)), dye, 0.75)
    for row, y in enumerate(np.arange(8, 800, 27)):
        for x in np.arange(-20, 800, 54) + 27 * (row % 2):
            for radius, tone in ((25, 0.5), (16, 0.35), (7, 0.5)):
                cloth.line(arc(x, y + 14, radius, np.pi, 2 * np.pi, 14), 2.0, AQUA, tone)


def _vines(cloth: Canvas, rng: np.random.Generator) -> None:
    stems = (
        [(-20, 420), (90, 380), (210, 420), (300, 400), (420, 440), (540, 400), (640, 340), (790, 330)],
        [(250, 790), (236, 690), (300, 640), (420, 680), (500, 740), (640, 730), (790, 690)],
        [(330, -20), (350, 70), (440, 130), (540, 190), (700, 230), (790, 210)],
    )
    for stem in stems:
        line = smooth(np.array(stem, float), 12)
        cloth.line(line, 15, CREAM)
        cloth.line(line, 8, SOGA)
        for k in range(6, len(line) - 4, 8):
            way = np.arctan2(*(line[k + 1] - line[k])[::-1])
            side = 1 if (k // 8) % 2 else -1
            curl = spiral(0, 0, 30, 1.6, way + np.pi, side)
            spot = line[k] + 40 * np.array([np.cos(way + side * 1.2), np.sin(way + side * 1.2)])
            cloth.line(curl + spot, 7.5, CREAM)
            cloth.line(curl + spot, 3, RUST)
            blade = leaf(*line[k], 74, 32, way - side * 0.9, 0.15 * side)
            _outlined(cloth, blade, (OCHRE, AQUA, SAND)[(k // 8) % 3], 4)
            cloth.line(
                np.array(
                    [line[k], line[k] + 58 * np.array([np.cos(way - side * 0.9), np.sin(way - side * 0.9)])]
                ),
                2.4,
                SOGA,
            )


def _lotus(cloth: Canvas, x: float, y: float, radius: float) -> None:
    """A rosette of petals in rings of dyes, each petal veined, edged with dots."""
    for ring, (reach, petals, dye) in enumerate(
        ((1.0, 14, RUST), (0.8, 12, SAND), (0.58, 9, SOGA), (0.38, 7, OCHRE))
    ):
        for petal in flower(x, y, radius * reach, petals, 0.2 * ring, 0.5):
            _outlined(cloth, petal, dye, 3.6)
        for a in 0.2 * ring + np.arange(petals) * 2 * np.pi / petals:
            tip = np.array([np.cos(a), np.sin(a)])
            cloth.line(
                np.array([(x, y) + tip * radius * reach * 0.5, (x, y) + tip * radius * reach * 0.82]),
                2.4,
                CREAM if ring % 2 == 0 else SOGA,
            )
    _outlined(cloth, ellipse(x, y, radius * 0.17), INDIGO, 4)
    for a in np.linspace(0, 2 * np.pi, 8, endpoint=False):
        cloth.dot((x + 0.1 * radius * np.cos(a), y + 0.1 * radius * np.sin(a)), 3, CREAM)
    for a in np.linspace(0, 2 * np.pi, int(radius / 3.2), endpoint=False):
        cloth.dot((x + 1.1 * radius * np.cos(a), y + 1.1 * radius * np.sin(a)), 3.4, CREAM)


def _fish(cloth: Canvas, x: float, y: float, big: float, turn: float) -> None:
    """A fish in scales."""

    def at(points: Array) -> Array:
        return turned(np.asarray(points, float) * big, x, y, turn)

    for fin in (
        [(-108, 0), (-190, -72), (-166, 0), (-190, 72)],
        [(-40, -50), (10, -96), (52, -50)],
        [(-30, 50), (0, 92), (40, 50)],
    ):
        outline = smooth(np.array(fin, float), 8, closed=True)
        _outlined(cloth, at(outline), RUST, 5)
        middle = np.array(fin, float).mean(0)
        for corner in np.array(fin, float)[1:3]:
            cloth.line(at([middle * 0.6 + corner * 0.4, middle * 0.15 + corner * 0.85]), 2.6, CREAM)
    body = smooth(
        np.array(
            [(-120, 0), (-60, -48), (20, -66), (100, -44), (142, 0), (100, 44), (20, 66), (-60, 48)], float
        ),
        8,
        closed=True,
    )
    _outlined(cloth, at(body), OCHRE, 6)
    for k, px in enumerate(np.arange(-92, 70, 21)):
        half = 58 * np.sqrt(max(1 - ((px - 10) / 132) ** 2, 0))
        for py in np.arange(-half + 12, half - 4, 21) + 5 * (k % 2):
            scale = arc(px, py, 12, -np.pi / 2, np.pi / 2, 10)
            cloth.polygon(at(scale), SOGA if (k + int(py // 21)) % 2 else RUST)
            cloth.line(at(scale), 2.8, CREAM)
    cloth.line(at(arc(50, 0, 60, -1.0, 1.0)), 4, CREAM)
    _outlined(cloth, at(ellipse(108, -14, 11)), CREAM, 3)
    cloth.polygon(at(ellipse(110, -14, 6)), NIGHT)
