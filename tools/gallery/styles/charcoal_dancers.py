"""Charcoal on gray paper, smudged with a finger, with sanguine and white chalk."""

from __future__ import annotations

import numpy as np

from tools.gallery.canvas import Canvas
from tools.gallery.card import Card
from tools.gallery.fields import blur, grid, mix, noise, palette, paper, sample, scatter, step, trace
from tools.gallery.motifs import figures

CARD = Card(
    id="charcoal-dancers",
    name="Charcoal Dancers",
    name_zh="炭笔舞者",
    line="Soft black strokes caught by the tooth of gray-buff paper, heightened with red and white chalk.",
    line_zh="柔黑的炭笔落在灰黄纸纹上，以红、白粉笔提亮。",
    seed=17,
)
GRAY = {
    "sky": palette("8a8a8a", "f0f0f0"), "ground": palette("505050", "d8d8d8"), "skin": palette("606060", "ffffff"),
    "dress_a": palette("080808", "888888"), "dress_b": palette("606060", "ffffff"), "hair": palette("080808", "505050"),
    "shadow": palette("101010", "404040"),
}  # fmt: skip
SHEET, COAL, RED, CHALK = palette("c9bda8", "2c2a2b", "a4523c", "f6efe2")


def paint(size: int, rng: np.random.Generator) -> np.ndarray:
    scene = figures(rng, 900, 768, 3)
    plan = scene.plan(size, GRAY)
    shape = plan.label.shape
    _x, _y = grid(shape)
    tooth = paper(rng, shape, 3.6)
    tone = blur(plan.color[..., 0], 1.5) + 0.07 * noise(rng, 150, shape, 3)
    coal, red, chalk = (Canvas(size, 900, 768, (0, 0, 0)) for _ in range(3))
    hatch(rng, coal, tone, shape, 0.74, 0.9 + 0.3 * noise(rng, 260, shape), 6, 64)
    hatch(rng, coal, tone, shape, 0.46, -0.5 + 0.2 * noise(rng, 260, shape), 5, 44)
    dress = plan.mask(scene, "dress_b") + 0.6 * plan.mask(scene, "skin")
    hatch(rng, red, 1 - dress * (1.05 - tone) * 1.6, shape, 0.75, 1.25 + 0.3 * noise(rng, 200, shape), 7, 46)
    hatch(
        rng,
        chalk,
        1.35 - tone - 0.12 * (dress == 0),
        shape,
        0.46,
        -0.9 + 0.4 * noise(rng, 300, shape),
        10,
        50,
    )
    for form in scene.forms[1:]:
        for again in range(2 if form.depth > 0.6 else 1):
            line = (
                form.outline
                + rng.normal(0, 1.2, 2)
                + 0.6 * rng.normal(0, 1, form.outline.shape).cumsum(0) * 0.12
            )
            n = len(line)
            press = np.clip(1.3 + 1.2 * np.sin(np.linspace(0, 9, n) + rng.uniform(0, 6)), 0.35, 3) * (
                1.35 if again == 0 else 0.7
            )
            coal.ribbon(np.r_[line, line[:1]], np.r_[press, press[:1]] * 1.5, (0.92,) * 3, 0.85)
    smudge = 0.5 * blur(1 - tone, 6) * (1 + 0.3 * noise(rng, 120, shape, 2)) + 0.14 * blur(
        coal.picture()[..., 0], 7
    )
    sheet = (
        np.broadcast_to(SHEET, (*shape, 3)) * (1 + 0.03 * tooth + 0.02 * noise(rng, 300, shape))[..., None]
    )
    color = mix(sheet, np.broadcast_to(COAL, sheet.shape), np.clip(smudge, 0, 0.75))
    for canvas, ink, most in ((chalk, CHALK, 0.85), (red, RED, 0.8), (coal, COAL, 0.93)):
        pressure = blur(canvas.picture()[..., 0], 0.5)
        caught = step(pressure * 1.55 - 0.62 + 0.22 * tooth, 0.0, 0.55)
        color = mix(color, np.broadcast_to(ink, color.shape), most * caught)
    return np.clip(color, 0, 1)


def hatch(rng, canvas, tone, shape, limit, angle, gap, length) -> None:
    """Draw strokes where the tone lies below the limit, pressed the harder the darker it is."""
    at = scatter(rng, gap, shape)
    need = np.clip((limit - sample(tone, at)) / limit, 0, 1)
    at, need = at[need > 0.04], need[need > 0.04]
    lines = trace(angle * np.ones(shape), at, length * rng.uniform(0.5, 1.1, len(at)), 8)
    for line, press in zip(lines, need, strict=True):
        value = min(0.45 + 0.8 * press, 0.98)
        canvas.ribbon(
            line, np.sin(np.linspace(0.25, 2.9, len(line))) * rng.uniform(3.0, 6.5), (value,) * 3, 0.55
        )
