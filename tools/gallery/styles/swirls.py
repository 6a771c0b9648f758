"""Thick oil strokes wind round glowing stars over night hills: layered strokes along a flow."""

from __future__ import annotations

import numpy as np

from tools.gallery.canvas import Brush
from tools.gallery.card import Card
from tools.gallery.fields import blur, grid, mix, noise, orientation, palette, ramp, step
from tools.gallery.motifs import hills
from tools.gallery.strokes import Layer, Painting, around

CARD = Card(
    id="swirls",
    name="Night Wind over the Hills",
    name_zh="山上夜风",
    line="Thick oil strokes wind round glowing stars, over blue hills and a sleeping village.",
    line_zh="厚重的油彩笔触绕着星光旋转，蓝色群山下，村庄已经入睡。",
    seed=18,
)
SKY = palette("1d2f5e", "27498a", "3a6cae", "6d9cc6", "a9c6cf")
SLOTS = {
    "sky": palette("223a70", "2f5796", "5b8dbb"),
    "sun": palette("e8b94f", "f4dc92"),
    "cloud": palette("3b6aa6", "86acc9", "b9cfcf"),
    "far": palette("2a4a7c", "3f6c98", "6b97ab"),
    "near": palette("20405a", "33685f", "7d9a62"),
    "tree": palette("15262f", "25403c", "4d6647"),
    "house": palette("4b5f86", "8e94a8", "dcc58c"),
    "roof": palette("3a3350", "7a5560"),
}
STARS = (
    (150, 130, 52, 1), (372, 80, 40, -1), (560, 190, 84, 1), (735, 150, 74, -1), (905, 70, 46, 1), (930, 270, 38, -1),
    (330, 250, 44, 1),
)  # fmt: skip


def paint(size: int, rng: np.random.Generator) -> np.ndarray:
    scene = hills(rng)
    plan = scene.plan(size, SLOTS)
    shape = plan.label.shape
    x, y = grid(shape)
    sky = plan.mask(scene, "sky", "cloud", "sun")
    bands = (
        0.5
        + 0.26 * np.sin(y / 34 + 2.2 * np.sin(x / 190) + noise(rng, 240, shape))
        + 0.12 * noise(rng, 90, shape)
    )
    color = mix(plan.color, ramp(SKY, np.clip(bands, 0, 1)), 0.75 * sky)
    for cx, cy, reach, _ in STARS:
        away = np.hypot(x - cx, y - cy) / reach
        rings = 0.75 + 0.25 * np.cos(away * 7)
        color = mix(
            color,
            ramp(palette("f7e3a0", "edc65e", "b9bd7c", "6e9fb4"), away / 1.5),
            sky * rings * (1 - step(away, 0.45, 1.6)),
        )
    color = np.clip(color * (1 + 0.07 * noise(rng, 60, shape, 2)[..., None]), 0.06, 0.95)
    wind = 0.5 * np.sin(x / 150 + y / 210) + 0.35 * noise(rng, 330, shape)
    flow = around(shape, [(a, b, 1.25 * r, side) for a, b, r, side in STARS], wind, (x, y))
    land = orientation(plan.tone + plan.depth, 14)
    angle = np.where(blur(sky, 3) > 0.5, flow, land)
    angle = np.where(plan.mask(scene, "tree") > 0, np.pi / 2 + 0.35 * np.sin(y / 26), angle)
    painting = Painting(size, color, angle, ground=(0.30, 0.36, 0.42))
    painting.lay(Layer(30, 17, 120), Brush(rng, 12, 0.035), 0.03)
    painting.lay(Layer(16, 9.5, 84, 0.03), Brush(rng, 8, 0.04), 0.035)
    painting.lay(Layer(8, 6.5, 46, 0.085, 0.18), Brush(rng, 5, 0.045), 0.04)
    painting.lay(Layer(4.5, 4.5, 22, 0.13, 0.16), Brush(rng, 3, 0.04), 0.03, 1 - blur(sky, 2))
    return painting.lit(0.17, 5.0, 0.05)
