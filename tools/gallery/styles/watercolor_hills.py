"""Transparent washes on paper: edges darken, pigment settles in the grain, wet washes run into one another."""

from __future__ import annotations

import numpy as np

from tools.gallery.card import Card
from tools.gallery.fields import blur, distance, grid, noise, palette, paper, step, warp
from tools.gallery.motifs import hills

CARD = Card(
    id="watercolor-hills",
    name="Watercolor Hills",
    name_zh="水彩远山",
    line="Pale washes of blue, rose and olive with dark rims, and the grain of the paper in them.",
    line_zh="淡蓝、玫红与橄榄绿的薄染，边缘留下水痕，纸纹里沉着颜料。",
    seed=23,
)
INKS = dict(
    zip(
        ("sky", "dusk", "violet", "blue", "green", "olive", "tree", "rose", "ochre"),
        palette("7fa9cf", "f0b48e", "8c86b8", "5b86ab", "6b9a78", "a5a352", "3f5f57", "c9697a", "d9a14e"),
        strict=True,
    )
)


class Sheet:
    """Paper on which washes multiply."""

    def __init__(self, rng: np.random.Generator, shape: tuple[int, int]) -> None:
        self.rng, self.shape = rng, shape
        self.grain = paper(rng, shape, 4)
        self.color = palette("fbf6ea")[0] * (1 + 0.018 * self.grain[..., None])
        self.bend = [7 * noise(rng, 70, shape, 3) for _ in range(2)]

    def wash(self, mask, ink, strength, flow=None, rim=0.55, wet=0.0, settle=0.10) -> None:
        """Lay one wash: rim darkens its edge, wet softens it, pigment settles in the paper's hollows."""
        mask = warp(np.asarray(mask, float), *self.bend)
        away = distance(mask)
        body = step(away, -0.8 - 26 * wet, 0.8 + 26 * wet)
        pool = 1 + 0.32 * noise(self.rng, 150, self.shape, 3)
        edge = rim * np.exp(-np.clip(away, 0, None) / 3.2) * (away > -1) + 0.25 * rim * np.exp(
            -np.clip(away, 0, None) / 16
        )
        amount = strength * body * np.clip(pool + (edge if not wet else 0), 0, None)
        amount *= np.clip(1 - settle * self.grain, 0.3, 2)
        if flow is not None:
            amount = amount * flow
        self.color = self.color * np.asarray(ink) ** amount[..., None]


def paint(size: int, rng: np.random.Generator) -> np.ndarray:
    scene = hills(rng, 1024, 768, 5)
    plan = scene.plan(
        size,
        dict.fromkeys(
            ("sky", "sun", "cloud", "far", "near", "tree", "house", "roof"), palette("000000", "ffffff")
        ),
    )
    shape = plan.label.shape
    x, y = grid(shape)
    sheet = Sheet(rng, shape)
    everywhere = np.ones(shape)
    clouds = step(noise(rng, 260, shape, 4) - 0.5 * plan.mask(scene, "cloud"), -0.7, 0.5)
    sheet.wash(everywhere, INKS["sky"], 0.95, clouds * (1 - step(y, 60, 390)), 0, 0.5)
    sheet.wash(
        everywhere,
        INKS["dusk"],
        0.7,
        step(y, 120, 330) * (1 - step(y, 330, 520)) * (0.8 + 0.3 * noise(rng, 200, shape)),
        0,
        0.5,
    )
    sun = plan.mask(scene, "sun")
    sheet.wash(sun, INKS["rose"], 0.7, None, 0.3, 0.1)
    names = [f"range{k}" for k in range(5)]
    inks = ("violet", "blue", "green", "olive", "green")
    for k, name in enumerate(names):
        form = next(f for f in scene.forms if f.name == name)
        top = np.interp(x[0], form.outline[:-2, 0], form.outline[:-2, 1])
        below = (y > top[None]).astype(float)
        fade = 1 - (0.72 - 0.06 * k) * step(y - top[None], 6, 130)
        if k < 4:
            after = next(f for f in scene.forms if f.name == names[k + 1]).outline[:-2]
            below = below * (y < np.interp(x[0], after[:, 0], after[:, 1])[None] + 8)
        sheet.wash(below, INKS[inks[k]], 0.62 + 0.12 * k, fade, 0.5)
        if k in (1, 3):
            sheet.wash(
                below * step(noise(rng, 120, shape, 2), 0.2, 0.9),
                INKS["ochre" if k == 3 else "violet"],
                0.5,
                fade,
                0.2,
                0.35,
            )
    houses = plan.mask(scene, "house")
    sheet.color = sheet.color + (palette("fbf3e2")[0] - sheet.color) * (0.75 * blur(houses, 0.8))[..., None]
    sheet.wash(plan.mask(scene, "roof"), INKS["rose"], 1.1, None, 0.3)
    sheet.wash(houses * (plan.tone < 0.6), INKS["violet"], 0.5, None, 0.2)
    for slot, strength in (("cypress", 1.25), ("bush", 0.9)):
        trees = plan.mask(scene, slot)
        sheet.wash(trees, INKS["tree"], strength, 0.75 + 0.4 * (1 - plan.tone) * trees, 0.5)
        sheet.wash(trees * (plan.tone < 0.4), INKS["blue"], 0.6, None, 0.4)
    for _ in range(70):
        at, r = rng.uniform((300, 480), (1024, 768)), rng.exponential(1.6) + 0.7
        sheet.wash(
            np.hypot(x - at[0], y - at[1]) < r, INKS["tree" if rng.random() < 0.6 else "rose"], 0.8, None, 0.2
        )
    return np.clip(sheet.color, 0, 0.985)
