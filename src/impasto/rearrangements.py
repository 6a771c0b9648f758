"""Pixels as channels and back, and doubling a picture's sides, for the one-pass network.

Reference: Shi et al., "Real-Time Single Image and Video Super-Resolution Using an Efficient Sub-Pixel
Convolutional Neural Network" (CVPR 2016), section 2.2.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from keras import ops

from impasto.feature_network import pad_by_reflection

Tensor = Any


def depth_to_space(x: Tensor) -> Tensor:
    """Return (batch, 2 h, 2 w, c / 4): each position as 2 x 2 pixels."""
    _, height, width, channels = x.shape
    x = ops.reshape(x, (-1, height, width, 2, 2, channels // 4))
    return ops.reshape(ops.transpose(x, (0, 1, 3, 2, 4, 5)), (-1, 2 * height, 2 * width, channels // 4))


def smooth(pixels: Tensor) -> Tensor:
    """Return pixels (batch, h, w, 3) smoothed by 1-2-1 in both directions.

    It takes away nothing but what repeats every two pixels (coarser detail can be made stronger
    before it): the grid that `depth_to_space` would leave otherwise.
    """
    x = pad_by_reflection(pixels)
    x = (x[:, :-2] + 2 * x[:, 1:-1] + x[:, 2:]) / 4
    return (x[:, :, :-2] + 2 * x[:, :, 1:-1] + x[:, :, 2:]) / 4


def phase_kernels(kernel: Tensor) -> Tensor:
    """Return the four 2 x 2 kernels, (2, 2, in, 4 out), of a 3 x 3 kernel after doubling both sides.

    Positions repeated twice see only two different neighbours in each direction: the weights of those that
    are the same add up. `interleave` puts the results in their places.
    """
    sums = np.array([[[1, 0, 0], [0, 1, 1]], [[1, 1, 0], [0, 0, 1]]], np.float32)
    found = ops.einsum("par,qbs,rsio->abipqo", sums, sums, kernel)
    return ops.reshape(found, (2, 2, kernel.shape[2], -1))


def interleave(x: Tensor) -> Tensor:
    """Return (batch, 2 h, 2 w, c) from what four `phase_kernels` found, (batch, h + 1, w + 1, 4 c)."""
    height, width, channels = x.shape[1] - 1, x.shape[2] - 1, x.shape[3] // 4
    rows = []
    for down in (0, 1):
        pair = [
            x[:, down : down + height, right : right + width, first * channels : (first + 1) * channels]
            for right, first in ((0, 2 * down), (1, 2 * down + 1))
        ]
        rows.append(ops.reshape(ops.stack(pair, axis=3), (-1, height, 2 * width, channels)))
    return ops.reshape(ops.stack(rows, axis=2), (-1, 2 * height, 2 * width, channels))
