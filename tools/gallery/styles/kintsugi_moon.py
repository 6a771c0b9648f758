"""A broken lacquer panel mended with gold: shards of black, oxblood and eggshell, a plum branch in mother-of-pearl, a moon."""

from __future__ import annotations

import numpy as np

from tools.gallery.canvas import Canvas, ribbon, smooth
from tools.gallery.card import Card
from tools.gallery.fields import blur, cells, grid, mix, noise, palette, ramp, relief, step
from tools.gallery.outlines import cover, ellipse, flower

CARD = Card(
    id="kintsugi-moon",
    name="Mended Moon",
    name_zh="金缮月",
    line="Cracked black, oxblood and eggshell lacquer, its seams mended with raised gold.",
    line_zh="黑漆、朱漆与蛋壳漆碎而复合，裂缝以隆起的金线缮成。",
    seed=19,
)
Array = np.ndarray
LACQUER = palette("171417", "4a1216", "8f2a22", "c2502f", "d8c8a8", "efe4cb", "2b3a38")
"""Black, oxblood, cinnabar, persimmon, eggshell dark and light, and a green black."""
GOLD = palette("4f3210", "94661c", "cf9c3a", "efcf74", "fff0b8")
NACRE = palette("3f5f66", "6fa3a0", "b9d8cb", "e9c9cf", "f8f0e2")
CRACK = (470.0, 420.0)


def paint(size: int, rng: np.random.Generator) -> Array:
    """Return the picture (size, size, 3)."""
    shape = (size, size)
    picture = _lacquer(rng, shape)
    gilt, height = _branch(size, rng)
    picture = _gilded(picture, gilt, height, rng, NACRE)
    seam, ridge = _seams(rng, shape)
    shadow = blur(np.roll(seam, (round(size / 256), round(size / 256)), (0, 1)), 2.5)
    picture = picture * (1 - 0.45 * shadow[..., None])
    return np.clip(_gilded(picture, seam, ridge, rng), 0.02, 0.95)


def _lacquer(rng: np.random.Generator, shape: tuple[int, int]) -> Array:
    """Deep glossy ground, each shard with its own coat, the moon in crushed eggshell."""
    x, y = grid(shape)
    owner, _ = _shards(rng, shape, 26)
    owner2, crush = cells(rng.uniform(0, 768, (1500, 2)), shape)
    coats = rng.choice(4, 400, p=(0.34, 0.28, 0.22, 0.16))[owner]
    tilt = rng.normal(0, 1, (400, 2))[owner]
    sheen = 0.5 + 0.5 * np.sin((x * tilt[..., 0] + y * tilt[..., 1]) / 190 + 2.0 * noise(rng, 320, shape, 2))
    coat = np.where((coats == 3)[..., None], LACQUER[6], LACQUER[np.minimum(coats, 2)])
    deep = np.clip(coat * (0.75 + 0.75 * sheen[..., None]) + 0.07 * sheen[..., None] ** 3, 0, 1)
    deep = mix(deep, LACQUER[3], 0.5 * (coats == 2) * sheen**2)
    dust = step(noise(rng, 3, shape) + 0.9 * noise(rng, 190, shape, 4) - 0.1 * (y / 768), 1.25, 2.0)
    deep = mix(deep, GOLD[2], 0.75 * dust)
    moon = np.clip(cover(shape, ellipse(280, 268, 186)), 0, 1)
    flakes = LACQUER[4] + (LACQUER[5] - LACQUER[4]) * rng.random((1500, 1))[owner2]
    flakes = (
        flakes * (0.82 + 0.18 * step(crush, 0.4, 2.4))[..., None] * (1.04 - 0.12 * (coats == 1))[..., None]
    )
    flakes = flakes * (1 - 0.22 * step(np.hypot(x - 236, y - 216), 90, 260))[..., None]
    deep = mix(deep, flakes, moon)
    for points, tone in (
        ([(-30, 640), (180, 600), (380, 640), (560, 610), (800, 650)], 5),
        ([(-30, 716), (250, 690), (520, 716), (800, 700)], 4),
    ):
        top = smooth(np.array(points, float), 10)
        band = cover(shape, ribbon(top, 16 + 16 * np.sin(np.linspace(0.1, 3.0, len(top)))))
        deep = mix(deep, flakes * (LACQUER[tone] / LACQUER[5]), 0.9 * band)
    return deep


def _shards(rng: np.random.Generator, shape: tuple[int, int], count: int) -> tuple[Array, Array]:
    """Cells that grow with the distance from where the blow fell."""
    a = rng.uniform(0, 2 * np.pi, count)
    r = 560 * rng.random(count) ** 0.8 + 20
    points = np.stack([CRACK[0] + r * np.cos(a), CRACK[1] + r * np.sin(a)], 1)
    points = np.concatenate([points, rng.uniform(-40, 808, (12, 2))])
    return cells(points, shape)


def _seams(rng: np.random.Generator, shape: tuple[int, int]) -> tuple[Array, Array]:
    """The cover of the gold in the cracks, and its rounded height."""
    state = np.random.default_rng(19)
    _, inside = _shards(state, shape, 26)
    inside = inside + 1.6 * noise(rng, 22, shape, 3)
    width = 3.7 + 1.7 * noise(rng, 90, shape, 2)
    _, fine = cells(rng.uniform(0, 768, (70, 2)), shape)
    fine = np.abs(fine + 1.5 * noise(rng, 16, shape, 3))
    hair = step(1.5 - fine, 0, 1.0) * step(noise(rng, 150, shape, 2), 0.1, 0.7)
    seam = step(width - np.abs(inside), -0.8, 0.8)
    round_ = np.sqrt(np.clip(1 - (inside / np.maximum(width, 1)) ** 2, 0, 1)) * 5
    return np.maximum(seam, 0.8 * hair), np.maximum(round_, 1.5 * hair)


def _branch(size: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """A plum branch, to be inlaid."""
    canvas = Canvas(size, ground=(0, 0, 0))
    white = (1.0, 1.0, 1.0)
    lines = (
        ([(790, 90), (690, 150), (620, 140), (540, 200), (450, 214), (380, 270), (310, 280)], 20),
        ([(620, 140), (560, 100), (520, 40)], 9),
        ([(450, 214), (400, 170), (330, 150)], 8),
        ([(690, 150), (680, 230), (630, 290), (640, 350)], 10),
        ([(540, 200), (520, 270), (470, 310)], 7),
    )
    for points, width in lines:
        line = smooth(np.array(points, float), 8)
        canvas.polygon(
            ribbon(line + rng.normal(0, 0.8, line.shape), np.linspace(width, 2.5, len(line))), white
        )
    blooms = [
        (520, 46),
        (332, 150),
        (310, 282),
        (636, 352),
        (470, 312),
        (600, 128),
        (424, 222),
        (676, 240),
        (700, 120),
        (390, 176),
        (560, 206),
    ]
    for k, (x, y) in enumerate(blooms):
        r = (25, 18, 22)[k % 3]
        for petal in flower(x, y, r, 5, rng.uniform(0, 6), 0.95):
            canvas.polygon(petal, white)
        canvas.dot((x, y), 3.4, (0, 0, 0))
        for a in np.linspace(0, 2 * np.pi, 7):
            canvas.dot((x + 0.42 * r * np.cos(a), y + 0.42 * r * np.sin(a)), 1.5, (0, 0, 0))
    for at in rng.uniform((330, 40), (760, 380), (26, 2)):
        canvas.dot(at, rng.uniform(2, 5), white)
    gilt = canvas.picture()[..., 0]
    return gilt, 4 * blur(gilt, 2.2)


def _gilded(
    picture: Array, gilt: Array, height: Array, rng: np.random.Generator, metal: Array = GOLD
) -> Array:
    """Lay gold (or mother-of-pearl) where ``gilt`` says, lit on its relief."""
    light = (
        0.56
        + 0.34 * relief(blur(height, 0.8), 1.1)
        + 0.09 * noise(rng, 6, gilt.shape, 3)
        + 0.08 * noise(rng, 120, gilt.shape, 2)
    )
    return mix(picture, ramp(metal, np.clip(light, 0, 1)), 0.96 * np.clip(gilt, 0, 1))
