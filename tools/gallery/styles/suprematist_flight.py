"""Tilted planes in flight over pale sand: black, vermilion, ultramarine, mustard, with a dry brush."""

from __future__ import annotations

import numpy as np

from tools.gallery.canvas import Brush
from tools.gallery.card import Card
from tools.gallery.fields import blur, grid, mix, noise, palette, step
from tools.gallery.outlines import box, cover, ellipse
from tools.gallery.strokes import Layer, Painting

CARD = Card(
    id="suprematist-flight",
    name="Planes in Flight",
    name_zh="飞行的平面",
    line="Tilted bars, wedges and discs hover over pale sand, their paint dry and scumbled.",
    line_zh="斜置的长条、楔形与圆盘悬在浅沙色之上，干笔擦出斑驳的颜料。",
    seed=15,
)
Array = np.ndarray
BLACK, RED, ROSE, BLUE, SKY, MUSTARD, GREEN, GRAY, OCHRE = palette(
    "26242a", "c63d2b", "e5a08d", "2b4a91", "9fbdd0", "e3a935", "3f6b55", "8d8f8e", "b9793a"
)
GROUND = palette("ecd9ae")[0]
TILT = -0.42


def paint(size: int, rng: np.random.Generator) -> Array:
    """Return the picture (size, size * 1.2, 3)."""
    shape = (round(size * 1.2), size)
    x, y = grid(shape)
    color = GROUND * (1 - 0.1 * step(np.hypot(x - 330, y - 400), 200, 620))[..., None]
    color = np.clip(color + 0.03 * noise(rng, 180, shape, 4)[..., None] * (1, 1, 1.3), 0, 1)
    angle = 0.5 + 0.9 * noise(rng, 300, shape)
    taken = np.zeros(shape)
    for outline, own, turn in _planes():
        area = cover(shape, outline)
        fade = 0.12 * np.clip(
            ((x - outline[:, 0].mean()) * np.cos(turn) + (y - outline[:, 1].mean()) * np.sin(turn)) / 240,
            -1,
            1,
        )
        shadow = blur(np.roll(area, (size // 110, size // 110), (0, 1)), 7) * (1 - area)
        color = color * (1 - 0.2 * shadow[..., None])
        color = mix(color, np.clip(own + fade[..., None], 0.04, 0.94), area)
        angle = np.where(area > 0.5, turn + 0.08 * noise(rng, 90, shape), angle)
        taken = np.maximum(taken, area)
    painting = Painting(size, color, angle, palette("d8bd88")[0])
    painting.lay(Layer(30, 22, 80, 0, 0.2), Brush(rng, 14, 0.02, 0.6), 0.018, taken < 0.5)
    painting.lay(Layer(17, 15, 60, 0.03, 0.14), Brush(rng, 10, 0.02, 0.4), 0.015)
    painting.lay(Layer(9, 7, 36, 0.06, 0.12), Brush(rng, 6, 0.018, 0.2), 0.014)
    painting.lay(Layer(5, 4.5, 18, 0.08, 0.1), Brush(rng, 4, 0.012, 0.1), 0.01)
    lit = painting.lit(0.13, 4.5)
    dry = step(noise(rng, 5, shape, 2) + 0.9 * noise(rng, 70, shape, 3), 2.0, 2.9) * taken
    return np.clip(mix(lit, GROUND, 0.4 * dry), 0.04, 0.95)


def _planes() -> list[tuple[Array, Array, float]]:
    """The forms, from back to front: outline, color, direction of its brushing."""

    def bar(x: float, y: float, long: float, wide: float, color: Array, turn: float = TILT):
        return box(x, y, long, wide, turn), color, turn

    across = TILT + np.pi / 2
    return [
        (ellipse(214, 236, 150), SKY, 0.6),
        (np.array([(96, 880), (310, 640), (420, 800)], float), ROSE, 1.0),
        bar(560, 200, 330, 150, GRAY * 1.25, across),
        bar(380, 400, 430, 190, BLACK),
        bar(330, 250, 420, 52, RED),
        bar(520, 560, 380, 64, BLUE),
        bar(170, 560, 330, 40, MUSTARD, across),
        bar(600, 380, 210, 76, MUSTARD),
        (ellipse(590, 740, 84), RED, -0.3),
        (np.array([(420, 60), (640, 96), (500, 190)], float), GREEN, 0.1),
        bar(352, 660, 300, 26, BLACK),
        bar(376, 720, 240, 14, OCHRE),
        bar(470, 330, 300, 18, GROUND * 1.04),
        bar(300, 470, 150, 44, ROSE),
        bar(674, 540, 190, 22, BLACK, across),
        bar(92, 330, 190, 16, BLACK, across),
        bar(126, 420, 120, 30, GREEN, across),
        bar(690, 80, 120, 20, RED),
        bar(660, 120, 150, 10, BLACK),
        (ellipse(112, 696, 36), BLACK, 0.5),
        (ellipse(214, 236, 44), MUSTARD, 0.6),
        bar(560, 846, 330, 16, BLUE, -0.2),
        bar(590, 876, 250, 8, BLACK, -0.2),
    ]
