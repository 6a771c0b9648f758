"""Scenes: layered shapes with depth, light and palette slots, for a renderer to paint in its medium.

A scene is a list of `Form`s from back to front. Each names the palette slot that it takes its colors from
("sky", "far", "near", "light", ...) and says how light falls on it, so that the same scene can be painted
in any colors: ``scene.plan(size, {"sky": palette(...), ...})``. The composers of scenes are in `motifs`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import skia

from tools.gallery.canvas import smooth
from tools.gallery.fields import POINTS

Array = np.ndarray
Tone = Callable[[Array, Array], Array]
"""From u, v (0 to 1 over the form's box, right and down) to a tone 0 (dark) to 1 (light)."""


def flat(tone: float = 0.5) -> Tone:
    return lambda u, v: tone + 0 * u + 0 * v


def slope(first: float, last: float, angle: float = 90.0) -> Tone:
    """From one tone to another across the form's box; 90 degrees is downwards."""
    c, s = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    low, span = min(c, 0) + min(s, 0), abs(c) + abs(s)
    return lambda u, v: first + (last - first) * (u * c + v * s - low) / span


def ball(dark: float = 0.0, light: float = 1.0, x: float = -0.5, y: float = -0.6) -> Tone:
    """A round thing lit from (x, y), with reflected light at its far rim."""

    def tone(u: Array, v: Array) -> Array:
        a, b = 2 * u - 1, 2 * v - 1
        depth = np.sqrt(np.clip(1 - a * a - b * b, 0, 1))
        lit = a * x + b * y + 0.62 * depth
        rim = 0.22 * np.clip(a * a + b * b - 0.75, 0, 1) * 4 * (lit < 0.2)
        return dark + (light - dark) * np.clip(0.42 + 0.58 * lit + rim, 0, 1)

    return tone


def column(dark: float = 0.0, light: float = 1.0, at: float = 0.3) -> Tone:
    """An upright round thing (a bottle, a trunk, a sleeve) lit from the left."""
    return lambda u, v: dark + (light - dark) * np.clip(1 - 1.5 * np.abs(u - at) ** 1.2 + 0 * v, 0, 1)


@dataclass
class Form:
    """One shape: its outline (n, 2) in points, its palette slot, how it is lit, how near it is (0 far)."""

    outline: Array
    slot: str
    tone: Tone = field(default_factory=flat)
    depth: float = 0.5
    name: str = ""


@dataclass
class Plan:
    """A scene on pixels: color (h, w, 3), tone, depth and label (h, w), the form's index at each pixel."""

    color: Array
    tone: Array
    depth: Array
    label: Array

    def mask(self, scene: Scene, *names: str) -> Array:
        """Return where forms of these names (or slots) are, as 0 and 1."""
        chosen = [i for i, form in enumerate(scene.forms) if form.name in names or form.slot in names]
        return np.isin(self.label, chosen).astype(float)


class Scene:
    """Forms from back to front on a sheet of width x height points."""

    def __init__(self, width: float = POINTS, height: float = POINTS) -> None:
        self.width, self.height = width, height
        self.forms: list[Form] = []

    def add(self, outline, slot: str, tone: Tone | float = 0.5, depth: float = 0.5, name: str = "") -> Form:
        tone = tone if callable(tone) else flat(tone)
        self.forms.append(Form(np.asarray(outline, float), slot, tone, depth, name or slot))
        return self.forms[-1]

    def fill(self, slot: str, tone: Tone | float = 0.5, name: str = "") -> Form:
        """Add the ground that everything else lies on."""
        w, h = self.width, self.height
        return self.add([(-9, -9), (w + 9, -9), (w + 9, h + 9), (-9, h + 9)], slot, tone, 0.0, name)

    def shape(self, size: int) -> tuple[int, int]:
        return round(self.height * size / POINTS), round(self.width * size / POINTS)

    def label(self, size: int) -> Array:
        """Return (h, w): the index of the foremost form at each pixel, 0 where there is none."""
        pixels = np.zeros((*self.shape(size), 4), np.uint8)
        surface = skia.Surface(pixels)
        canvas = surface.getCanvas()
        canvas.clear(skia.ColorBLACK)
        canvas.scale(size / POINTS, size / POINTS)
        for index, form in enumerate(self.forms):
            path = skia.Path()
            path.addPoly([skia.Point(*p) for p in form.outline], True)
            canvas.drawPath(
                path, skia.Paint(Color=skia.ColorSetRGB(index & 255, index >> 8, 0), AntiAlias=False)
            )
        surface.flushAndSubmit()
        return pixels[..., 0].astype(int) + 256 * pixels[..., 1].astype(int)

    def plan(self, size: int, slots: Mapping[str, Array]) -> Plan:
        """Draw the scene in these palettes, each from dark to light; an unknown slot is an error."""
        label = self.label(size)
        tone, depth = np.full(label.shape, 0.5), np.zeros(label.shape)
        color = np.zeros((*label.shape, 3))
        scale = size / POINTS
        for index, form in enumerate(self.forms):
            (left, top), (right, bottom) = form.outline.min(0) * scale, form.outline.max(0) * scale
            box = np.s_[
                max(0, int(top)) : max(0, int(bottom) + 2), max(0, int(left)) : max(0, int(right) + 2)
            ]
            inside = label[box] == index
            if not inside.any():
                continue
            i, j = np.nonzero(inside)
            u = (j + box[1].start + 0.5 - left) / max(right - left, 1)
            v = (i + box[0].start + 0.5 - top) / max(bottom - top, 1)
            own = np.clip(form.tone(u, v), 0, 1)
            colors, at = np.asarray(slots[form.slot]), np.linspace(0, 1, len(slots[form.slot]))
            tone[box][inside], depth[box][inside] = own, form.depth
            color[box][inside] = np.stack([np.interp(own, at, c) for c in colors.T], -1)
        return Plan(color, tone, depth, label)


def ellipse(
    x: float, y: float, rx: float, ry: float | None = None, turn: float = 0.0, parts: int = 72
) -> Array:
    """Return an ellipse's outline; turn in degrees."""
    t = np.linspace(0, 2 * np.pi, parts, endpoint=False)
    c, s = np.cos(np.radians(turn)), np.sin(np.radians(turn))
    a, b = rx * np.cos(t), (rx if ry is None else ry) * np.sin(t)
    return np.stack([x + a * c - b * s, y + a * s + b * c], -1)


def box(left: float, top: float, right: float, bottom: float) -> Array:
    return np.array([(left, top), (right, top), (right, bottom), (left, bottom)], float)


def blob(rng: np.random.Generator, x: float, y: float, rx: float, ry: float, wobble: float = 0.1) -> Array:
    """Return a soft closed outline about an ellipse, as of a cloud, a bush or a stone."""
    n = 14
    t = np.arange(n) * 2 * np.pi / n
    r = 1 + wobble * rng.standard_normal(n)
    return smooth(np.stack([x + rx * r * np.cos(t), y + ry * r * np.sin(t)], -1), 6, closed=True)


def turned(profile, x: float, foot: float, height: float) -> Array:
    """Return a vessel's outline from its profile: (half width, height above the foot) in parts of height."""
    p = smooth(np.asarray(profile, float), 6) * height
    right = np.stack([x + p[:, 0], foot - p[:, 1]], -1)
    left = np.stack([x - p[:, 0], foot - p[:, 1]], -1)
    return np.concatenate([right, left[::-1]])


def curve(*points: tuple[float, float], closed: bool = True) -> Array:
    """Return a smooth outline through points."""
    return smooth(np.array(points, float), 8, closed=closed)


def ridge(
    rng: np.random.Generator, width: float, height: float, y: float, rise: float, rough: float = 1.0
) -> Array:
    """Return a range of hills: a skyline about y with rises of that many points, down to the sheet's foot."""
    x = np.linspace(-10, width + 10, 160)
    line = np.full_like(x, y)
    for k in range(5):
        wave = width / (0.7 * 1.9**k)
        line += rise * 0.62**k * rough ** (k > 1) * np.sin(2 * np.pi * (x / wave + rng.random()))
    return np.concatenate([np.stack([x, line], -1), [(width + 10, height + 10), (-10, height + 10)]])


def leaf(x: float, y: float, length: float, turn: float, breadth: float = 0.3, bend: float = 0.1) -> Array:
    """Return a leaf or petal from its foot (x, y) along a turn in degrees."""
    t = np.linspace(0, 1, 12)
    half = breadth * length * np.sin(np.pi * t**0.8) ** 0.9
    middle = bend * length * np.sin(np.pi * t)
    c, s = np.cos(np.radians(turn)), np.sin(np.radians(turn))
    side = np.concatenate(
        [np.stack([t * length, middle + half], -1), np.stack([t * length, middle - half], -1)[::-1]]
    )
    return np.stack([x + side[:, 0] * c - side[:, 1] * s, y + side[:, 0] * s + side[:, 1] * c], -1)
