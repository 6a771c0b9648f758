"""Aurora over a still lake: folded curtains of light, snow peaks, pines, and all of it again in the water."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from tools.gallery.canvas import Canvas
from tools.gallery.card import Card
from tools.gallery.fields import blur, grid, mix, noise, palette, ramp, step, warp

CARD = Card(
    id="aurora-lake",
    name="Aurora over the Still Lake",
    name_zh="静湖极光",
    line="Curtains of green and violet light fall behind snow peaks and shiver in the water.",
    line_zh="翠绿与紫罗兰的光幕垂在雪峰之后，在湖水里微微颤动。",
    seed=47,
)
Array = np.ndarray
SKY = palette("1b2150", "27407a", "2f6690", "57a0a0")
GREEN, MINT, VIOLET, ROSE, SNOW, ROCK, PINE = palette(
    "5fe3a1", "d8fbd6", "9a6fd6", "ee98c0", "e2edf0", "34466e", "142641"
)
SHORE = 500.0


def paint(size: int, rng: np.random.Generator) -> Array:
    """Return the picture (size, size, 3)."""
    shape = (size, size)
    x, y = grid(shape)
    scene = ramp(SKY, np.clip(y / 520 + 0 * x, 0, 1))
    scene += 0.06 * noise(rng, 300, shape, 4)[..., None] * (0.5, 0.8, 1)
    scene = _stars(scene, rng)
    for base, sway, reach, strength in ((250, 80, 250, 1.0), (150, 70, 200, 0.8), (340, 50, 220, 0.7)):
        scene = _curtain(scene, rng, base, sway, reach, strength)
    scene = _peaks(scene, rng)
    scene = _water(scene, rng)
    return np.clip(_pines(scene, rng), 0.02, 0.96)


def _stars(scene: Array, rng: np.random.Generator) -> Array:
    shape = scene.shape[:2]
    _, y = grid(shape)
    light = np.zeros(shape)
    x, y = grid(shape)
    for at, size in zip(
        rng.uniform(0, 768, (240, 2)) * (1, 0.62), rng.uniform(0.5, 1.9, 240) ** 1.6, strict=True
    ):
        near = (
            slice(max(0, int((at[1] - 9) * shape[0] / 768)), int((at[1] + 9) * shape[0] / 768)),
            slice(max(0, int((at[0] - 9) * shape[1] / 768)), int((at[0] + 9) * shape[1] / 768)),
        )
        light[near] += np.exp(-((x[:, near[1]] - at[0]) ** 2 + (y[near[0]] - at[1]) ** 2) / (1.4 * size))
    return mix(scene, SNOW, 0.85 * np.clip(light, 0, 1))


def _curtain(
    scene: Array, rng: np.random.Generator, base: float, sway: float, reach: float, strength: float
) -> Array:
    """Light that hangs from folded hems: rays upward, bright at the hem, green to violet with height."""
    shape = scene.shape[:2]
    x, y = grid(shape)
    total, height = np.zeros(shape), np.zeros(shape)
    phase = rng.uniform(0, 6, 4)
    rays = noise(rng, 34, (768, 768), 4)[0]
    for fold in range(4):
        bend = (
            base
            + sway * np.sin(x / 140 + phase[0] + 0.55 * np.sin(x / 80 + phase[1]))
            + 18 * np.sin(x / 35 + phase[2] + fold)
        )
        hem = bend + fold * 17 - 25 + 26 * np.sin(x / 190 + phase[3]) * fold / 2
        pleat = 0.62 + 0.38 * np.sin(x / 15 + 2.2 * np.sin(x / 47 + phase[1]) + fold * 1.9)
        ray = pleat * (0.85 + 0.3 * np.interp(x, np.arange(768), rays))
        up = hem - y
        tall = reach * (0.75 + 0.3 * np.sin(x / 90 + fold + phase[2]))
        glow = np.exp(-np.clip(up, 0, None) / (0.5 * tall)) * step(up, -9, 6)
        total += ray * glow / 2.0
        height += ray * glow / 2.0 * np.clip(up / tall, 0, 1)
    total = np.clip(blur(total, 1.0), 0, None) * strength
    share = np.clip(blur(height, 1.0) / np.maximum(total, 1e-3) * 1.25 * strength, 0, 1)
    color = ramp(np.array([MINT, GREEN, GREEN * 0.8 + VIOLET * 0.3, VIOLET, ROSE]), share)
    return scene + (1 - scene) * color * np.clip(total + 0.5 * blur(total, 22), 0, 1.1)[..., None] * 0.9


def _peaks(scene: Array, rng: np.random.Generator) -> Array:
    """Two ranges of pointed peaks: a lit and a shaded flank each, snow in the gullies."""
    shape = scene.shape[:2]
    x, y = grid(shape)
    rough = noise(rng, 46, (768, 768), 5)[5]
    ranges = (
        (
            ((60, 300), (150, 372), (250, 286), (330, 384), (470, 300), (560, 390), (690, 270), (790, 380)),
            0.5,
        ),
        (
            (
                (-20, 330),
                (90, 440),
                (160, 392),
                (300, 470),
                (400, 462),
                (520, 420),
                (620, 356),
                (720, 430),
                (790, 380),
            ),
            0.12,
        ),
    )
    for points, haze in ranges:
        px, py = np.array(points, float).T
        ridge = np.interp(np.arange(768), px, py) + 7 * rough
        top = np.interp(x, np.arange(768), ridge)
        depth = y - top
        high = np.r_[True, py[1:] < py[:-1]] & np.r_[py[:-1] < py[1:], True]
        valleys = [px[i:j][np.argmax(py[i:j])] for i, j in pairwise(np.flatnonzero(high))]
        wander = x + 0.25 * depth * np.sin(x / 90) + 8 * noise(rng, 40, shape, 3)
        summit = px[high][np.searchsorted(valleys, wander)]
        crest = summit + 9 * np.sin(depth / 17) + 0.16 * depth + 10 * noise(rng, 50, shape, 3)
        shaded = step(x - crest, -5, 5)
        rough_snow = noise(rng, 15, shape, 3)
        sunny, shady = (warp(rough_snow, side * 0.7 * depth, -0.8 * depth) for side in (-1, 1))
        streaks = sunny + (shady - sunny) * shaded
        gully = 0.9 * streaks + 0.45 * noise(rng, 60, shape, 4) - 0.3 * shaded
        snow = step(gully - depth / 60, -1.4, 0.2)
        bright = mix(ROCK * 1.25, SNOW, snow)
        dark = mix(ROCK * 0.8, SNOW * (0.45, 0.56, 0.72), snow)
        lit = mix(bright * (0.86, 1.0, 0.95), dark, shaded)
        lit = mix(lit, SKY[3], np.clip(haze + 0.5 * step(y, 400, 510) + 0 * x, 0, 1) * 0.8)
        scene = mix(scene, lit, step(depth, -1, 1))
    return scene


def _water(scene: Array, rng: np.random.Generator) -> Array:
    """The scene again below the shore, stretched, rippled and dimmed."""
    shape = scene.shape[:2]
    x, y = grid(shape)
    ripple = noise(rng, 6, shape, 1) * step(y - SHORE, 0, 260)
    long = noise(rng, 90, shape, 2)
    flat = warp(ripple, np.zeros(shape), np.zeros(shape))
    rows = blur(flat, 0.1)
    sway = 7 * np.sin(y / 3.1 + 2.6 * long) * step(y - SHORE, 0, 240) + 5 * rows
    mirrored = warp(
        scene, sway, 2 * SHORE - 2 * y + (y - SHORE) * -0.28 + 4 * np.sin(y / 4.3 + 3 * long) + 0 * x
    )
    calm = mix(mirrored, SKY[1], 0.26 + 0.2 * step(y, SHORE, 780) + 0 * x)
    glint = step(np.sin(y / 2.7 + 3.5 * long) * 0.8 + 0.4 * ripple, 0.75, 1.0) * step(y - SHORE, 10, 200)
    calm = mix(calm, MINT, 0.22 * glint)
    mist = np.exp(-(((y - SHORE) / 13) ** 2)) + 0 * x
    water = mix(scene, calm, step(y - SHORE, -1, 1) + 0 * x)
    return mix(water, SNOW * (0.7, 0.95, 0.9), 0.42 * mist)


def _pines(scene: Array, rng: np.random.Generator) -> Array:
    """Firs on both banks, row before row, each row darker than the one behind it."""
    shape = scene.shape[:2]
    canvas = Canvas(shape[0], ground=np.clip(scene, 0, 1))
    firs = []
    for side in (-1, 1):
        for row in range(7):
            near = row / 6
            for k in range(11 - row // 2):
                x = 384 + side * (384 - k * (17 + 7 * near) + rng.uniform(-8, 8))
                foot = 556 + 34 * row - 6.5 * k * near + rng.uniform(-7, 7)
                firs.append((near, x, foot, (130 + 70 * near + 90 * (1 - k / 11)) * rng.uniform(0.8, 1.15)))
    for near, x, foot, tall in sorted(firs):
        color = mix(PINE * 1.5 + (0.02, 0.09, 0.08), PINE * 0.75, np.array(near))
        canvas.polygon(_fir(rng, x, foot, tall), np.clip(color * rng.uniform(0.88, 1.12), 0, 1))
    return canvas.picture()


def _fir(rng: np.random.Generator, x: float, foot: float, tall: float) -> Array:
    """A fir's outline, its boughs uneven."""
    left, right = [], []
    for t in np.linspace(0, 1, 15):
        wide, y = 0.17 * tall * t**0.9, foot - tall * (1 - t)
        left += [(x - 0.42 * wide, y - 2), (x - wide * rng.uniform(0.8, 1.15), y + 0.03 * tall)]
        right += [(x + 0.42 * wide, y - 2), (x + wide * rng.uniform(0.8, 1.15), y + 0.03 * tall)]
    return np.array(left + right[::-1])
