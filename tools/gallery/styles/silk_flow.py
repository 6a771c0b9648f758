"""Dyed silk in folds: line integral convolution of colored noise along a flow (Cabral and Leedom 1993)."""

from __future__ import annotations

import numpy as np

from tools.gallery.card import Card
from tools.gallery.fields import blur, lic, mix, noise, palette, ramp, relief, step

CARD = Card(
    id="silk-flow",
    name="Silk in the Wind",
    name_zh="风中丝绸",
    line="Fine threads of coral, plum, cream and sea green, flowing in folds.",
    line_zh="珊瑚、梅紫、奶白与海绿的细丝，随风成褶。",
    seed=12,
)
DYE = palette("2d2a54", "6a3f73", "b8566e", "ea8d6d", "f6cf9e", "f7ecd6", "a9cdbd", "4f97a0", "24566f")


def paint(size: int, rng: np.random.Generator) -> np.ndarray:
    shape = (size, round(size * 4 / 3))
    hill = noise(rng, 420, shape, 2)
    bend = noise(rng, 300, shape)
    field = hill + 0.45 * bend
    down, right = np.gradient(blur(field, 8))
    angle = np.arctan2(right, -down) + 0.25 * noise(rng, 220, shape)
    folds = np.sin(3.2 * field + 1.4 * noise(rng, 360, shape))
    dye = 0.5 + 0.27 * field + 0.16 * noise(rng, 520, shape) + 0.05 * folds
    threads = lic(rng.standard_normal(shape), angle, 150, 30)
    threads /= threads.std()
    strands = lic(noise(rng, 11, shape), angle, 240, 30)
    strands /= strands.std()
    color = ramp(DYE, np.clip(dye + 0.075 * strands + 0.02 * threads, 0.02, 0.98))
    shade = relief(blur(14 * folds + 3.5 * strands, 2.0), 1.5)
    sheen = step(folds + 0.25 * threads, 0.55, 1.4)
    color = color * (1 + 0.20 * shade + 0.075 * threads)[..., None]
    color = mix(color, np.broadcast_to(palette("fdf3e2")[0], color.shape), 0.42 * sheen)
    color = mix(color, color * palette("5a4a78")[0], 0.55 * step(-folds, 0.3, 1.1))
    return np.clip(0.03 + 0.94 * color, 0, 1)
