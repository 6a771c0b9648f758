"""A window: pieces of streaky glass with the light behind them, held by lead."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from tools.gallery.card import Card
from tools.gallery.fields import blur, cells, centroidal, grid, lic, mix, noise, palette, ramp, relief, step
from tools.gallery.scenes import Scene, ball, curve, ellipse, leaf, ridge, slope

CARD = Card(
    id="leaded-glass",
    name="Iris Window",
    name_zh="鸢尾花窗",
    line="Glowing panes of amber, ruby, emerald and violet with the sun behind them, held by heavy black lead.",
    line_zh="琥珀、宝石红、翠绿与紫的玻璃，阳光从背后透来，粗黑铅条勾勒鸢尾。",
    seed=9,
)
W, H = 768, 1024
SLOTS = {
    "sky": palette("ffe07a", "ffb43a", "f0702f", "c82f4a", "7a2a86", "2f2f9a"),
    "sun": palette("ffe27a", "fff6c8"),
    "far": palette("5a1f7a", "a82f7a", "e8607a"),
    "near": palette("0c6a4a", "1f9a4a", "a8d02f"),
    "water": palette("0c3f7a", "0f7f9a", "2fb8a0", "f8d060"),
    "leaf": palette("04503a", "0f8a3f", "8fd03f"),
    "petal": palette("2a1a8a", "5a2fc0", "a060e0", "e8b0f0"),
    "tongue": palette("f0901f", "ffd83f"),
}


def compose(rng: np.random.Generator) -> Scene:
    scene = Scene(W, H)
    scene.fill("sky", slope(0.95, 0.0))
    scene.add(ellipse(470, 300, 92), "sun", ball(0.5, 1))
    scene.add(ridge(rng, W, H, 400, 40), "far", slope(0.9, 0.3), 0.3)
    scene.add(ridge(rng, W, H, 470, 30), "near", slope(0.95, 0.3), 0.4)
    scene.add(
        curve((300, 480), (520, 470), (790, 520), (800, 1040), (-30, 1040), (-20, 660), (260, 560)),
        "water",
        slope(0.95, 0.1),
        0.5,
    )
    for x, y, turn in (
        (90, 1040, -84),
        (150, 1040, -96),
        (250, 1040, -80),
        (330, 1050, -98),
        (520, 1050, -84),
        (600, 1040, -97),
        (680, 1050, -82),
        (740, 1040, -94),
    ):
        scene.add(
            leaf(x, y, rng.uniform(300, 480), turn, 0.05, rng.uniform(-0.05, 0.05)),
            "leaf",
            slope(0.9, 0.1, 20),
            0.8,
        )
    for x, y, s in ((175, 560, 1.05), (320, 720, 0.9), (560, 640, 1.1), (655, 820, 0.8), (90, 800, 0.75)):
        scene.add(np.array([(x - 5, y), (x + 5, y), (x + 12, 1050), (x - 2, 1050)]), "leaf", 0.5, 0.8)
        iris(scene, x, y, 92 * s)
    return scene


def iris(scene: Scene, x: float, y: float, r: float) -> None:
    for turn, long, wide, first, last in (
        (-118, 1.15, 0.34, 1, 0.45), (-62, 1.15, 0.34, 0.7, 0.3), (-90, 1.25, 0.32, 0.95, 0.6),
        (165, 1.25, 0.34, 0.5, 0.1), (15, 1.25, 0.34, 0.4, 0.05), (92, 1.2, 0.38, 0.75, 0.2),
    ):  # fmt: skip
        scene.add(
            leaf(x, y, r * long, turn, wide, 0.1 if turn < 0 else -0.12), "petal", slope(first, last, 80), 0.9
        )
    scene.add(leaf(x, y - 4, r * 0.6, 92, 0.16, 0), "tongue", slope(1, 0.2), 0.95)


def paint(size: int, rng: np.random.Generator) -> np.ndarray:
    scene = compose(rng)
    plan = scene.plan(size, SLOTS)
    shape = plan.label.shape
    x, y = grid(shape)
    dusk = np.clip((np.hypot(x - 470, y - 300) - 70) / 430, 0, 1)
    plan.color = mix(plan.color, ramp(SLOTS["sky"], dusk), plan.mask(scene, "sky"))
    coarse = (256, 192)
    ground = ndimage.zoom(plan.mask(scene, "sky", "far", "near", "water"), np.array(coarse) / shape, order=0)
    owner, _ = cells(centroidal(rng, 84, 0.06 + ground), shape)
    rays = np.floor((np.arctan2(y - 300, x - 470) + 0.02 * noise(rng, 200, shape)) / (2 * np.pi / 16))
    rings = np.floor((np.hypot(x - 470, y - 300) - 92) / 130)
    cut = np.where(plan.mask(scene, "sky") > 0, 1000 + 40 * rings + rays, owner)
    cut = np.where(plan.mask(scene, "leaf", "petal", "tongue", "sun") > 0, 0, cut)
    _, piece = np.unique(plan.label * 10007 + cut.astype(int), return_inverse=True)
    piece = piece.reshape(shape)
    count = np.bincount(piece.ravel())
    mean = np.stack(
        [np.bincount(piece.ravel(), c.ravel()) / count for c in np.moveaxis(plan.color, -1, 0)], -1
    )
    tint = mean * (1 + 0.16 * rng.standard_normal((len(mean), 1))) + 0.05 * rng.standard_normal(mean.shape)
    turn = rng.uniform(0, np.pi, len(mean))[piece]
    streak = lic(noise(rng, 20, shape, 2), turn + 0.5 * noise(rng, 80, shape), 46, 14)
    streak /= streak.std()
    color = 0.35 * plan.color + 0.65 * tint[piece]
    color = (
        color * (1 + 0.10 * streak + 0.06 * noise(rng, 120, shape, 2))[..., None] + 0.03 * streak[..., None]
    )
    ripple = relief(blur(6 * noise(rng, 34, shape, 2), 1.2), 0.9)
    color = color * (1 + 0.07 * ripple[..., None])
    border = ndimage.morphological_gradient(piece, size=3) > 0
    away = ndimage.distance_transform_edt(~border) * 768 / size
    glow = np.exp(-(((x - 470) / 420) ** 2) - ((y - 320) / 520) ** 2)
    color = color * (0.92 + 0.22 * glow - 0.22 * np.exp(-away / 9))[..., None]
    width = 5.2 + 0.7 * noise(rng, 60, shape)
    width = width + 2.0 * step(blur(border.astype(float), 5), 0.36, 0.62)  # solder where cames meet
    lead = 1 - step(away, width - 0.8, width + 0.8)
    came = np.clip(1 - (away / (width + 0.5)) ** 2, 0, 1)
    metal = (
        palette("1e1b22")[0]
        * (1 + 0.9 * relief(blur(came, 0.8) * 4) + 0.08 * noise(rng, 5, shape))[..., None]
    )
    bloom = 0.16 * blur(color * (1 - lead)[..., None], 9)
    return np.clip(
        color + (metal - color) * lead[..., None] + bloom * (0.5 + 0.5 * lead[..., None]), 0.02, 0.985
    )
