"""The preconditioner's filter of a picture whose parts lie with several workers; exact.

The filter is 1 plus what grids of every 4th, 16th and 64th position keep (`preconditioner.py`), and all of it
is linear. So each worker reduces its own pixels to the finest grid and those to the next; neighbors exchange
the few positions of the finest grid on which both have fallen; and only the second grid, a 256th of the
picture, is added up in one place, which returns to each worker its rectangle of what it and the coarser ones
keep.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from impasto.optimization.preconditioner import SHARES, SPACING, Preconditioner, damped, interpolation
from impasto.optimization.spread.partition import Part, Rectangle

Array = NDArray[np.float32]


def grid_matrices(shape: tuple[int, int]) -> list[tuple[Any, Any]]:
    """Return the first two grids' interpolations along rows and columns, sparse (fine, coarse)."""
    matrices, sides = [], shape
    for _ in range(2):
        rows, columns = (interpolation(side, max(1, round(side / SPACING))) for side in sides)
        matrices.append((rows, columns))
        sides = rows.shape[1], columns.shape[1]
    return matrices


class PartFilter:
    """One part's share of the filter.

    Args:
        part: the part.
        neighbors: its neighbors, by number.
    """

    def __init__(self, part: Part, neighbors: Mapping[int, Part]) -> None:
        grids, own = grid_matrices(part.picture), part.own
        self._fine = touched(grids[0], own)
        self._rows, self._columns = _between(grids[0], own, self._fine)
        self._coarse = touched(grids[1], self._fine)
        self._coarse_rows, self._coarse_columns = _between(grids[1], self._fine, self._coarse)
        self._met = {n: self._fine.meet(touched(grids[0], other.own)) for n, other in neighbors.items()}
        self._reduced = np.zeros(0, np.float32)

    def reduce(self, own: Array) -> dict[int, Array]:
        """Reduce a picture's part (height, width, 3); return by neighbor what falls on its positions, too."""
        self._reduced = _along(self._rows.T, self._columns.T, own)
        return {n: np.array(met.of(self._reduced, self._fine)) for n, met in self._met.items() if met}

    def coarse(self) -> tuple[Rectangle, Array]:
        """Return what of it falls on the second grid: where, and what."""
        return self._coarse, _along(self._coarse_rows.T, self._coarse_columns.T, self._reduced)

    def enlarge(self, own: Array, coarse: Array, mail: Mapping[int, Any]) -> Array:
        """Return the filtered part.

        Args:
            own: what was reduced.
            coarse: of the second grid's rectangle, what it and the coarser grids keep of the whole picture.
            mail: what the neighbors' `reduce` returned for this part.
        """
        reduced = self._reduced
        for number, met in self._met.items():
            if met:
                met.of(reduced, self._fine)[:] += mail[number]
        smoothed = SHARES[0] * reduced + _along(self._coarse_rows, self._coarse_columns, coarse)
        filtered = _along(self._rows, self._columns, smoothed)
        filtered += own
        self._reduced = reduced[:0]
        result: Array = damped(filtered, np)
        return result


class WholeFilter:
    """What is added up in one place: the second grid and the coarser ones.

    Args:
        shape: (height, width) of the picture.
    """

    def __init__(self, shape: tuple[int, int]) -> None:
        _, second = grid_matrices(shape)
        self._shape = second[0].shape[1], second[1].shape[1], 3
        self._whole = Preconditioner(np.broadcast_to(np.float32(0), (1, *shape, 3)))

    def keep(self, parts: list[tuple[Rectangle, Array]]) -> list[Array]:
        """Return for each part its rectangle of what the second grid and the coarser ones keep."""
        total = np.zeros(self._shape, np.float32)
        for rectangle, values in parts:
            rectangle.of(total)[:] += values
        smoothed = SHARES[1] * total + self._whole.smoothed(total, 2)
        return [np.ascontiguousarray(rectangle.of(smoothed)) for rectangle, _ in parts]


def touched(grid: tuple[Any, Any], rectangle: Rectangle) -> Rectangle:
    """Return the coarse positions on which a rectangle of fine ones falls."""
    (top, bottom), (left, right) = (
        _range(matrix, *span)
        for matrix, span in zip(
            grid, ((rectangle.top, rectangle.bottom), (rectangle.left, rectangle.right)), strict=True
        )
    )
    return Rectangle(top, left, bottom, right)


def _range(matrix: Any, start: int, end: int) -> tuple[int, int]:
    columns = matrix[start:end].indices
    return int(columns.min()), int(columns.max()) + 1


def _between(grid: tuple[Any, Any], fine: Rectangle, coarse: Rectangle) -> tuple[Any, Any]:
    """Return the grid's interpolations along rows and columns between two rectangles."""
    rows, columns = grid
    return (
        rows[fine.top : fine.bottom, coarse.top : coarse.bottom],
        columns[fine.left : fine.right, coarse.left : coarse.right],
    )


def _along(rows: Any, columns: Any, picture: Array) -> Array:
    """Return a picture (height, width, channels) with a matrix along its rows and one along its columns."""
    height, width, channels = picture.shape
    across = (rows @ picture.reshape(height, -1)).reshape(-1, width, channels)
    down = columns @ np.ascontiguousarray(across.transpose(1, 0, 2)).reshape(width, -1)
    result: Array = np.ascontiguousarray(down.reshape(-1, rows.shape[0], channels).transpose(1, 0, 2))
    return result
