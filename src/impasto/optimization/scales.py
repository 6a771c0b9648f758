"""The picture sizes through which an optimization goes, coarse to fine, and the iterations at each."""

from __future__ import annotations

import math
from dataclasses import dataclass

from impasto.layers import MINIMUM_SIDE
from impasto.pictures.resizing import scale_to
from impasto.settings import Settings

COARSEST_SIDE = 128
"""Long side in pixels of the first scale; every further scale doubles it."""
DEFAULT_ITERATIONS = (60, 45, 36, 24, 12, 8)
"""At the first scale, the second and so on: large forms settle early, the fine scales add strokes."""

PAIRS = ((4_200_000, 12), (12_100_000, 2))
"""Pairs of vectors that L-BFGS remembers: (up to so many pixels, so many); beyond, one."""

SMALL_PIXELS = 2**20
"""Of a picture whose pairs take no memory that counts."""


@dataclass(frozen=True)
class Scale:
    """One picture size of the coarse-to-fine sequence: (height, width) and its iterations."""

    shape: tuple[int, int]
    iterations: int


def plan_scales(shape: tuple[int, int], settings: Settings) -> list[Scale]:
    """Return the scales, coarse to fine; the last one has the content image's shape.

    Sides double from scale to scale. Explicit iterations fix the number of scales; a scale with a side
    below 16 px is left out and its iterations go to the next.

    Args:
        shape: (height, width) of the result.
        settings: of which ``iterations`` is used.
    """
    long_side = max(shape)
    if settings.iterations:
        iterations = settings.iterations
    else:
        doublings = max(0, math.ceil(math.log2(long_side / COARSEST_SIDE) - 0.25))
        iterations = DEFAULT_ITERATIONS[: doublings + 1]
        iterations += (DEFAULT_ITERATIONS[-1],) * (doublings + 1 - len(iterations))
    scales: list[Scale] = []
    skipped = 0
    for index, count in enumerate(iterations):
        factor = 2 ** (len(iterations) - 1 - index)
        sides = shape if factor == 1 else scale_to(shape, max(1, round(long_side / factor)))
        if factor > 1 and min(shape) / factor < MINIMUM_SIDE:
            skipped += count
            continue
        scales.append(Scale((sides[0], sides[1]), count + skipped))
        skipped = 0
    return scales


def remembered_pairs(scale: Scale) -> int:
    """Return how many pairs of vectors L-BFGS remembers: what memory allows and, if it counts, what is used.

    Another number rounds differently. So in small pictures it is always the same: a run that was stopped, and
    one that was asked for so many iterations, give the same picture.
    """
    pixels = math.prod(scale.shape)
    most = next((count for limit, count in PAIRS if pixels <= limit), 1)
    return most if pixels <= SMALL_PIXELS else max(1, min(most, scale.iterations - 1))
