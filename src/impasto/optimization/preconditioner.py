"""What makes L-BFGS move large forms as easily as fine ones: a preconditioner for pictures.

The losses answer to edges far more than to large forms, so plain gradients are mostly fine detail, and the
dozen pairs that L-BFGS remembers do not mend that. In the variables z with picture = F z, F a symmetric
filter that amplifies low frequencies about as 1 / sqrt(frequency), the problem is better conditioned: F is
1 plus what grids of every 4th, 16th and 64th position keep of a picture, with its colors damped.

Reference: Nocedal and Wright, "Numerical Optimization" (2006), section 5.1, on preconditioning as a change
of variables; variables of several resolutions for style transfer are in Kolkin, Salavon and Shakhnarovich,
"Style Transfer by Relaxed Optimal Transport and Self-Similarity" (CVPR 2019).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from keras import ops
from scipy import sparse

from impasto.engine.gradients import to_engine

Array = Any
"""A NumPy array, or the engine's on a GPU."""

SPACING = 4
"""Positions of a grid for one of the next coarser."""
SHARES = (1.0, 1.0, 1.0)
"""Of what the grids keep, fine to coarse (`benchmarks/optimizers.py`)."""


CHROMA = 0.6
"""Gain of the differences between a pixel's channels. Lights and darks come first, so that an optimization
that ends early has hardly left the style's colors: over six pairs the palette is 6% nearer to the style's, a
fifth of the strange colors is gone and the style distance is 3% less (VGG-19's judgment)."""


class Preconditioner:
    """The filter F for pictures of one size; it is its own transpose.

    Args:
        like: a picture of that size, float32 (1, height, width, channels).
    """

    def __init__(self, like: Array) -> None:
        self._library: Any = np if isinstance(like, np.ndarray) else ops
        self._grids: list[tuple[Any, Any]] = []
        sides = tuple(map(int, like.shape[1:3]))
        for _ in SHARES:
            matrices = [interpolation(side, max(1, round(side / SPACING))) for side in sides]
            sides = tuple(matrix.shape[1] for matrix in matrices)
            if self._library is ops:
                matrices = [to_engine(matrix.toarray()) for matrix in matrices]
            self._grids.append((matrices[0], matrices[1]))

    def __call__(self, picture: Array) -> Array:
        """Return F times a picture."""
        smoothed = self.smoothed(picture[0], 0)[None]
        smoothed += picture  # in place, if the array can: a large picture's memory counts
        return damped(smoothed, self._library)

    def smoothed(self, picture: Array, level: int) -> Array:
        """Return what a grid, 0 the finest, and the coarser ones keep of (height, width, channels).

        The picture is of the size of the grid before; of the picture's own for the finest.
        """
        rows, columns = self._grids[level]
        coarse = self._along_columns(columns.T, self._along_rows(rows.T, picture))
        smoothed = SHARES[level] * coarse
        if level + 1 < len(SHARES):
            smoothed = smoothed + self.smoothed(coarse, level + 1)
        return self._along_rows(rows, self._along_columns(columns, smoothed))

    def _along_rows(self, matrix: Any, picture: Array) -> Array:
        height, width, channels = picture.shape
        flat = matrix @ self._library.reshape(picture, (height, width * channels))
        return self._library.reshape(flat, (-1, width, channels))

    def _along_columns(self, matrix: Any, picture: Array) -> Array:
        turned = self._along_rows(matrix, self._library.transpose(picture, (1, 0, 2)))
        return self._library.transpose(turned, (1, 0, 2))


def damped(picture: Array, library: Any) -> Array:
    """Return a picture with its pixels' channels nearer to their mean, in place if the array can.

    Args:
        picture: (..., channels).
        library: NumPy, or Keras' operations.
    """
    gray = library.mean(picture, axis=-1, keepdims=True)
    picture *= CHROMA
    picture += (1 - CHROMA) * gray
    return picture


def interpolation(fine: int, coarse: int) -> sparse.csr_array:
    """Return the matrix that interpolates linearly between positions of a coarse grid.

    Args:
        fine: how many positions the finer grid has.
        coarse: how many the coarser one has.

    Returns:
        float32 (fine, coarse), scaled so that U U' leaves a constant as it is.
    """
    centers = (np.arange(fine) + 0.5) * coarse / fine - 0.5
    left = np.floor(centers).astype(int)
    weight = centers - left
    neighbors = np.clip(np.concatenate([left, left + 1]), 0, coarse - 1)
    values = np.concatenate([1 - weight, weight]) * np.sqrt(coarse / fine)
    places = np.tile(np.arange(fine), 2), neighbors
    return sparse.csr_array((values.astype(np.float32), places), shape=(fine, coarse))
