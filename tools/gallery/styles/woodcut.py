"""A chiaroscuro woodcut: a dark key block of hatching in varied pitch over two tone blocks."""

from __future__ import annotations

import numpy as np

from tools.gallery.card import Card
from tools.gallery.fields import blur, grid, lic, mix, noise, orientation, palette, paper, step
from tools.gallery.motifs import sea

CARD = Card(
    id="woodcut",
    name="Harbor Woodcut",
    name_zh="海港木刻",
    line="Gouged lines of varied pitch in umber over tan and sand, as from three blocks.",
    line_zh="赭褐的刀痕疏密有致，衬着浅棕与沙色，如三版套印。",
    seed=3,
)
SLOTS = {
    "sky": palette("909090", "ffffff"), "sun": palette("ffffff", "ffffff"), "cloud": palette("c0c0c0", "ffffff"),
    "far": palette("404040", "a0a0a0"), "sea": palette("484848", "c8c8c8"), "foam": palette("c0c0c0", "ffffff"),
    "sail": palette("909090", "ffffff"), "hull": palette("101010", "606060"), "sand": palette("707070", "f0f0f0"),
    "rock": palette("101010", "c0c0c0"),
}  # fmt: skip
KEY, TAN, SAND, SHEET = palette("48332c", "b88a60", "dcbb8e", "f1e5cc")


def paint(size: int, rng: np.random.Generator) -> np.ndarray:
    scene = sea(rng)
    plan = scene.plan(size, SLOTS)
    shape = plan.label.shape
    x, y = grid(shape)
    tone = np.clip(blur(plan.color[..., 0], 1.2) + 0.06 * noise(rng, 90, shape, 2), 0, 1)
    sky = plan.mask(scene, "sky", "sun", "cloud")
    angle = np.where(sky > 0, 0.05 * noise(rng, 200, shape), orientation(plan.tone + 0.6 * plan.depth, 10))
    angle = np.where(plan.mask(scene, "sea", "foam") > 0, 0.10 * np.sin(x / 70 + y / 31), angle)
    pitch = np.where(plan.mask(scene, "sand") > 0, 11.0, 7.5)
    swell = y + 5 * np.sin(x / 46 + y / 60) + 9 * noise(rng, 260, shape) + 2.2 * noise(rng, 60, shape)
    waves = np.cos(2 * np.pi * np.sqrt(np.clip(swell - 290, 1, None)) * 1.62 + 0.5 * noise(rng, 30, shape))
    sunrays = np.cos(np.arctan2(y - 192, x - 348) * 34 + 0.9 * noise(rng, 160, shape, 2))
    lines = np.where(plan.mask(scene, "sea", "foam") > 0, waves, gouges(rng, angle, pitch, shape))
    lines = np.where(sky > 0, sunrays, lines)
    depth = 0.5 + 0.5 * lines + 0.06 * noise(rng, 8, shape, 2)
    key = 1 - step(tone * 1.18 - 0.04 - depth * 0.9, -0.12, 0.12)
    rim = np.hypot(*np.gradient(plan.label.astype(float))) > 0
    key = np.maximum(key, 0.95 * step(blur(rim.astype(float), 0.9), 0.22, 0.42))
    key = np.where(plan.mask(scene, "sun") > 0, 0.12 * key, key)
    grain = lic(rng.standard_normal(shape), 0.10 * noise(rng, 260, shape, 2) + 0 * x, 120, 20)
    grain /= grain.std()
    color = np.broadcast_to(SHEET, (*shape, 3)) * (1 + 0.02 * paper(rng, shape)[..., None])
    light = blur(tone, 3) + 0.03 * grain
    color = mix(color, np.broadcast_to(SAND, color.shape), 0.95 * (1 - step(light, 0.72, 0.80)))
    color = mix(color, np.broadcast_to(TAN, color.shape), 0.92 * (1 - step(light, 0.40, 0.50)))
    ink = np.clip(0.93 - 0.07 * step(grain, 0.4, 1.6) - 0.05 * noise(rng, 4, shape), 0, 1)
    return np.clip(mix(color, np.broadcast_to(KEY, color.shape), key * ink), 0, 1)


def gouges(
    rng: np.random.Generator, angle: np.ndarray, pitch: np.ndarray, shape: tuple[int, int]
) -> np.ndarray:
    """Return lines along the angle, about one pitch (points) apart, -1 to 1: noise of that scale, drawn out."""
    scale = min(shape) / 768
    total, weight = np.zeros(shape), np.zeros(shape)
    for p in (5.0, 7.0, 10.0, 14.0):
        raw = noise(rng, p * 0.62, shape)
        band = raw - blur(raw, p * 0.5)
        line = lic(band, angle, p * 9, max(8, int(p * 9 * scale / 3)))
        near = np.exp(-((np.log(pitch / p) / 0.25) ** 2))
        total, weight = total + near * line / line.std(), weight + near
    return np.tanh(1.1 * total / np.maximum(weight, 1e-6))
