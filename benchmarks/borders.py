"""What the treatment of borders does to the result: reflection against zero padding.

A frame shows as a difference between the outermost pixels and the rest. For each padding: the ratio of
the local contrast (mean absolute difference of neighbors) in the outer ring of 4 px to that of the
inside, and of the ring's distance from the inside's mean color to the photo's own; 1 is no frame.
"""

from __future__ import annotations

import numpy as np
import skimage.data

from impasto import stylize

RING = 4


def contrast(image: np.ndarray) -> np.ndarray:
    return np.abs(np.diff(image, axis=0))[:, :-1].mean(-1) + np.abs(np.diff(image, axis=1))[:-1].mean(-1)


def ring_ratio(values: np.ndarray) -> float:
    inside = values[RING * 4 : -RING * 4, RING * 4 : -RING * 4].mean()
    ring = np.concatenate(
        [values[:RING].ravel(), values[-RING:].ravel(), values[:, :RING].ravel(), values[:, -RING:].ravel()]
    )
    return float(ring.mean() / inside)


def measure() -> dict[str, dict[str, float]]:
    photos = [skimage.data.astronaut(), skimage.data.coffee(), skimage.data.chelsea()]
    figures = {}
    for padding in ("reflect", "zero"):
        ratios = []
        for photo in photos:
            for style in ("swirls", "mosaic"):
                made = stylize(photo, style, max_size=256, padding=padding).pixels
                ratios.append(ring_ratio(contrast(made)))
        figures[padding] = {"border_contrast_over_inside": round(float(np.mean(ratios)), 3)}
    plain = [ring_ratio(contrast(photo / 255)) for photo in photos]
    figures["photos"] = {"border_contrast_over_inside": round(float(np.mean(plain)), 3)}
    return figures
