"""A harbor at dusk in torn, stained papers: white fibers at the edges, shadows under the sheets."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from tools.gallery.canvas import smooth
from tools.gallery.card import Card
from tools.gallery.fields import blur, distance, grid, lic, mix, noise, palette, step
from tools.gallery.outlines import below, box, cover, ellipse, traced

CARD = Card(
    id="torn-harbor",
    name="Harbor in Torn Paper",
    name_zh="撕纸港湾",
    line="Stained papers torn by hand, white fibers along their edges, each casting a soft shadow.",
    line_zh="染色纸随手撕下、层层贴叠，边缘露着白纤维，投下柔和的影。",
    seed=33,
)
Array = np.ndarray
FIBER, SHADOW = palette("f5eee0", "33263a")


def paint(size: int, rng: np.random.Generator) -> Array:
    """Return the picture (size, size, 3)."""
    shape = (size, size)
    board = _Board(shape, rng)
    for outline, light, dark in _papers(rng):
        board.paste(outline, palette(light)[0], palette(dark)[0])
    _rigging(board)
    return np.clip(board.picture**1.6 * (0.96, 0.93, 1.0), 0.03, 0.95)  # dusk


class _Board:
    """What is pasted so far."""

    def __init__(self, shape: tuple[int, int], rng: np.random.Generator) -> None:
        self.shape, self.rng = shape, rng
        self._pools = [noise(rng, 210, shape, 4) for _ in range(2)]
        self._streaks = [lic(noise(rng, 6, shape), np.full(shape, turn), 46, 8) for turn in (-0.35, 0.4)]
        self._edges = [(noise(rng, 22, shape, 5), noise(rng, 40, shape, 3)) for _ in range(2)]
        self._tooth = noise(rng, 4, shape, 2)
        self.picture = self._stained(palette("e9a27a")[0], palette("b8566a")[0])

    def _turned(self, field: Array) -> Array:
        """Return a square field in another position, so that no two sheets look alike."""
        return np.rot90(field, self.rng.integers(2) * 2)[:, :: self.rng.choice((-1, 1))]

    def paste(self, outline: Array, light: Array, dark: Array, torn: float = 5.0) -> None:
        """Tear a sheet along an outline and paste it down."""
        rng, shape = self.rng, self.shape
        inside = distance(cover(shape, outline))
        fringe, width = (self._turned(field) for field in self._edges[rng.integers(2)])
        rim = inside + torn * 0.55 * fringe
        core = rim - 2.5 - torn * 0.5 * (1 + 0.9 * width)
        sheet, color = step(rim, -0.9, 0.9), step(core, -1.1, 1.1)
        fall = blur(ndimage.shift(sheet, (shape[0] / 110, shape[0] / 150), order=1, mode="nearest"), 4.5)
        self.picture = mix(self.picture, SHADOW, 0.42 * fall * (1 - sheet))
        fiber = FIBER * (0.96 + 0.05 * self._turned(self._tooth))[..., None]
        self.picture = mix(self.picture, fiber, sheet)
        self.picture = mix(self.picture, self._stained(light, dark), color)

    def _stained(self, light: Array, dark: Array) -> Array:
        """Paper dyed with a wet brush: pools, tide marks, streaks and a fine tooth."""
        pool = self._turned(self._pools[self.rng.integers(2)])
        tide = np.exp(-(((pool - 0.35) / 0.06) ** 2)) + 0.7 * np.exp(-(((pool + 0.6) / 0.06) ** 2))
        streak = self._turned(self._streaks[self.rng.integers(2)])
        share = 0.45 + 0.26 * pool + 0.24 * streak
        color = mix(light, dark, np.clip(share, 0, 1))
        color = color * (1 - 0.13 * tide[..., None])
        return np.clip(color * (1 + 0.028 * self._tooth)[..., None], 0, 1)


def _papers(rng: np.random.Generator) -> list[tuple[Array, str, str]]:
    """The sheets from back to front: outline, stain light and dark."""

    def slope(points: list[tuple[float, float]]) -> Array:
        return below(np.array(points, float))

    sheets = [
        (slope([(-40, 60), (200, 110), (420, 70), (800, 130)]), "f3c08a", "d97c62"),
        (slope([(-40, 190), (180, 160), (460, 220), (800, 170)]), "f7dca6", "eba868"),
        (ellipse(520, 236, 104), "fdf0c8", "f4c862"),
        (slope([(-40, 330), (120, 240), (230, 290), (340, 220), (470, 310), (800, 280)]), "b98aa6", "7a5585"),
        (slope([(-40, 372), (150, 350), (360, 330), (560, 290), (680, 330), (800, 300)]), "8c6f9f", "54437a"),
        (slope([(-40, 420), (250, 408), (500, 420), (800, 404)]), "9fc3b5", "4f8f94"),
        (slope([(-40, 520), (250, 486), (500, 520), (800, 480)]), "6fa9a4", "2f6f80"),
        (slope([(-40, 610), (200, 584), (480, 620), (800, 570)]), "4f8a94", "24556f"),
    ]
    for x, y, wide, tall, light, dark in (
        (50, 340, 60, 90, "e9c9a0", "c07a56"),
        (110, 330, 50, 120, "d9705a", "9c3f48"),
        (164, 350, 54, 80, "f2e2c0", "d0a878"),
        (216, 356, 44, 70, "c98a4c", "8f5638"),
    ):
        sheets.append((box(x, y, wide, tall), light, dark))
        roof = np.array(
            [(x - wide * 0.62, y - tall / 2 + 5), (x, y - tall / 2 - 36), (x + wide * 0.62, y - tall / 2 + 5)]
        )
        sheets.append((roof, "a84a4c", "6a2f45"))
    for x, y, big, light, dark in ((600, 500, 0.85, "f5e6cc", "dcae80"), (270, 590, 1.3, "f6ead4", "e2b98c")):
        sails = (
            ([(0, -250), (8, -20), (118, -24), (70, -130)], light, dark),
            ([(-10, -220), (-14, -26), (-96, -30), (-50, -120)], "e58a5c", "b8483f"),
        )
        for points, one, two in sails:
            sheets.append((smooth(np.array(points, float), 5, closed=True) * big + (x, y), one, two))
        hull = np.array([(-120, -14), (0, -2), (134, -20), (92, 44), (-84, 44)], float) * big + (x, y)
        sheets.append((hull, "7c4a5a", "3d2745"))
    sheets.append((slope([(-40, 690), (160, 650), (420, 700), (640, 640), (800, 670)]), "3f6f8a", "1f3f62"))
    for x, y, r in ((120, 120, 74), (330, 84, 60), (690, 90, 66)):
        cloud = smooth(
            np.array(
                [
                    (x - 1.6 * r, y + 8),
                    (x - 0.6 * r, y - 0.4 * r),
                    (x + 0.5 * r, y - 0.3 * r),
                    (x + 1.7 * r, y + 12),
                    (x, y + 0.36 * r),
                ],
                float,
            ),
            6,
            closed=True,
        )
        sheets.append((cloud + rng.normal(0, 2, 2), "f8ead4", "eec0a4"))
    return sheets


def _rigging(board: _Board) -> None:
    """A few lines in ink, and ripples in white pencil."""
    lines = [
        np.array([(270, 250), (270, 600)]),
        np.array([(600, 276), (600, 506)]),
        np.array([(270, 262), (430, 566)]),
        np.array([(270, 262), (136, 560)]),
    ]
    ink = traced(board.shape, *lines, width=3.2)
    board.picture = mix(board.picture, SHADOW, 0.8 * ink)
    ripples = []
    for _ in range(44):
        x, y, long = board.rng.uniform(0, 740), board.rng.uniform(440, 760), board.rng.uniform(20, 80)
        ripples.append(
            smooth(np.array([(x, y), (x + long / 2, y + board.rng.uniform(-5, 5)), (x + long, y)]))
        )
    x, _ = grid(board.shape)
    tooth = step(noise(board.rng, 4, board.shape, 2), -0.8, 0.4) + 0 * x
    board.picture = mix(board.picture, FIBER, 0.5 * traced(board.shape, *ripples, width=2.6) * tooth)
