"""Whether one pass has collapsed: to a clipped or flat picture, or to one that keeps nothing of the photo.

On periodic styles of high contrast (stripes, checkerboards, rings, halftone) the transfer maps take the
features where the decoder was never trained. What comes out is seen in three numbers, in whatever style.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from impasto.pictures.masks import LUMINANCE
from impasto.prepared import Prepared

Array = NDArray[np.float32]

MOST_CLIPPED = 0.5
"""Of the pixels, those with a channel at an end of its range."""
LEAST_CORRELATION = 0.1
"""Of the luminance with the photo's."""
NEARLY_PURE = 90.0
"""Strength above which the correlation does not count: at 100 the optimization itself keeps less of the photo
in hatching (0.09), and is right to."""
LEAST_DEVIATION = 0.03
"""Of the luminance; a photo with less is flat itself, and tells nothing about its pastiche."""
END = 0.5 / 255
"""How near to 0 or 1 a value is written as one of them."""
SAMPLES = 8192
"""Pixels looked at, at random places: a grid would see a periodic picture as a flat one. The numbers are then
known to about 0.01, in a hundredth of the time of one pass."""
LEAST_POSITIONS = 256
"""Pixels without which a region's numbers would mean nothing."""


def collapse_of(painted: Array, prepared: Prepared) -> str:
    """Return what is wrong with a one-pass picture: ``clipped``, ``flat`` or ``unrecognizable``, or nothing.

    Each region is judged for itself, where it is and the photo is visible.

    Args:
        painted: float32 (height, width, 3), as the network painted it, not yet mixed with the photo.
        prepared: what it was made of.
    """
    return collapse_of_parts([(painted, prepared)])


def collapse_of_parts(parts: Sequence[tuple[Array, Prepared]]) -> str:
    """Return `collapse_of` of a picture of which some parts are known, each with what it was made of."""
    pure = parts[0][1].settings.strength > NEARLY_PURE
    regions: dict[int, list[tuple[Array, Array]]] = {}
    for painted, prepared in parts:
        photo, pixels = prepared.content.reshape(-1, 3), painted.reshape(-1, 3)
        for region, places in _places(prepared):
            regions.setdefault(region, []).append((pixels[places], photo[places]))
    judged = (
        _collapsed(np.concatenate([p for p, _ in pairs]), np.concatenate([p for _, p in pairs]), pure)
        for pairs in regions.values()
    )
    return next(filter(None, judged), "")


def _places(prepared: Prepared) -> Iterator[tuple[int, Any]]:
    """Yield where to look in each region that has enough pixels."""
    random, visible = np.random.default_rng(0), prepared.visible
    for index, region in enumerate(prepared.regions):
        counts = [mask.ravel() > 0.5 for mask in (region.mask, visible) if mask is not None]
        count = prepared.content.shape[0] * prepared.content.shape[1]
        if not counts:
            yield index, slice(None) if count <= SAMPLES else random.integers(0, count, SAMPLES)
            continue
        inside = np.flatnonzero(np.logical_and.reduce(counts))
        if len(inside) >= LEAST_POSITIONS:
            few = inside if len(inside) <= SAMPLES else inside[random.integers(0, len(inside), SAMPLES)]
            yield index, few


def _collapsed(pixels: Array, photo: Array, pure: bool) -> str:
    """Return what is wrong with pixels (n, 3) painted from a photo's, which pure style need not keep."""
    clipped, clipped_before = (((p <= END) | (p >= 1 - END)).any(axis=-1).mean() for p in (pixels, photo))
    if clipped > MOST_CLIPPED >= clipped_before:
        return "clipped"
    after, before = (p @ np.array(LUMINANCE, np.float32) for p in (pixels, photo))
    deviation, deviation_before = after.std(), before.std()
    if deviation_before < LEAST_DEVIATION:
        return ""
    if deviation < LEAST_DEVIATION:
        return "flat"
    covariance = ((after - after.mean()) * (before - before.mean())).mean()
    unlike = covariance < LEAST_CORRELATION * deviation * deviation_before
    return "unrecognizable" if unlike and not pure else ""
