"""The pairs of a photo and a style that the any-style network is trained on: cut, recolored, moved, drawn."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from impasto.pictures.resizing import resize
from impasto.settings import OnePassSettings
from impasto.training.crops import Crops
from impasto.training.patterns import pattern

Array = NDArray[np.float32]
Batch = dict[str, Array]

RESCALES = (0.5, 1.6)
"""Sides of crops in their pictures, least and most, relative to what they are resized to: larger pictures
than the training has are to be painted, and an enlarged crop is what these have in a window of its size."""
PATTERNS, PHOTOS_AS_STYLES, GRAYS = 0.1, 0.08, 0.08
"""Shares of the styles that are drawn (`patterns`), that are photos, and that lose their colors."""
MOST_SHIFT, MOST_NOISE = 8, 3 / 255
"""What a photo is moved by at most, in pixels, and the deviation of what it is covered with, for a second
painting that must be the first one moved."""


def recolor(pictures: Array, rng: np.random.Generator) -> Array:
    """Return pictures of which half have other contrasts, colors and exposures, within [0, 1]."""
    pictures = pictures.copy()
    for index in np.flatnonzero(rng.random(len(pictures)) < 0.5):
        order = rng.permutation(3) if rng.random() < 0.4 else np.arange(3)
        mean = pictures[index].mean(axis=(0, 1))
        mixing = np.eye(3) * rng.uniform(0.7, 1.3) + rng.normal(0, 0.1, (3, 3))
        shift = rng.normal(0, 0.04, 3).astype(np.float32)
        changed = (pictures[index] - mean) @ mixing.astype(np.float32) + (mean + shift)
        exposure = 2 ** rng.normal(0, 0.7)
        pictures[index] = (np.clip(changed, 0, 1) ** np.float32(exposure))[..., order]
    return pictures


def scaled_crops(
    crops: Crops,
    key: tuple[int, int],
    count: int,
    size: int,
    rescales: tuple[float, float] = RESCALES,
) -> Array:
    """Return (count, size, size, 3) in [0, 1]: crops of other sizes, as the rescales say, resized to it."""
    rng = np.random.default_rng(key)
    least = min(min(picture.shape[:2]) for picture in crops.train[:50])
    sides = np.minimum(np.rint(size * rng.uniform(*rescales, count)).astype(int), max(size, least))
    return np.stack([resize(crops.crop(int(side), rng), (size, size)) for side in sides])


def training_styles(photos: Crops, styles: Crops, count: int, side: int, key: tuple[int, int]) -> Array:
    """Return the styles of a step, float32 (count, side, side, 3) in [0, 1].

    Most are crops of paintings; some are photos, some are drawn, and some of all have lost their colors.
    """
    rng = np.random.default_rng((*key, 6))
    pictures = recolor(scaled_crops(styles, key, count, side), rng)
    kinds = rng.random(count)
    for index in np.flatnonzero(kinds < PATTERNS + PHOTOS_AS_STYLES):
        drawn = kinds[index] < PATTERNS
        pictures[index] = pattern(side, rng) if drawn else photos.crop(side, rng)
    for index in np.flatnonzero(rng.random(count) < GRAYS):
        pictures[index] = pictures[index].mean(axis=2, keepdims=True)
    return pictures


def training_batch(photos: Crops, styles: Crops, settings: OnePassSettings, step: int) -> Batch:
    """Return a step's (from 0) photos and styles, (count, side, side, 3), of which all pairs are formed.

    ``strength`` (count^2,) is each pair's, the first photo's with every style first. Half of them are
    0.5, the others any from 0.1 to 1. ``moved`` are the photos moved by ``shift``, (2,) pixels, with noise.
    """
    side, count = settings.stage(step)
    rng = np.random.default_rng((settings.seed, step, 5))
    style = training_styles(photos, styles, count, side, (settings.seed + 1, step))
    strength = np.where(rng.random(count**2) < 0.5, 0.5, rng.uniform(0.1, 1.0, count**2))
    larger = recolor(scaled_crops(photos, (settings.seed, step), count, side + MOST_SHIFT), rng)
    return {**with_moved(larger, rng), "style": style, "strength": strength.astype(np.float32)}


def with_moved(larger: Array, rng: np.random.Generator) -> Batch:
    """Return photos, (count, side, side, 3), and the same moved and with noise, of crops `MOST_SHIFT` larger.

    ``photo`` and ``moved`` are float32 in [0, 1]; ``shift``, int32 (2,), is how far the second are moved.
    """
    count, side = len(larger), larger.shape[1] - MOST_SHIFT
    shift = rng.integers(0, MOST_SHIFT + 1, 2)
    noise = rng.uniform(0, MOST_NOISE) * rng.standard_normal((count, side, side, 3))
    moved = larger[:, shift[0] : shift[0] + side, shift[1] : shift[1] + side] + noise
    return {
        "photo": larger[:, :side, :side],
        "moved": np.clip(moved, 0, 1).astype(np.float32),
        "shift": shift.astype(np.int32),
    }
