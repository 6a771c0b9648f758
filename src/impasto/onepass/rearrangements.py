"""Positions as pixels, and doubling a picture's sides, for the one-pass network.

Heights and widths may be unknown while a graph is made (None), as in graphs that are exported.

Reference: Shi et al., "Real-Time Single Image and Video Super-Resolution Using an Efficient Sub-Pixel
Convolutional Neural Network" (CVPR 2016), section 2.2.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from keras import ops

from impasto.engine.convolution import pad_by_repetition

Tensor = Any


def depth_to_space(x: Tensor) -> Tensor:
    """Return (batch, 2 h, 2 w, c / 4): each position as 2 x 2 pixels."""
    _, height, width, channels = ops.shape(x)
    x = ops.reshape(x, (-1, height, width, 2, channels // 2))
    return ops.reshape(ops.transpose(x, (0, 1, 3, 2, 4)), (-1, 2 * height, 2 * width, channels // 4))


def fit_to(x: Tensor, like: Tensor) -> Tensor:
    """Return x with its last row and column repeated where pooling had dropped an odd one.

    Where sides are unknown it is decided while the graph runs: nothing is copied for a picture that fits.
    """
    height, width = ops.shape(like)[1:3]

    def padded() -> Tensor:
        return ops.pad(x, ((0, 0), (0, 1), (0, 1), (0, 0)), mode="symmetric")[:, :height, :width]

    if None not in like.shape:
        return x if x.shape[1:3] == like.shape[1:3] else padded()
    rows, columns = ops.shape(x)[1:3]
    fits = ops.logical_and(ops.equal(rows, height), ops.equal(columns, width))
    return ops.cond(fits, lambda: x, padded)


def smoothed_pixels(quarters: Tensor) -> Tensor:
    """Return pixels (batch, 2 h, 2 w, c / 4) of positions (batch, h, w, c), smoothed by 1-2-1 both ways.

    It takes away nothing but what repeats every two pixels (coarser detail can be made stronger before it):
    the grid that `depth_to_space` would leave otherwise. Pixels are smoothed before they are put in their
    places, where they are fewer positions: of a position's two pixels in each direction the first is
    (l + 2 a + b) / 4, l the last of the position before, and the second (a + 2 b + r) / 4.
    """
    taps = np.array([[[0, 0], [1, 0]], [[2, 1], [1, 2]], [[0, 1], [0, 0]]], np.float32) / 4
    channels = quarters.shape[-1] // 4
    kernel = np.einsum("apr,bqs,ij->abpqirsj", taps, taps, np.eye(channels, dtype=np.float32))
    kernel = ops.cast(kernel.reshape(3, 3, 4 * channels, 4 * channels), quarters.dtype)
    x = ops.conv(pad_by_repetition(quarters), kernel, 1, "valid", data_format="channels_last")
    return depth_to_space(x)


def phase_kernels(kernel: Tensor) -> Tensor:
    """Return the four 2 x 2 kernels, (2, 2, in, 4 out), of a 3 x 3 kernel after doubling both sides.

    Positions repeated twice see only two different neighbors in each direction: the weights of those that
    are the same add up. `interleave` puts the results in their places.
    """
    sums = np.array([[[1, 1, 0], [0, 0, 1]], [[1, 0, 0], [0, 1, 1]]], np.float32)
    kernels = ops.einsum("par,qbs,rsio->abipqo", sums, sums, kernel)
    return ops.reshape(kernels, (2, 2, kernel.shape[2], -1))


def interleave(x: Tensor) -> Tensor:
    """Return (batch, 2 h, 2 w, c) from what four `phase_kernels` found, (batch, h + 1, w + 1, 4 c).

    Between each two neighbors lie the second half of the one before and the first half of the other.
    """
    return depth_to_space(x)[:, 1:-1, 1:-1]
