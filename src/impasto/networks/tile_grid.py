"""How a large picture is cut into overlapping tiles whose features are exactly the picture's own.

A tile is a core and its surroundings. The surroundings are at least as wide as the network's receptive
field reaches, so that every feature of the core is computed from the same pixels as in the whole picture;
tiles start on the pooling grid, so that pooling groups the same positions; and a core that touches the
picture's border lies at the tile's border, so that the network pads where it would pad the picture.
All tiles of a grid have one shape: a compiled function serves them all.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from impasto.errors import EngineError
from impasto.layers import STRIDE, reach

Array = NDArray[np.float32]

ALIGNMENT = STRIDE
"""Tiles and cores start at its multiples, on the grid of the deepest pooling."""
FORWARD_SHARE = 1.4
"""Side of the tiles of a pass that goes forward only, over that of one that goes back, too."""


@dataclass(frozen=True, kw_only=True)
class Span:
    """One axis of a tile, in pixels of the picture: where it starts and ends, and its core."""

    start: int
    end: int
    core_start: int
    core_end: int

    def at(self, level: int, layer_size: int, last: bool) -> slice:
        """Return the core's positions in the tile's layer after `level` poolings."""
        stride = 2**level
        first = (self.core_start - self.start) // stride
        return slice(first, layer_size if last else (self.core_end - self.start) // stride)


@dataclass(frozen=True, kw_only=True)
class Tile:
    """A part of a picture: its rows and columns; `picture` is the whole's (height, width)."""

    rows: Span
    columns: Span
    picture: tuple[int, int]

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width) with surroundings."""
        return self.rows.end - self.rows.start, self.columns.end - self.columns.start

    def cut(self, picture: Array) -> Array:
        """Return the tile of a picture (height, width, ...), a view."""
        return picture[self.rows.start : self.rows.end, self.columns.start : self.columns.end]

    def cut_layer(self, layer: NDArray[Any], level: int, shape: tuple[int, int]) -> NDArray[Any]:
        """Return the tile of a layer's map (..., h, w) after `level` poolings; shape is the tile's there."""
        return layer[..., *self._place(level, shape)]

    def cut_features(self, layer: NDArray[Any], level: int, shape: tuple[int, int]) -> NDArray[Any]:
        """Return the tile of a layer's features (h, w, channels) after `level` poolings, a view."""
        return layer[self._place(level, shape)]

    def core(self, level: int, shape: tuple[int, int]) -> Array:
        """Return 1 in the core and 0 around it, float32 of the tile's shape after `level` poolings."""
        mask = np.zeros(shape, np.float32)
        mask[self._core(level, shape)] = 1
        return mask

    def paste(self, computed: NDArray[Any], layer: NDArray[Any], level: int) -> None:
        """Put the core of the tile's map (h, w, ...) after `level` poolings into the picture's."""
        inside = self.cut_features(layer, level, computed.shape[:2])
        self.core_of(inside, level)[:] = self.core_of(computed, level)

    def core_of(self, values: NDArray[Any], level: int) -> NDArray[Any]:
        """Return the core of the tile's map (h, w, ...) after `level` poolings, a view."""
        return values[self._core(level, values.shape[:2])]

    def _place(self, level: int, shape: tuple[int, int]) -> tuple[slice, slice]:
        """Return where a tile of that shape after `level` poolings lies in the picture's layer."""
        top, left = self.rows.start >> level, self.columns.start >> level
        return slice(top, top + shape[0]), slice(left, left + shape[1])

    def _core(self, level: int, shape: tuple[int, int]) -> tuple[slice, slice]:
        rows = self.rows.at(level, shape[0], self.rows.core_end == self.picture[0])
        return rows, self.columns.at(level, shape[1], self.columns.core_end == self.picture[1])


def tile_grid(
    shape: tuple[int, int],
    side: int,
    layers: Iterable[str],
    further: int = 0,
    blocks: tuple[int, int] = (1, 1),
) -> list[Tile]:
    """Return the tiles that cover a picture, all of one shape with sides of at most about `side`.

    Args:
        shape: (height, width) of the picture.
        side: longest side of a tile in pixels, surroundings included.
        layers: the layers that are looked at; the deepest decides the surroundings.
        further: pixels by which the surroundings must be wider, a multiple of 16.
        blocks: what the numbers of tiles down and across must be multiples of.

    Raises:
        EngineError: the side is too small for the surroundings, or the picture for so many tiles.
    """
    halo = reach(layers) + further
    rows, columns = (
        _spans(length, side, halo, multiple) for length, multiple in zip(shape, blocks, strict=True)
    )
    return [Tile(rows=r, columns=c, picture=shape) for r in rows for c in columns]


def even_grid(
    shape: tuple[int, int], side: int, layers: Iterable[str], further: int = 0
) -> tuple[list[Tile], tuple[int, int]]:
    """Return `tile_grid` with cores of one shape, row by row, and that shape, multiples of `ALIGNMENT`.

    Only the cores at the lower and right border are smaller. A file can be written in such cores.
    """
    halo = reach(layers) + further
    (rows, height), (columns, width) = (_even_spans(length, side, halo) for length in shape)
    return [Tile(rows=r, columns=c, picture=shape) for r in rows for c in columns], (height, width)


def forward_grid(shape: tuple[int, int], side: int, layers: Iterable[str]) -> list[Tile]:
    """Return the tiles for a pass that goes forward only, which takes less memory per pixel: larger ones."""
    return tile_grid(shape, round(FORWARD_SHARE * side), layers)


def smallest_side(layers: Iterable[str]) -> int:
    """Return the least side of a tile that has a core."""
    return 2 * reach(layers) + 2 * ALIGNMENT


def _spans(length: int, side: int, halo: int, multiple: int = 1) -> list[Span]:
    """Return the fewest spans of one size that cover an axis, in whole positions of the pooling grid.

    Their number is a multiple of the one given.

    All but the last end within a position if the axis does; that position is not their own.
    """
    if length <= side and multiple == 1:
        return [Span(start=0, end=length, core_start=0, core_end=length)]
    positions, ragged = -(-length // ALIGNMENT), int(length % ALIGNMENT > 0)
    overlap = 2 * halo // ALIGNMENT + ragged
    missing = positions * ALIGNMENT - length
    if side + missing < (overlap + 1) * ALIGNMENT:
        raise EngineError(
            "tiles must be at least {least} px wide, not {side}",
            least=(overlap + 1) * ALIGNMENT - missing,
            side=side,
        )
    count, size = 1, positions
    while size * ALIGNMENT - missing > side or count % multiple:
        count += 1
        size = -(-(positions + (count - 1) * overlap) // count)
    if positions - size < count - 1:
        raise EngineError("{length} px are too few for {count} tiles", length=length, count=count)
    starts = [i * (positions - size) // (count - 1) for i in range(count)]
    cuts = [0, *(start + halo // ALIGNMENT for start in starts[1:]), positions]
    return [
        Span(
            start=start * ALIGNMENT,
            end=(start + size) * ALIGNMENT - missing,
            core_start=cuts[i] * ALIGNMENT,
            core_end=min(cuts[i + 1] * ALIGNMENT, length),
        )
        for i, start in enumerate(starts)
    ]


def _even_spans(length: int, side: int, halo: int) -> tuple[list[Span], int]:
    """Return the spans of an axis whose cores, but for the last one, have one length, and that length."""
    whole = -(-length // ALIGNMENT) * ALIGNMENT
    if length <= side:
        return [Span(start=0, end=length, core_start=0, core_end=length)], whole
    around = 2 * halo + (ALIGNMENT if whole > length else 0)
    most = (side + whole - length - around) // ALIGNMENT * ALIGNMENT
    if most < ALIGNMENT:
        raise EngineError(
            "tiles must be at least {least} px wide, not {side}", least=around + ALIGNMENT, side=side
        )
    core = -(-length // -(-length // most) // ALIGNMENT) * ALIGNMENT
    size = min(core + around, whole)
    starts = [min(max(0, first - halo), whole - size) for first in range(0, length, core)]
    return [
        Span(
            start=start,
            end=start + size - (whole - length),
            core_start=core * index,
            core_end=min(core * (index + 1), length),
        )
        for index, start in enumerate(starts)
    ], core
