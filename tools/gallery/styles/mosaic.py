"""A Roman sea floor: stone tesserae laid in rows along the forms' outlines (after Hausner, SIGGRAPH 2001)."""

from __future__ import annotations

import numpy as np
from scipy import ndimage
from scipy.spatial import cKDTree
from skimage import measure

from tools.gallery.canvas import Canvas
from tools.gallery.card import Card
from tools.gallery.fields import POINTS, blur, noise, palette, relief, sample
from tools.gallery.scenes import Scene, ball, blob, curve, ellipse, flat, leaf, slope

CARD = Card(
    id="mosaic",
    name="Roman Sea Floor",
    name_zh="罗马海景马赛克",
    line="Small stones of ivory, terracotta, ochre and slate blue, in rows round fishes and waves.",
    line_zh="象牙白、陶红、赭黄与石青的小石块，沿着鱼与海浪的轮廓排列。",
    seed=7,
)
SLOTS = {
    "ground": palette("f2e4c4", "a6cfc0", "4fa5ad", "1f7396", "1b4d80"),
    "sea": palette("dccfae", "efe4cb", "d9b98a"),
    "wave": palette("1f4468", "2f6a8a", "6fa5ac"),
    "line": palette("3a3437", "4f4648"),
    "red": palette("6f2a22", "b64a2c", "de8550", "f0bf8c"),
    "ochre": palette("8a5518", "cf9530", "ecc25f", "f8e2a6"),
    "blue": palette("1f3e6b", "3a76a6", "7fb2c4", "d6e4dc"),
    "green": palette("37493a", "667a56", "9aa878"),
    "eye": palette("f3ead6", "f7f0e0"),
}
TILE = 9.5


def compose(rng: np.random.Generator) -> Scene:
    scene = Scene(1024, 768)
    scene.fill("ground", slope(0.0, 0.95, 84))
    for k in range(5):
        y = 590 + 40 * k
        x = np.linspace(-20, 1044, 60)
        line = np.stack([x, y + 13 * np.sin(x / 58 + 1.9 * k)], -1)
        foot = line[::-1] + (0, 22 if k % 2 else 50)
        scene.add(np.r_[line, foot], "wave" if k % 2 else "sea", slope(0.2, 0.95, 20), 0.1)
    for x, y, long, turn in (
        (60, 700, 190, -100),
        (110, 720, 230, -72),
        (955, 720, 250, -104),
        (905, 730, 180, -80),
    ):
        scene.add(leaf(x, y, long, turn, 0.09, 0.16), "green", slope(1, 0.1, 10), 0.4)
        scene.add(leaf(x + 10, y - 40, long * 0.5, turn + 34, 0.12), "green", slope(0.8, 0.2), 0.4)
    for k in range(4):
        x = np.linspace(-20, 1044, 70)
        line = np.stack([x, 60 + 118 * k + 17 * np.sin(x / 74 + 2.3 * k)], -1)
        scene.add(
            np.r_[line, line[::-1] + (0, 13)], "sea" if k % 2 == 0 else "wave", slope(0.3, 0.9, 10), 0.1
        )
    fish(scene, 390, 225, 560, -9, "red", "ochre")
    fish(scene, 690, 440, 470, 170, "ochre", "blue")
    fish(scene, 205, 470, 320, 14, "blue", "red")
    fish(scene, 850, 165, 270, 192, "red", "blue")
    for x, y, r in ((560, 640, 40), (400, 700, 32), (760, 655, 28)):
        scene.add(blob(rng, x, y, r * 1.2, r, 0.06), "red", ball(0.2, 1), 0.5, "shell")
        scene.add(ellipse(x - 4, y - 4, r * 0.5, r * 0.4), "ochre", ball(0.3, 1), 0.5)
    return scene


def fish(scene: Scene, x: float, y: float, long: float, turn: float, slot: str, fin: str) -> None:
    c, s = np.cos(np.radians(turn)), np.sin(np.radians(turn))

    def put(points, name, tone):
        p = curve(*points) * long * (1, 1 if c > 0 else -1)
        scene.add(
            np.stack([x + p[:, 0] * c - p[:, 1] * s, y + p[:, 0] * s + p[:, 1] * c], -1), name, tone, 0.6
        )

    light = slope(0.25, 1.0, 80)
    put(
        ((-0.36, 0), (-0.50, -0.17), (-0.54, -0.13), (-0.47, 0.01), (-0.55, 0.16), (-0.5, 0.19)),
        fin,
        slope(0.2, 0.9, 20),
    )
    put(((-0.12, -0.13), (0.0, -0.25), (0.14, -0.24), (0.20, -0.13)), fin, slope(0.8, 0.2))
    put(((-0.05, 0.12), (-0.06, 0.22), (0.08, 0.13)), fin, slope(0.3, 0.9))
    body = (
        (-0.40, 0.0),
        (-0.2, -0.11),
        (0.06, -0.165),
        (0.30, -0.115),
        (0.45, 0.0),
        (0.30, 0.105),
        (0.05, 0.15),
        (-0.2, 0.09),
    )
    put(body, "line", flat(0.4))
    put([(a * 0.965, b * 0.90) for a, b in body], slot, light)
    put(
        ((-0.33, 0.012), (-0.1, -0.03), (0.2, -0.03), (0.26, 0.0), (0.05, 0.055), (-0.18, 0.04)),
        fin,
        slope(0.9, 0.5),
    )
    put(
        ((0.24, -0.1), (0.285, 0.0), (0.23, 0.09), (0.255, 0.09), (0.312, 0.0), (0.265, -0.105)),
        "line",
        flat(0.5),
    )
    put(((0.31, -0.045), (0.335, -0.07), (0.365, -0.045), (0.335, -0.018)), "eye", flat(0.8))
    put(((0.33, -0.045), (0.342, -0.055), (0.354, -0.045), (0.342, -0.032)), "line", flat(0.1))


def paint(size: int, rng: np.random.Generator) -> np.ndarray:
    scene = compose(rng)
    plan = scene.plan(POINTS // 2, SLOTS)
    place, angle = rows(rng, plan.label)
    color = sample(blur(plan.color, 1.0), place)
    label = plan.label[tuple(np.clip((place[:, ::-1] / 2).astype(int), 0, np.array(plan.label.shape) - 1).T)]
    color = color * (1 + 0.075 * rng.standard_normal((len(place), 1))) + 0.018 * rng.standard_normal(
        (len(place), 3)
    )
    h, w = scene.shape(size)
    grout = palette("a89d8a")[0] * (1 + 0.05 * noise(rng, 5, (h, w), 2)[..., None])
    canvas = Canvas(size, 1024, 768, grout)
    height = Canvas(size, 1024, 768, (0.2,) * 3)
    corners = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]) / 2
    near = np.isin(label, [i for i, f in enumerate(scene.forms) if f.depth > 0.5])
    for k in rng.permutation(len(place)):
        c, s = np.cos(angle[k]), np.sin(angle[k])
        side = TILE * np.array([rng.uniform(0.86, 1.12), rng.uniform(0.82, 0.96)]) * (0.94 if near[k] else 1)
        quad = (corners + rng.normal(0, 0.05, (4, 2))) * side
        quad = place[k] + np.stack([quad[:, 0] * c - quad[:, 1] * s, quad[:, 0] * s + quad[:, 1] * c], -1)
        canvas.polygon(quad, color[k])
        canvas.line(quad, 0.7, palette("a89d8a")[0], 0.9, closed=True)
        height.polygon(quad, (rng.uniform(0.6, 0.9),) * 3)
        height.line(quad, 1.6, (0.3,) * 3, 0.8, closed=True)
    shade = relief(blur(height.picture()[..., 0], 1.0) * 5 + 0.12 * noise(rng, 4, (h, w), 2))
    veins = 1 + 0.035 * noise(rng, 3.5, (h, w)) + 0.04 * noise(rng, 160, (h, w), 2)
    return np.clip(canvas.picture() * (veins + 0.12 * shade)[..., None], 0, 1)


def rows(rng: np.random.Generator, label: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the tesserae's centers in points and the angle of their rows."""
    scale = POINTS / min(label.shape)
    border = ndimage.morphological_gradient(label, size=2) > 0
    away = ndimage.gaussian_filter(ndimage.distance_transform_edt(~border) * scale, 1.0)
    down, right = np.gradient(ndimage.gaussian_filter(away, 1.5))
    places = []
    for level in np.arange(0.5, away.max() / TILE, 1.0):
        for line in measure.find_contours(away, level * TILE):
            traveled = np.r_[0, np.cumsum(np.hypot(*np.diff(line, axis=0).T))] * scale
            gaps = TILE * rng.uniform(0.92, 1.15, int(traveled[-1] / TILE / 0.9) + 2)
            stops = np.cumsum(gaps) - gaps / 2
            stops = stops[stops < traveled[-1]]
            places.append(np.stack([np.interp(stops, traveled, line[:, k]) for k in (1, 0)], -1))
    place = (np.concatenate(places) + 0.5) * scale
    keep = np.ones(len(place), bool)
    pairs = cKDTree(place).query_pairs(0.74 * TILE, output_type="ndarray")
    for first, second in pairs[np.lexsort(pairs.T[::-1])]:
        if keep[first]:
            keep[second] = False
    place = place[keep]
    turn = np.arctan2(sample(right, place), -sample(down, place)) + 0.05 * rng.standard_normal(len(place))
    return place, turn
