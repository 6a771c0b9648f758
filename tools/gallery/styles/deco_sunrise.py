"""A stepped city in front of a sun of graded rays, fans at its foot: an airbrushed poster."""

from __future__ import annotations

import numpy as np

from tools.gallery.card import Card
from tools.gallery.fields import grid, mix, noise, palette, ramp, step
from tools.gallery.outlines import arc, box, cover, ellipse, traced

CARD = Card(
    id="deco-sunrise",
    name="Jazz Age Sunrise",
    name_zh="爵士时代的日出",
    line="Airbrushed rays, stepped towers and fans in emerald, cream, coral and old gold.",
    line_zh="喷绘渐层的光芒、阶梯高楼与折扇，祖母绿、奶油、珊瑚与旧金相映。",
    seed=12,
)
Array = np.ndarray
EMERALD = palette("0f2f2c", "1f5a50", "4f9880", "a8ccb0")
CREAM = palette("b98d5a", "e3c391", "f6e6c2", "fbf3dd")
CORAL = palette("7c2f2c", "c25a46", "ea9b78", "f7cfae")
GOLD = palette("6a4718", "b07f2c", "dcb35a", "f5e2a2")
NIGHT = palette("151f24", "24383c", "42605f", "7c9a8f")
SUN = (384.0, 470.0)


def paint(size: int, rng: np.random.Generator) -> Array:
    """Return the picture (size * 1.2, size, 3)."""
    shape = (round(size * 1.2), size)
    spray = _Spray(shape, rng)
    _rays(spray)
    _sun(spray)
    _city(spray)
    _fans(spray)
    _frame(spray)
    grain = 0.5 * noise(rng, 3, shape, 1) + 0.5 * noise(rng, 5, shape)
    picture = spray.picture * (1 + 0.022 * grain + 0.025 * noise(rng, 200, shape, 3))[..., None]
    return np.clip(picture, 0.03, 0.95)


class _Spray:
    """An airbrush over stencils: an area is filled from one tone of a ramp to another along a way."""

    def __init__(self, shape: tuple[int, int], rng: np.random.Generator) -> None:
        self.shape, self.rng = shape, rng
        self.picture = np.broadcast_to(CREAM[2], (*shape, 3)).copy()
        self.x, self.y = grid(shape)
        self.speck = noise(rng, 4, shape, 1)

    def fill(self, area: Array, colors: Array, along: Array, first: float = 0.0, last: float = 1.0) -> None:
        """``along`` (h, w) runs 0 to 1 across the area; tones of ``colors`` from first to last."""
        rows, columns = (np.flatnonzero(area.any(axis)) for axis in (1, 0))
        if not len(rows):
            return
        own = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        share = np.clip(np.broadcast_to(along, self.shape)[own], 0, 1)
        tone = first + (last - first) * share + 0.035 * self.speck[own] * np.sin(np.pi * share)
        self.picture[own] = mix(self.picture[own], ramp(colors, np.clip(tone, 0, 1)), area[own])

    def stencil(
        self, outline: Array, colors: Array, first: float, last: float, turn: float = np.pi / 2
    ) -> None:
        area = cover(self.shape, outline)
        along = self.x * np.cos(turn) + self.y * np.sin(turn)
        at = outline @ np.array([np.cos(turn), np.sin(turn)])
        self.fill(area, colors, (along - at.min()) / max(np.ptp(at), 1.0), first, last)

    def gild(self, *lines: Array, width: float = 3.0, closed: bool = False) -> None:
        area = traced(self.shape, *lines, width=width, closed=closed)
        self.fill(area, GOLD, 0.5 + 0.5 * np.sin((self.x + self.y) / 60), 0.45, 0.95)


def _rays(spray: _Spray) -> None:
    """Rays by turns emerald, cream and coral, each darker at one edge: a folded fan of light."""
    dx, dy = spray.x - SUN[0], spray.y - SUN[1]
    turn = (np.arctan2(dy, dx) + np.pi) / (2 * np.pi)
    far = np.hypot(dx, dy)
    count = 44
    ray, share = np.floor(turn * count).astype(int) % count, (turn * count) % 1
    for k, (colors, first, last) in enumerate(
        ((EMERALD, 0.25, 0.85), (CREAM, 0.35, 1.0), (EMERALD, 0.1, 0.6), (CORAL, 0.45, 1.0))
    ):
        own = (ray % 4 == k).astype(float)
        spray.fill(own, colors, 0.6 * share + 0.4 * np.clip(1 - far / 620, 0, 1), first, last)
    edge = step(0.9 - np.minimum(share, 1 - share) * far * 2 * np.pi / count, 0, 0.8) * step(far, 120, 180)
    spray.fill(0.75 * edge, GOLD, share, 0.5, 0.7)


def _sun(spray: _Spray) -> None:
    far = np.hypot(spray.x - SUN[0], spray.y - SUN[1])
    for radius, colors, first, last in (
        (236, GOLD, 0.35, 0.75),
        (222, CORAL, 0.3, 0.85),
        (176, CREAM, 0.3, 0.8),
        (130, CREAM, 0.6, 1.0),
    ):
        disc = step(radius - far, -1, 1)
        spray.fill(disc, colors, 1 - (spray.y - SUN[1] + radius) / (2 * radius) + 0 * far, first, last)
        spray.gild(arc(*SUN, radius, 0, 2 * np.pi, 90), width=2.6)


def _city(spray: _Spray) -> None:
    """Towers in steps, mirrored about the axis, each half lit."""
    towers = (
        (384, 150, 96, 6),
        (268, 330, 84, 4),
        (500, 330, 84, 4),
        (168, 430, 84, 3),
        (600, 430, 84, 3),
        (70, 500, 96, 2),
        (698, 500, 96, 2),
    )
    for x, top, wide, steps in sorted(towers, key=lambda t: t[1], reverse=True)[::-1]:
        for k in range(steps):
            w = wide * (0.3 + 0.7 * (k + 1) / steps)
            y0 = top + (k * 58 if k else 0)
            foot = 760.0
            left = np.array([(x - w / 2, y0), (x, y0), (x, foot), (x - w / 2, foot)])
            right = np.array([(x, y0), (x + w / 2, y0), (x + w / 2, foot), (x, foot)])
            lit = (x <= 384) != (x == 384)
            spray.stencil(left, EMERALD if k % 2 else NIGHT, 0.75 if lit else 0.85, 0.05)
            spray.stencil(right, NIGHT if k % 2 else EMERALD, 0.45 if lit else 0.5, 0.0)
            spray.gild(
                np.array([(x - w / 2, foot), (x - w / 2, y0), (x + w / 2, y0), (x + w / 2, foot)]), width=2.4
            )
        for at in np.linspace(-0.32, 0.32, 5) * wide:
            spray.gild(np.array([(x + at, top + 60 * (steps - 1) + 16), (x + at, 760)]), width=1.7)
        spray.gild(np.array([(x, top - 74), (x, top)]), width=4)
        spray.gild(ellipse(x, top - 78, 5), width=4, closed=True)
        windows = [
            box(x + dx, y, 7, 15)
            for dx in np.linspace(-0.24, 0.24, 4) * wide
            for y in np.arange(top + 60 * (steps - 1) + 30, 740, 31)
        ]
        spray.fill(cover(spray.shape, *windows), CREAM, (spray.y - 300) / 460 + 0 * spray.x, 1.0, 0.4)


def _fans(spray: _Spray) -> None:
    """Rows of shells, the nearer ones larger."""
    for row, (y, radius) in enumerate(((778, 66), (826, 74), (880, 84), (940, 92))):
        for x in np.arange(-radius * (row % 2), 768 + radius, 2 * radius):
            colors = ((EMERALD, CREAM), (CORAL, EMERALD), (NIGHT, GOLD), (EMERALD, CORAL))[row]
            for j, share in enumerate((1.0, 0.8, 0.58, 0.34)):
                disc = np.concatenate(
                    [
                        arc(x, y, radius * share, np.pi, 2 * np.pi),
                        [(x + radius * share, y + 90), (x - radius * share, y + 90)],
                    ]
                )
                spray.stencil(disc, colors[j % 2], 0.9 - 0.1 * j, 0.15)
                spray.gild(arc(x, y, radius * share, np.pi, 2 * np.pi), width=2.2)
            for a in np.linspace(np.pi, 2 * np.pi, 9)[1:-1]:
                tip = np.array([np.cos(a), np.sin(a)])
                spray.gild(np.array([(x, y) + tip * radius * 0.34, (x, y) + tip * radius * 0.98]), width=1.3)


def _frame(spray: _Spray) -> None:
    tall = spray.shape[0] / spray.shape[1] * 768
    inset = np.minimum(np.minimum(spray.x, 768 - spray.x), np.minimum(spray.y, tall - spray.y))
    spray.fill(step(26 - inset, -1, 1), NIGHT, spray.y / tall + 0 * spray.x, 0.5, 0.1)
    for at, width in ((26, 4.5), (17, 2.2), (9, 1.6)):
        spray.fill(
            step(width / 2 - np.abs(inset - at), -0.7, 0.7),
            GOLD,
            0.5 + 0.5 * np.sin((spray.x + spray.y) / 70),
            0.5,
            1.0,
        )
