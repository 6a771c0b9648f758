"""Composed scenes: hills, sea, still life, flowers, figures, a head, a city, each from a seed.

Slots that the palettes must have are named in each composer's docstring; light falls from the upper left.
"""

from __future__ import annotations

import numpy as np

from tools.gallery.scenes import (
    Scene,
    ball,
    blob,
    box,
    column,
    curve,
    ellipse,
    flat,
    leaf,
    ridge,
    slope,
    turned,
)

Generator = np.random.Generator


def hills(rng: Generator, width: float = 1024, height: float = 768, ranges: int = 4) -> Scene:
    """Hills, a village, two cypresses. Slots: sky sun cloud far near tree house roof."""
    scene = Scene(width, height)
    scene.fill("sky", slope(0.15, 1.0))
    scene.add(ellipse(0.71 * width, 0.21 * height, 0.075 * height), "sun", ball(0.6, 1), name="sun")
    for _ in range(5):
        x, y = rng.uniform(0, 1) * width, rng.uniform(0.08, 0.36) * height
        scene.add(
            blob(rng, x, y, rng.uniform(90, 190), rng.uniform(16, 34), 0.12), "cloud", slope(1, 0.4), 0.05
        )
    for k in range(ranges):
        t = k / max(1, ranges - 1)
        outline = ridge(rng, width, height, (0.47 + 0.33 * t) * height, 42 - 12 * t, 0.8)
        slot = "far" if t < 0.5 else "near"
        scene.add(outline, slot, slope(0.95 - 0.25 * t, 0.15 + 0.2 * t), 0.25 + 0.6 * t, name=f"range{k}")
        if k == ranges - 2:
            _village(rng, scene, 0.56 * width, 0.735 * height)
    for x, top, half in ((0.14, 0.20, 34), (0.205, 0.36, 24)):
        foot = 0.97 * height
        scene.add(
            curve(
                (x * width, top * height),
                (x * width + half, 0.62 * height),
                (x * width + half * 0.7, foot),
                (x * width - half * 0.7, foot),
                (x * width - half, 0.6 * height),
            ),
            "tree",
            column(0, 0.8, 0.25),
            0.95,
            name="cypress",
        )
    for _ in range(9):
        x, y = rng.uniform(0.3, 1) * width, rng.uniform(0.84, 0.98) * height
        scene.add(
            blob(rng, x, y, rng.uniform(22, 46), rng.uniform(18, 30)),
            "tree",
            ball(0.1, 0.9),
            0.9,
            name="bush",
        )
    return scene


def _village(rng: Generator, scene: Scene, x: float, y: float) -> None:
    for _ in range(7):
        w, h = rng.uniform(26, 44), rng.uniform(22, 36)
        left, foot = x + rng.uniform(-120, 120), y + rng.uniform(-14, 16)
        scene.add(box(left, foot - h, left + w, foot), "house", slope(1, 0.35, 0), 0.7)
        scene.add(
            [(left - 4, foot - h), (left + w / 2, foot - h - 18), (left + w + 4, foot - h)], "roof", 0.6, 0.7
        )
    scene.add(box(x - 8, y - 84, x + 8, y), "house", slope(1, 0.3, 0), 0.7, name="tower")
    scene.add([(x - 11, y - 84), (x, y - 124), (x + 11, y - 84)], "roof", slope(0.9, 0.2, 0), 0.7)


def sea(rng: Generator, width: float = 1024, height: float = 768) -> Scene:
    """A bay with boats and a beach. Slots: sky sun cloud far sea foam sail hull sand rock."""
    scene = Scene(width, height)
    horizon = 0.42 * height
    scene.fill("sky", slope(0.1, 1))
    scene.add(ellipse(0.34 * width, 0.25 * height, 0.08 * height), "sun", ball(0.6, 1))
    for _ in range(6):
        x, y = rng.uniform(0, width), rng.uniform(0.06, 0.33) * height
        scene.add(
            blob(rng, x, y, rng.uniform(80, 200), rng.uniform(12, 30), 0.14), "cloud", slope(1, 0.3), 0.05
        )
    hump = ridge(rng, width, horizon + 6, 0.36 * height, 26, 0.8)
    scene.add(hump, "far", slope(0.8, 0.2), 0.2, name="headland")
    scene.add(box(-9, horizon, width + 9, height + 9), "sea", slope(0.85, 0.15), 0.3, name="sea")
    for k in range(16):
        t = (k + 0.5) / 16
        y, x = horizon + 6 + (0.86 * height - horizon) * t**1.5, rng.uniform(0, width)
        long, thick = rng.uniform(60, 170) * (0.5 + t), 2 + 9 * t
        outline = curve((x - long, y), (x, y - thick), (x + long, y), (x, y + thick * 0.5))
        scene.add(
            outline,
            "foam" if k % 3 == 0 else "sea",
            slope(1, 0.5) if k % 2 else flat(0.25),
            0.3 + 0.4 * t,
            "wave",
        )
    for x, foot, size in ((0.66, 0.60, 190), (0.82, 0.49, 84), (0.2, 0.475, 52)):
        _boat(scene, x * width, foot * height, size)
    shore = curve(
        (-20, 0.83 * height),
        (0.3 * width, 0.88 * height),
        (0.7 * width, 0.985 * height),
        (0.8 * width, 1.1 * height),
        (-20, 1.1 * height),
    )
    scene.add(shore, "sand", slope(1, 0.3), 0.9)
    for x, y, r in ((0.90, 0.93, 80), (0.99, 0.87, 70), (0.08, 0.87, 44)):
        scene.add(blob(rng, x * width, y * height, r * 1.3, r * 0.7), "rock", ball(0, 0.9), 0.9)
    return scene


def _boat(scene: Scene, x: float, foot: float, size: float) -> None:
    s, depth = size / 100, 0.4 + 0.003 * size
    scene.add(
        [(x - 3 * s, foot - 8 * s), (x - 6 * s, foot - 110 * s), (x + 46 * s, foot - 16 * s)],
        "sail",
        slope(1, 0.5, 0),
        depth,
    )
    scene.add(
        [(x - 9 * s, foot - 8 * s), (x - 9 * s, foot - 96 * s), (x - 44 * s, foot - 18 * s)],
        "sail",
        slope(0.3, 0.75, 0),
        depth,
    )
    hull = curve(
        (x - 50 * s, foot - 10 * s),
        (x, foot - 6 * s),
        (x + 54 * s, foot - 14 * s),
        (x + 30 * s, foot + 8 * s),
        (x - 34 * s, foot + 8 * s),
    )
    scene.add(hull, "hull", slope(0.9, 0.1), depth)


def still_life(rng: Generator, width: float = 1024, height: float = 768) -> Scene:
    """Jug, bottle, bowl, fruit. Slots: wall cloth table jug bottle bowl red yellow green shadow."""
    scene = Scene(width, height)
    edge = 0.58 * height
    scene.fill("wall", slope(1, 0.25, 30))
    scene.add(
        curve(
            (0.62 * width, -20),
            (0.72 * width, 0.3 * height),
            (0.66 * width, edge + 40),
            (1.1 * width, edge + 40),
            (1.1 * width, -20),
        ),
        "cloth",
        slope(0.8, 0.1, 0),
        0.1,
        "drape",
    )
    scene.add(box(-9, edge, width + 9, height + 9), "table", slope(1, 0.35, 70), 0.3)
    scene.add(
        curve(
            (0.12 * width, edge + 40),
            (0.5 * width, edge + 26),
            (0.82 * width, edge + 60),
            (0.74 * width, height + 20),
            (0.55 * width, 0.93 * height),
            (0.3 * width, height + 20),
        ),
        "cloth",
        slope(1, 0.4, 60),
        0.4,
    )
    things = (
        (
            "bottle",
            0.66,
            0.70,
            0.52,
            ((0.10, 0), (0.145, 0.03), (0.15, 0.5), (0.07, 0.66), (0.05, 0.72), (0.05, 1)),
        ),
        (
            "jug",
            0.25,
            0.72,
            0.42,
            ((0.22, 0), (0.33, 0.2), (0.36, 0.42), (0.22, 0.72), (0.2, 0.85), (0.25, 1)),
        ),
        ("bowl", 0.47, 0.80, 0.16, ((0.4, 0), (0.5, 0.08), (0.95, 0.6), (1.12, 1))),
    )
    for slot, x, foot, tall, profile in things:
        x, foot, tall = x * width, foot * height, tall * height
        reach = max(p[0] for p in profile[:3]) * tall
        scene.add(ellipse(x + 0.55 * reach, foot, 1.3 * reach, 0.22 * reach, 3), "shadow", 0.3, 0.45)
        if slot == "bowl":
            _fruit(
                rng,
                scene,
                x,
                foot - tall,
                52,
                (
                    (-88, -14, "red"),
                    (4, -40, "yellow"),
                    (92, -12, "red"),
                    (-40, -2, "green"),
                    (50, 0, "yellow"),
                ),
            )
        scene.add(turned(profile, x, foot, tall), slot, column(0, 1, 0.3), 0.6)
        if slot == "jug":
            scene.add(ellipse(x, foot - tall, 0.25 * tall, 0.05 * tall), "jug", 0.12, 0.6, "mouth")
    _fruit(
        rng,
        scene,
        0,
        0,
        56,
        tuple(
            (x * width, y * height, s)
            for x, y, s in (
                (0.77, 0.81, "green"),
                (0.86, 0.76, "red"),
                (0.355, 0.875, "yellow"),
                (0.60, 0.90, "red"),
                (0.145, 0.84, "green"),
            )
        ),
    )
    return scene


def _fruit(rng: Generator, scene: Scene, x: float, y: float, radius: float, places) -> None:
    for dx, dy, slot in places:
        r = radius * rng.uniform(0.9, 1.1)
        if x == 0:
            scene.add(ellipse(dx + 0.4 * r, dy + 0.8 * r, 1.15 * r, 0.3 * r, 2), "shadow", 0.3, 0.5)
        outline = ellipse(x + dx, y + dy, r * (1.25 if slot == "yellow" else 1), r, rng.uniform(-30, 30))
        scene.add(outline, slot, ball(0, 1), 0.65, "fruit")


def flowers(
    rng: Generator, width: float = 768, height: float = 1024, garden: bool = False, count: int = 17
) -> Scene:
    """A bouquet in a vase, or a garden. Slots: ground far leaf petal_a petal_b petal_c heart vase table."""
    scene = Scene(width, height)
    scene.fill("ground", slope(0.9, 0.2, 60))
    if garden:
        scene.add(ridge(rng, width, height, 0.3 * height, 26), "far", slope(0.9, 0.1), 0.2)
        at = [
            (rng.uniform(0.03, 0.97) * width, (0.36 + 0.58 * np.sqrt((k + 0.5) / count)) * height)
            for k in range(count)
        ]
        root = lambda x: (x + rng.uniform(-30, 30), height + 10)  # noqa: E731
    else:
        scene.add(box(-9, 0.80 * height, width + 9, height + 9), "table", slope(0.9, 0.3), 0.3)
        spots = rng.permutation(400)[:count] / 400 * 2 * np.pi
        spread = np.sqrt((np.arange(count) + 0.3) / count)
        at = [
            (width * (0.5 + 0.35 * s * np.cos(a)), height * (0.37 + 0.245 * s * np.sin(a)))
            for s, a in zip(spread[::-1], spots, strict=True)
        ]
        root = lambda x: (0.5 * width + rng.uniform(-30, 30), 0.66 * height)  # noqa: E731
    for x, y in at:
        foot = root(x)
        _stem(rng, scene, (x, y), foot)
    if not garden:
        profile = ((0.26, 0), (0.34, 0.05), (0.42, 0.4), (0.3, 0.78), (0.34, 1))
        scene.add(turned(profile, 0.5 * width, 0.9 * height, 0.27 * height), "vase", column(0, 1, 0.3), 0.7)
    for index, (x, y) in enumerate(at):
        size = (0.55 + 0.6 * y / height if garden else 1) * rng.uniform(0.8, 1.15)
        blossom(rng, scene, x, y, 66 * size, f"petal_{'abc'[index % 3]}")
    return scene


def _stem(rng: Generator, scene: Scene, head, foot) -> None:
    from tools.gallery.canvas import ribbon, smooth

    (x, y), (fx, fy) = head, foot
    line = smooth(np.array([(x, y), ((x + fx) / 2 + rng.uniform(-22, 22), (y + fy) / 2), (fx, fy)]), 8)
    scene.add(ribbon(line, 7), "leaf", 0.35, 0.5, "stem")
    for t in (0.35, 0.55, 0.75):
        p = line[int(t * (len(line) - 1))]
        turn = rng.choice([-1, 1]) * rng.uniform(20, 60) - 90
        scene.add(leaf(*p, rng.uniform(60, 120), turn, 0.2), "leaf", slope(0.95, 0.2, 20), 0.55)


def blossom(rng: Generator, scene: Scene, x: float, y: float, radius: float, slot: str) -> None:
    """Add one flower: two rings of petals and a heart (slot heart)."""
    petals, turn = int(rng.integers(6, 10)), rng.uniform(0, 360)
    for ring, reach in ((0, 1.0), (1, 0.66)):
        for k in range(petals):
            angle = turn + 360 * (k + 0.5 * ring) / petals
            light = 0.5 - 0.35 * np.cos(np.radians(angle - 45)) + 0.12 * ring
            tone = slope(light - 0.25, light + 0.2, angle % 180)
            scene.add(
                leaf(x, y, radius * reach * rng.uniform(0.9, 1.08), angle, 0.32, 0.04),
                slot,
                tone,
                0.8,
                "petal",
            )
    scene.add(ellipse(x, y, 0.2 * radius), "heart", ball(0.1, 1), 0.85)


def head(rng: Generator, width: float = 768, height: float = 960) -> Scene:
    """A head and shoulders, three quarters. Slots: ground hair skin coat collar lip eye."""
    scene = Scene(width, height)
    w, h = width, height
    scene.fill("ground", slope(1, 0.2, 40))

    def part(points, slot, tone, depth=0.5, name=""):
        scene.add(curve(*((x * w, y * h) for x, y in points)), slot, tone, depth, name)

    part(
        ((0.22, 0.30), (0.34, 0.13), (0.56, 0.10), (0.76, 0.22), (0.80, 0.46), (0.74, 0.64), (0.30, 0.62)),
        "hair",
        slope(0.7, 0, 30),
    )
    part(
        ((0.40, 0.58), (0.66, 0.56), (0.68, 0.76), (0.52, 0.86), (0.38, 0.76)),
        "skin",
        slope(0.55, 0.05, 20),
        0.55,
        "neck",
    )
    part(
        ((-0.1, 1.1), (0.04, 0.86), (0.34, 0.74), (0.50, 0.88), (0.68, 0.74), (0.96, 0.86), (1.1, 1.1)),
        "coat",
        slope(0.9, 0.1, 20),
        0.7,
    )
    part(((0.30, 0.76), (0.38, 0.72), (0.50, 0.90), (0.46, 0.96)), "collar", 0.8, 0.75)
    part(((0.70, 0.76), (0.65, 0.72), (0.50, 0.90), (0.55, 0.96)), "collar", 0.45, 0.75)
    part(
        (
            (0.29, 0.34),
            (0.36, 0.20),
            (0.54, 0.18),
            (0.66, 0.27),
            (0.69, 0.44),
            (0.63, 0.58),
            (0.50, 0.68),
            (0.40, 0.63),
            (0.31, 0.49),
        ),
        "skin",
        slope(1.0, 0.35, 15),
        0.8,
        "face",
    )
    part(
        ((0.60, 0.25), (0.68, 0.34), (0.69, 0.46), (0.62, 0.60), (0.52, 0.675), (0.57, 0.55), (0.60, 0.42)),
        "skin",
        slope(0.5, 0.1, 60),
        0.8,
        "cheek",
    )
    part(
        ((0.445, 0.37), (0.475, 0.37), (0.50, 0.50), (0.45, 0.525), (0.42, 0.505)),
        "skin",
        slope(0.85, 0.3, 0),
        0.85,
        "nose",
    )
    for x, half in ((0.375, 0.045), (0.565, 0.05)):
        part(((x - half, 0.40), (x, 0.383), (x + half, 0.40), (x, 0.415)), "collar", 0.7, 0.85, "eye")
        scene.add(ellipse(x * w, 0.40 * h, 0.019 * w), "eye", 0.2, 0.86)
        part(
            ((x - 1.3 * half, 0.36), (x, 0.338), (x + 1.3 * half, 0.358), (x, 0.352)),
            "hair",
            0.2,
            0.86,
            "brow",
        )
    part(
        ((0.395, 0.575), (0.44, 0.562), (0.47, 0.57), (0.53, 0.578), (0.465, 0.602)),
        "lip",
        slope(0.3, 0.9),
        0.86,
    )
    part(
        (
            (0.25, 0.36),
            (0.32, 0.17),
            (0.55, 0.12),
            (0.74, 0.26),
            (0.72, 0.44),
            (0.66, 0.30),
            (0.52, 0.225),
            (0.40, 0.24),
            (0.31, 0.33),
        ),
        "hair",
        slope(1, 0.2, 20),
        0.9,
        "fringe",
    )
    return scene


def figures(rng: Generator, width: float = 1024, height: float = 768, count: int = 4) -> Scene:
    """Dancers on a hill. Slots: sky ground skin dress_a dress_b hair shadow."""
    scene = Scene(width, height)
    scene.fill("sky", slope(0.9, 0.3))
    scene.add(ridge(rng, width, height, 0.72 * height, 22, 0.4), "ground", slope(0.95, 0.15), 0.3)
    for k in range(count):
        x = width * (0.5 + k) / count + rng.uniform(-14, 14)
        foot = height * (0.88 + 0.05 * (k % 2))
        scene.add(ellipse(x + 30, foot, 86, 14), "shadow", 0.3, 0.4)
        _dancer(
            rng,
            scene,
            x,
            foot,
            0.62 * height * rng.uniform(0.95, 1.06),
            1 if k % 2 else -1,
            f"dress_{'ab'[k % 2]}",
        )
    return scene


def _dancer(rng: Generator, scene: Scene, x: float, foot: float, tall: float, side: int, dress: str) -> None:
    from tools.gallery.canvas import ribbon, smooth

    def at(dx, dy):
        return x + side * dx * tall, foot - dy * tall

    def limb(points, first, last, slot="skin"):
        line = smooth(np.array([at(*p) for p in points]), 8)
        scene.add(
            ribbon(line, np.linspace(first, last, len(line)) * tall), slot, slope(0.95, 0.35, 0), 0.7, "limb"
        )

    lean = rng.uniform(-0.04, 0.06)
    limb([(0.02, 0.42), (0.10, 0.24), (0.20, 0.02)], 0.085, 0.035)
    limb([(-0.02, 0.42), (-0.05, 0.22), (-0.02, 0.0)], 0.085, 0.035)
    limb([(0.06 + lean, 0.79), (0.22, 0.84), (0.36, 0.99)], 0.05, 0.026)
    limb([(-0.06 + lean, 0.79), (-0.20, 0.70), (-0.36, 0.78)], 0.05, 0.026)
    limb([(lean, 0.92), (lean, 0.78)], 0.05, 0.06)
    scene.add(
        curve(
            at(-0.075 + lean, 0.82),
            at(0.075 + lean, 0.82),
            at(0.055, 0.58),
            at(0.17, 0.34),
            at(0.02, 0.27),
            at(-0.17, 0.33),
            at(-0.06, 0.58),
        ),
        dress,
        slope(1, 0.15, 10),
        0.75,
        "dress",
    )
    cx, cy = at(lean + 0.01, 0.935)
    scene.add(ellipse(cx, cy, 0.052 * tall, 0.066 * tall, 8 * side), "skin", ball(0.2, 1), 0.8, "head")
    scene.add(
        curve(
            at(lean - 0.06, 0.93),
            at(lean - 0.03, 1.01),
            at(lean + 0.05, 1.0),
            at(lean + 0.03, 0.96),
            at(lean - 0.02, 0.95),
        ),
        "hair",
        slope(0.8, 0.1),
        0.82,
    )


def city(rng: Generator, width: float = 1024, height: float = 768, floors: int = 3) -> Scene:
    """Towers by a river at dusk, a bridge. Slots: sky moon far near window water light."""
    scene = Scene(width, height)
    bank = 0.72 * height
    scene.fill("sky", slope(0.1, 1))
    scene.add(ellipse(0.78 * width, 0.2 * height, 0.06 * height), "moon", ball(0.7, 1))
    for layer in range(floors):
        t, x = layer / max(1, floors - 1), -40.0
        while x < width:
            w = rng.uniform(48, 96) * (0.8 + 0.5 * t)
            top = bank - height * rng.uniform(0.14, 0.52) * (1.05 - 0.45 * t)
            scene.add(
                box(x, top, x + w, bank),
                "far" if t < 0.5 else "near",
                slope(0.9 - 0.3 * t, 0.2, 20),
                0.2 + 0.5 * t,
                "tower",
            )
            if rng.random() < 0.3:
                scene.add(
                    [(x, top), (x + w / 2, top - w * rng.uniform(0.4, 1)), (x + w, top)],
                    "far" if t < 0.5 else "near",
                    0.5,
                    0.2 + 0.5 * t,
                )
            for wx in np.arange(x + 9, x + w - 11, 15.0) if t > 0.4 else ():
                for wy in np.arange(top + 12, bank - 14, 21.0):
                    if rng.random() < 0.42:
                        scene.add(
                            box(wx, wy, wx + 8, wy + 12),
                            "window",
                            rng.uniform(0.3, 1),
                            0.25 + 0.5 * t,
                            "window",
                        )
            x += w + rng.choice([0, 0, 14])
    scene.add(box(-9, bank, width + 9, height + 9), "water", slope(0.9, 0.1), 0.8)
    for _ in range(34):
        x, t = rng.uniform(0, width), rng.random()
        y, long = bank + 8 + (height - bank) * t, rng.uniform(14, 60) * (0.5 + t)
        scene.add(
            curve((x - long, y), (x, y - 2 - 3 * t), (x + long, y), (x, y + 2 + 3 * t)),
            "light",
            rng.uniform(0.2, 1),
            0.85,
            "gleam",
        )
    return scene
