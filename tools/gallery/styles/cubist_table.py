"""A table with jug, bottle and fruit, seen from several sides at once: facets shaded from edge to edge."""

from __future__ import annotations

import numpy as np

from tools.gallery.canvas import Brush
from tools.gallery.card import Card
from tools.gallery.fields import blur, edges, grid, mix, noise, palette, step, warp
from tools.gallery.motifs import still_life
from tools.gallery.strokes import Layer, Painting

CARD = Card(
    id="cubist-table",
    name="Table from Five Sides",
    name_zh="五面静物",
    line="Jug, bottle and fruit broken into shaded facets of ochre, umber and blue gray.",
    line_zh="壶、瓶与水果碎成赭石、棕褐与蓝灰的块面，明暗交叠。",
    seed=27,
)
Array = np.ndarray
SLOTS = {
    "wall": palette("4c4a44", "8a8778", "c2b898"),
    "cloth": palette("5c6a74", "a3b0ae", "ece6d3"),
    "table": palette("4a3524", "94693d", "d3a566"),
    "jug": palette("1f3346", "446a85", "a9c4c8"),
    "bottle": palette("1c2d2a", "43624f", "a5b58c"),
    "bowl": palette("6a5642", "c0a77e", "f2e6c9"),
    "red": palette("5b2420", "a9492f", "dd8f5c"),
    "yellow": palette("7a5620", "cf9a3b", "f2d893"),
    "green": palette("3a4a2a", "7d8a4c", "c8c98b"),
    "shadow": palette("2b2523", "4a3f38"),
}
LINE = palette("221d1e")[0]


def paint(size: int, rng: np.random.Generator) -> Array:
    """Return the picture (size, size * 4 / 3, 3)."""
    scene = still_life(rng, 960, 768)
    plan = scene.plan(size, SLOTS)
    shape = plan.label.shape
    facet, normal = _facets(rng, shape)
    count = int(facet.max()) + 1
    shift = rng.normal(0, 19, (count, 2))
    seen = warp(plan.color, shift[facet, 0], shift[facet, 1])
    label = warp(plan.label.astype(float), np.rint(shift[facet, 0]), np.rint(shift[facet, 1]))
    x, y = grid(shape)
    along = x * np.cos(normal[facet]) + y * np.sin(normal[facet])
    shade = np.zeros(shape)
    for k in range(count):  # each facet turns from light to dark
        own = facet == k
        if own.any():
            low, high = np.percentile(along[own], (2, 98))
            shade[own] = np.clip((along[own] - low) / max(high - low, 1), 0, 1) - 0.5
    tint = np.array([(1.1, 1.0, 0.84), (0.9, 0.98, 1.08), (1.0, 0.97, 0.9)])[rng.integers(3, size=count)][
        facet
    ]
    color = np.clip(seen * tint * (1 - 0.72 * shade[..., None]) + 0.04 * (0.5 - shade[..., None]), 0.03, 0.95)
    angle = normal[facet] + np.pi / 2 + 0.1 * noise(rng, 90, shape)
    painting = Painting(size, color, angle, palette("b59a70")[0])
    painting.lay(Layer(20, 17, 60, 0, 0.25), Brush(rng, 10, 0.025, 0.4), 0.02)
    painting.lay(Layer(11, 10, 34, 0.07, 0.2), Brush(rng, 7, 0.025, 0.4), 0.02)
    painting.lay(Layer(6, 6, 22, 0.1, 0.16), Brush(rng, 5, 0.02, 0.3), 0.015)
    return np.clip(_drawn(painting.lit(0.1, 4.0), facet, label, plan.label, rng), 0.03, 0.95)


def _facets(rng: np.random.Generator, shape: tuple[int, int]) -> tuple[Array, Array]:
    """Cut the picture by long lines of few directions; returns each pixel's facet, each facet's light."""
    x, y = grid(shape)
    code = np.zeros(shape, int)
    wide = 768 * shape[1] / shape[0]
    for k in range(13):
        a = (0.35, 1.25, 2.2, 2.85)[k % 4] + rng.normal(0, 0.16)
        px, py = rng.uniform(0.12, 0.88) * wide, rng.uniform(0.12, 0.88) * 768
        side = (x - px) * np.sin(a) - (y - py) * np.cos(a) > 0
        near = np.abs((x - px) * np.cos(a) + (y - py) * np.sin(a)) < rng.uniform(220, 620)
        code = code * 3 + np.where(near, side.astype(int), 2)
        code = np.unique(code, return_inverse=True)[1].reshape(shape)
    normal = rng.choice((0.35, 1.25, 2.2, 2.85, 4.0, 5.2), code.max() + 1) + rng.normal(
        0, 0.2, code.max() + 1
    )
    return code, normal


def _drawn(picture: Array, facet: Array, label: Array, whole: Array, rng: np.random.Generator) -> Array:
    """Draw facets' edges, dark on one side and light on the other, and the things' outlines in charcoal."""
    broken = 0.55 + 0.45 * step(noise(rng, 60, facet.shape, 3), -0.6, 0.6)
    seam = step(2.6 - edges(facet), 0, 2) * broken
    picture = mix(picture, LINE, 0.6 * seam)
    outline = step(2.4 - edges(np.rint(label).astype(int)), 0, 2) * step(
        noise(rng, 80, facet.shape, 3), -0.9, 0.3
    )
    picture = mix(picture, LINE, 0.5 * blur(outline, 0.5))
    ghost = step(1.7 - edges(whole), 0, 1.6) * step(noise(rng, 70, facet.shape, 3), 0.0, 0.8)
    return mix(picture, palette("f3ead2")[0], 0.4 * ghost)
