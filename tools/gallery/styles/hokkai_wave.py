"""A color woodblock print of a sea: graded printing (bokashi), carved outlines, the wood's grain."""

from __future__ import annotations

import numpy as np

from tools.gallery.canvas import Canvas, normals, smooth
from tools.gallery.card import Card
from tools.gallery.fields import grid, lic, mix, noise, palette, step
from tools.gallery.scenes import ellipse, leaf

CARD = Card(
    id="hokkai-wave",
    name="Wave off Hokkai",
    name_zh="北海之浪",
    line="A breaking wave of Prussian blue and cream before a vermilion sky, boldly outlined.",
    line_zh="普鲁士蓝与奶白的巨浪，背后朱红天色渐染，刻线浓重。",
    seed=14,
)
W, H = 1024, 768
LINE, DEEP, MID, PALE, CREAM, ROSE, OCHRE, EARTH = palette(
    "0f1f44", "17427e", "3b82b4", "a9d3d6", "f8ecd2", "e2583a", "f4b45a", "8a3a2c"
)
CREST = ((-20, 300), (70, 225), (160, 150), (260, 98), (365, 86), (455, 112), (520, 172), (548, 240))
HOLLOW = (
    (548, 240),
    (500, 214),
    (435, 210),
    (380, 244),
    (348, 310),
    (342, 390),
    (368, 462),
    (430, 524),
    (520, 562),
    (640, 572),
    (780, 540),
    (910, 492),
    (1044, 462),
)


def paint(size: int, rng: np.random.Generator) -> np.ndarray:
    shape = (size, round(size * W / H))
    x, y = grid(shape)
    sky = mix(
        np.broadcast_to(CREAM, (*shape, 3)), np.broadcast_to(DEEP, (*shape, 3)), 0.85 * (1 - step(y, 0, 120))
    )
    sky = mix(sky, np.broadcast_to(ROSE, sky.shape), 0.92 * step(y, 190, 480))
    sky = mix(sky, np.broadcast_to(OCHRE, sky.shape), 0.8 * np.exp(-(((y - 210) / 90) ** 2)))
    canvas = Canvas(size, W, H, sky)
    sun_and_mountain(canvas)
    swell(rng, canvas, 500, 26, 640, MID, 0)
    swell(rng, canvas, 545, 22, 380, DEEP, 1)
    boat(canvas, 760, 560, 1.0)
    wave(rng, canvas)
    swell(rng, canvas, 664, 34, 560, MID, 2)
    boat(canvas, 600, 688, 1.35)
    swell(rng, canvas, 722, 22, 300, DEEP, 3)
    spray(rng, canvas)
    picture = canvas.picture()
    grain = lic(rng.standard_normal(shape), 0.16 * noise(rng, 220, shape, 2) + 0 * x, 170, 24)
    grain /= grain.std()
    worn = 1 + 0.022 * grain + 0.03 * noise(rng, 90, shape, 2)
    faded = mix(picture, np.broadcast_to(CREAM, picture.shape), 0.02 + 0.03 * step(grain, 0.6, 2.2))
    return np.clip(faded * worn[..., None], 0, 1)


def outline(canvas: Canvas, points, width: float, color=LINE, alpha: float = 0.95) -> None:
    """A carved line: it swells in the middle and where it bends."""
    points = np.asarray(points, float)
    t = np.linspace(0, 1, len(points))
    canvas.ribbon(
        points,
        1.6 * width * (0.45 + 0.75 * np.sin(np.pi * t) ** 0.7 + 0.12 * np.sin(9 * np.pi * t)),
        color,
        alpha,
    )


def sun_and_mountain(canvas: Canvas) -> None:
    canvas.polygon(ellipse(815, 170, 62), palette("d8301f")[0], 0.95)
    line = smooth(
        np.array(
            [(560, 505), (660, 452), (730, 392), (770, 366), (806, 370), (850, 408), (930, 462), (1044, 505)]
        ),
        8,
    )
    canvas.polygon(line, palette("a8402f")[0])
    cap = smooth(
        np.array(
            [
                (722, 400),
                (770, 366),
                (806, 370),
                (846, 404),
                (822, 414),
                (806, 398),
                (786, 424),
                (764, 402),
                (744, 416),
            ]
        ),
        5,
        closed=True,
    )
    canvas.polygon(cap, CREAM)
    outline(canvas, line, 3)
    for top, left, right in (
        (120, 560, 760),
        (150, 620, 700),
        (250, 850, 1044),
        (276, 780, 960),
        (70, 0, 150),
    ):
        band = smooth(
            np.array(
                [(left, top), ((left + right) / 2, top - 9), (right, top), ((left + right) / 2, top + 7)]
            ),
            8,
            closed=True,
        )
        canvas.polygon(band, CREAM, 0.75)


def swell(
    rng: np.random.Generator, canvas: Canvas, y: float, rise: float, wave: float, color, k: int
) -> None:
    x = np.linspace(-20, W + 20, 90)
    top = (
        y
        + rise * np.sin(2 * np.pi * x / wave + 1.7 * k)
        + 0.3 * rise * np.sin(2 * np.pi * x / wave * 2.7 + k)
    )
    line = np.stack([x, top], -1)
    canvas.polygon(np.r_[line, [(W + 20, H + 20), (-20, H + 20)]], color)
    lip = np.r_[
        line,
        line[::-1] + np.stack([0 * x, 7 + 9 * (0.5 + 0.5 * np.sin(x / 23 + 3 * np.sin(x / 61)))], -1)[::-1],
    ]
    canvas.polygon(lip, CREAM)
    outline(canvas, line, 3.2)
    outline(canvas, lip[len(line) :], 2.2)
    for row in range(1, 5):
        shift = rng.uniform(0, 300)
        for start in np.arange(-60, W, rng.uniform(200, 300)):
            s = np.linspace(start + shift, start + shift + rng.uniform(90, 190), 20)
            at = np.interp(s, x, top) + 18 + 17 * row + 4 * np.sin(s / 30)
            tone = PALE if np.allclose(color, MID) else MID
            outline(canvas, np.stack([s, at], -1), 5.5, tone, 0.85)


def wave(rng: np.random.Generator, canvas: Canvas) -> None:
    crest, hollow = smooth(np.array(CREST), 10), smooth(np.array(HOLLOW), 10)
    body = np.r_[crest, hollow, [(W + 20, H + 20), (-20, H + 20)]]
    canvas.polygon(body, MID)
    foot = np.array((60.0, 830.0))
    for k, t in enumerate(np.linspace(0.05, 0.80, 9)):  # the sheets of water that rise behind
        p = crest[int(t * (len(crest) - 1))]
        base = foot + (24 * k, 0)
        middle = (p + base) / 2 + np.array((-46 + 10 * k, 20))
        line = smooth(np.array([base, middle, p * 0.8 + 0.2 * middle, p]), 12)
        widths = np.linspace(26, 6, len(line)) * (1.15 if k % 2 else 0.7)
        canvas.ribbon(line, widths, DEEP if k % 2 == 0 else PALE, 0.95)
        outline(canvas, line + normals(line) * widths[:, None] / 2, 2.0)
    for k, away in enumerate((30, 62, 98, 138, 182)):  # and those that bend into the curl
        inner = hollow[30:]
        side = normals(inner)
        side *= np.sign((side * (inner - (560, 330))).sum(1, keepdims=True) + 1e-9)
        line = smooth((inner + side * away * np.linspace(0.5, 1.25, len(inner))[:, None])[::8], 6)
        line = line[(line[:, 1] > 130)]
        widths = (13 + 3 * k) * np.sin(np.linspace(0.08, 0.97, len(line)) * np.pi) ** 0.6
        canvas.ribbon(line, widths, DEEP if k % 2 == 0 else PALE, 0.95)
        outline(canvas, line + normals(line) * widths[:, None] / 2, 1.8)
    foam(rng, canvas, crest, hollow)
    outline(canvas, hollow[10:], 4)


def foam(rng: np.random.Generator, canvas: Canvas, crest: np.ndarray, hollow: np.ndarray) -> None:
    edge = np.r_[crest, hollow[:26]]
    depth = np.interp(np.linspace(0, 1, len(edge)), (0, 0.3, 0.6, 0.8, 1), (34, 46, 54, 40, 10))
    inward = -normals(edge)
    inner = edge + inward * (depth * (1 + 0.35 * np.sin(np.arange(len(edge)) * 0.9)))[:, None]
    canvas.polygon(np.r_[edge, inner[::-1]], CREAM)
    outline(canvas, inner, 2.2)
    for k in range(2, len(edge) - 1):
        p, out = edge[k], -inward[k]
        lean = np.degrees(np.arctan2(out[1], out[0]))
        for _ in range(2 if k % 2 else 1):
            long = rng.uniform(26, 54) * (0.7 + 0.6 * k / len(edge))
            turn = lean + rng.uniform(8, 62)
            claw(canvas, p + rng.normal(0, 4, 2), long, turn)
        if k % 3 == 0:
            claw(
                canvas, inner[k] + rng.normal(0, 3, 2), rng.uniform(22, 36), lean + 180 + rng.uniform(-50, 50)
            )


def claw(canvas: Canvas, p: np.ndarray, long: float, turn: float) -> None:
    """One finger of foam with its knuckles."""
    shape = leaf(*p, long, turn, 0.24, 0.22)
    canvas.polygon(shape, CREAM)
    canvas.line(shape, 2.4, LINE, 0.95, closed=True)
    t = np.radians(turn + 24)
    for step_, r in ((0.62, 0.15), (0.9, 0.11)):
        at = p + long * step_ * np.array((np.cos(t), np.sin(t)))
        canvas.dot(at, long * r + 0.9, LINE, 0.9)
        canvas.dot(at, long * r - 0.3, CREAM)


def spray(rng: np.random.Generator, canvas: Canvas) -> None:
    for _ in range(60):
        x = rng.normal(470, 130)
        y = 100 + 0.0011 * (x - 380) ** 2 + rng.exponential(60) - 60
        if 40 < y < 420 and (x > 420 or y < 100):
            canvas.dot((x, y), rng.uniform(3, 7), CREAM, 0.95)


def boat(canvas: Canvas, x: float, y: float, s: float) -> None:
    hull = np.array(
        [(-92, -26), (-50, -4), (10, 4), (62, -4), (104, -34), (70, 14), (0, 24), (-62, 12)]
    ) * s + (x, y)
    hull = smooth(hull, 5, closed=True)
    canvas.polygon(hull, OCHRE)
    canvas.line(hull, 2.2 * s, LINE, 0.95, closed=True)
    outline(canvas, smooth(np.array([(-80, -12), (0, 13), (92, -20)]) * s + (x, y), 8), 3 * s, EARTH)
    for k in range(5):
        at = np.array((-42 + 20 * k, -6 - 2 * abs(k - 2))) * s + (x, y)
        canvas.polygon(ellipse(*(at + (0, -3 * s)), 10 * s, 12 * s), LINE)
        canvas.dot(at + (5 * s, -17 * s), 5.5 * s, ROSE)
        canvas.line(np.array([at + (6 * s, -4 * s), at + (26 * s, 26 * s)]), 2 * s, EARTH)
