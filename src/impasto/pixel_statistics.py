"""Losses over the pixels themselves, for training the one-pass network: what a feature network hardly sees.

A small feature network is nearly blind to some colours (``compact`` explains a third of one of VGG-19's
green-against-red channels at relu2_1), and to faint patterns of neighbouring pixels. Both are plain to the
eye.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from keras import ops

Tensor = Any

POOLING = 4
DIRECTIONS = np.array([d for d in itertools.product((-1, 0, 1), repeat=3) if d > (0, 0, 0)], np.float32).T
"""The 13 lines through a cube's corners, edges and faces, (3, 13): colours are compared along each."""
DIRECTIONS /= np.linalg.norm(DIRECTIONS, axis=0)
OPPONENT = np.array([[1, 1, 1], [1, -1, 0], [0.5, 0.5, -1]], np.float32).T / 3
"""RGB to lightness, red against green and yellow against blue."""
LEAST_VARIANCE = 1e-3
LEAST_GRAIN = (1 / 255) ** 2
COLOR_BOUND = 8.0
"""A colour loss e counts as e / (1 + e / 8), so that one odd pair does not rule a step."""


@dataclass(frozen=True, kw_only=True)
class PixelStyle:
    """What is compared of the pixels of styles.

    Attributes:
        colors: float32 (batch, positions, 13), of `sorted_colors`.
        grain: float32 (batch, 9), of `grain_energies`.
    """

    colors: Tensor
    grain: Tensor

    @classmethod
    def of(cls, styles: Tensor) -> PixelStyle:
        """Look at styles, float32 (batch, height, width, 3)."""
        return cls(colors=sorted_colors(styles), grain=grain_energies(styles))

    def for_positions(self, count: int) -> PixelStyle:
        """Return what pictures are compared with that have so many positions, by linear interpolation."""
        have = self.colors.shape[1]
        at = np.clip((np.arange(count) + 0.5) / count * have - 0.5, 0, have - 1)
        low = np.minimum(at.astype(int), have - 2)
        share = (at - low).astype(np.float32)[:, None]
        below, above = ops.take(self.colors, low, axis=1), ops.take(self.colors, low + 1, axis=1)
        return replace(self, colors=(1 - share) * below + share * above)

    def losses(self, pictures: Tensor, color_weight: float, grain_weight: float) -> Tensor:
        """Return the weighted losses of pictures, float32 (batch,)."""
        color = color_losses(sorted_colors(pictures), self.colors)
        grain = grain_losses(grain_energies(pictures), self.grain)
        return color_weight * color / (1 + color / COLOR_BOUND) + grain_weight * grain


def color_losses(found: Tensor, wanted: Tensor) -> Tensor:
    """Return how far the colours of pictures are from those of styles, whatever their places.

    The sliced Wasserstein distance, squared, of the colours of 4 x 4 px, over the style's own variance: the
    mean over 13 directions and all ranks of (sort(x d) - sort(y d))^2 / mean var(y d). It does not depend on
    the size.

    Args:
        found: of pictures, float32 (batch, positions, 13), of `sorted_colors`.
        wanted: of styles; a batch of one serves all.

    Returns:
        float32 (batch,); 0 for equal colours.

    Reference: Heitz et al., "A Sliced Wasserstein Loss for Neural Texture Synthesis" (CVPR 2021), equation 3.
    """
    error = ops.mean(ops.square(found - wanted), axis=(1, 2))
    return error / (ops.mean(ops.var(wanted, axis=1), axis=-1) + LEAST_VARIANCE)


def sorted_colors(pictures: Tensor) -> Tensor:
    """Return the colours of 4 x 4 px along the directions, each sorted.

    Args:
        pictures: float32 (batch, height, width, 3), sRGB about [0, 1].

    Returns:
        float32 (batch, height / 4 x width / 4, 13).
    """
    pooled = ops.average_pool(pictures, POOLING, POOLING, padding="valid", data_format="channels_last")
    colors = ops.reshape(pooled, (-1, pooled.shape[1] * pooled.shape[2], 3))
    return ops.sort(ops.matmul(colors, DIRECTIONS), axis=1)


def grain_losses(found: Tensor, wanted: Tensor) -> Tensor:
    """Return how far the grain of pictures is from that of styles: the mean of log(g / h)^2.

    Args:
        found: g, of pictures, float32 (batch, 9), of `grain_energies`.
        wanted: h, of styles; a batch of one serves all.

    Returns:
        float32 (batch,); 0 for equal energies, 1.9 where one has everywhere twice the other's amplitude.
    """
    return ops.mean(ops.square(ops.log((found + LEAST_GRAIN) / (wanted + LEAST_GRAIN))), axis=-1)


def grain_energies(pictures: Tensor) -> Tensor:
    """Return the mean squares of the differences of neighbours.

    Across, down and both, each in lightness and two opponent colours.

    Args:
        pictures: float32 (batch, height, width, 3), sRGB about [0, 1].

    Returns:
        float32 (batch, 9).
    """
    x = ops.matmul(pictures, OPPONENT)
    across, down = x[:, :, 1:] - x[:, :, :-1], x[:, 1:] - x[:, :-1]
    both = across[:, 1:] - across[:, :-1]
    return ops.concatenate([ops.mean(ops.square(d), axis=(1, 2)) for d in (across, down, both)], axis=-1)
