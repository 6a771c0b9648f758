"""Who has which part of a picture: its rectangle of pixels, its tiles, and what it reaches into.

A picture is cut into a grid of parts, one a worker. A part owns the cores of its tiles, and with them their
pixels of every vector that the optimizer keeps. Its ground is what its tiles reach, their surroundings
included: the pixels around its own are its neighbors', which send them before each evaluation and are sent
the gradient that they got.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from numpy.typing import NDArray

from impasto.errors import EngineError
from impasto.layers import STRIDE
from impasto.networks.tile_grid import FORWARD_SHARE, Span, Tile, tile_grid


@dataclass(frozen=True)
class Rectangle:
    """A rectangle of pixels: its first row and column, and those after its last ones."""

    top: int
    left: int
    bottom: int
    right: int

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width)."""
        return self.bottom - self.top, self.right - self.left

    def of(self, picture: NDArray[Any], ground: Rectangle | None = None) -> NDArray[Any]:
        """Return this rectangle of a picture (height, width, ...), or of a ground of one; a view."""
        top, left = (ground.top, ground.left) if ground else (0, 0)
        return picture[self.top - top : self.bottom - top, self.left - left : self.right - left]

    def meet(self, other: Rectangle) -> Rectangle | None:
        """Return what both have, or None."""
        met = Rectangle(
            max(self.top, other.top),
            max(self.left, other.left),
            min(self.bottom, other.bottom),
            min(self.right, other.right),
        )
        return met if min(met.shape) > 0 else None


@dataclass(frozen=True, kw_only=True)
class Part:
    """One worker's part of a picture.

    Attributes:
        own: the pixels whose vectors it keeps.
        ground: those and what its tiles reach.
        tiles: of which it computes the gradient, as parts of its ground.
        looks: which it measures, in the same way.
        picture: (height, width) of the whole.
    """

    own: Rectangle
    ground: Rectangle
    tiles: tuple[Tile, ...]
    looks: tuple[Tile, ...]
    picture: tuple[int, int]

    @property
    def work(self) -> float:
        """Pixels that an iteration goes through, forward and back; looks go forward only."""
        return _pixels(self.tiles) + (0.0 if self.once else _pixels(self.looks) / 2)

    @property
    def bare(self) -> Part:
        """Its rectangles, as its neighbors know it."""
        return replace(self, tiles=(), looks=())

    @property
    def once(self) -> bool:
        """Whether one tile is all of it, which is then measured and differentiated in one go."""
        return len(self.tiles) == 1 and self.tiles == self.looks


@dataclass(frozen=True, kw_only=True)
class Partition:
    """A picture's parts.

    Attributes:
        shape: (height, width) of the picture.
        side: longest side of a tile that was asked for.
        parts: one for each worker that has one.
        neighbors: of each part, the numbers of those that reach into it or into which it reaches.
    """

    shape: tuple[int, int]
    side: int
    parts: tuple[Part, ...]
    neighbors: tuple[tuple[int, ...], ...]

    @classmethod
    def of(cls, shape: tuple[int, int], side: int, layers: Iterable[str], workers: int) -> Partition:
        """Return the parts that leave each worker the least work; fewer than workers if more do not help.

        Args:
            shape: (height, width) of the picture.
            side: longest side of a tile in pixels, surroundings included.
            layers: the layers that are looked at.
            workers: how many there are.

        Raises:
            EngineError: the side is too small for the surroundings.
        """
        layers = tuple(layers)
        tiles, looks = (
            [_axis(length, longest, layers, workers) for length in shape]
            for longest in (side, round(FORWARD_SHARE * side))
        )
        grids = [
            (rows, columns)
            for rows in tiles[0]
            for columns in tiles[1]
            if rows * columns <= workers and rows in looks[0] and columns in looks[1]
        ]

        def work(grid: tuple[int, int]) -> tuple[float, int]:
            """Return what each worker has to do in a grid, and how many workers that takes."""
            both, forward = (
                math.prod(
                    axis[count][0] * axis[count][1] / count for axis, count in zip(some, grid, strict=True)
                )
                for some in (tiles, looks)
            )
            once = all(axis[count][0] == count for axis, count in zip(tiles, grid, strict=True))
            return both + (0 if once else forward / 2), math.prod(grid)

        best = min(grids, key=work) if grids else (1, 1)
        parts = _parts(shape, side, layers, best)
        neighbors = tuple(_neighbors(part, parts) for part in parts)
        return cls(shape=shape, side=side, parts=parts, neighbors=neighbors)


def _axis(length: int, side: int, layers: Sequence[str], workers: int) -> dict[int, tuple[int, int]]:
    """Return for each number of parts of an axis how many tiles it takes and how long they are."""
    lengths = {}
    for count in range(1, workers + 1):
        try:
            tiles = tile_grid((length, STRIDE), max(side, STRIDE), layers, blocks=(count, 1))
        except EngineError:
            if count == 1:
                raise
            break
        lengths[count] = len(tiles), tiles[0].shape[0]
    return lengths


def _parts(
    shape: tuple[int, int], side: int, layers: Sequence[str], grid: tuple[int, int]
) -> tuple[Part, ...]:
    """Return the parts of a grid of (rows, columns), the same number of tiles in each."""
    tiles = tile_grid(shape, side, layers, blocks=grid)
    looks = tile_grid(shape, round(FORWARD_SHARE * side), layers, blocks=grid)
    if len(tiles) == math.prod(grid):
        looks = tiles
    return tuple(
        _part(_block(tiles, grid, place), _block(looks, grid, place), shape)
        for place in ((row, column) for row in range(grid[0]) for column in range(grid[1]))
    )


def _block(tiles: Sequence[Tile], grid: tuple[int, int], place: tuple[int, int]) -> list[Tile]:
    """Return the tiles of one cell of a grid, the same number in each."""
    mine = []
    axes = {tile.rows for tile in tiles}, {tile.columns for tile in tiles}
    for spans, count, index in zip(axes, grid, place, strict=True):
        length, ordered = len(spans) // count, sorted(spans, key=lambda span: span.start)
        mine.append(set(ordered[index * length : (index + 1) * length]))
    return [tile for tile in tiles if tile.rows in mine[0] and tile.columns in mine[1]]


def _part(tiles: Sequence[Tile], looks: Sequence[Tile], picture: tuple[int, int]) -> Part:
    own = Rectangle(
        min(tile.rows.core_start for tile in tiles),
        min(tile.columns.core_start for tile in tiles),
        max(tile.rows.core_end for tile in tiles),
        max(tile.columns.core_end for tile in tiles),
    )
    reached = (*tiles, *looks)
    ground = Rectangle(
        min(tile.rows.start for tile in reached),
        min(tile.columns.start for tile in reached),
        max(own.bottom, *(tile.rows.end for tile in reached)),
        max(own.right, *(tile.columns.end for tile in reached)),
    )
    moved = [tuple(_moved(tile, ground) for tile in some) for some in (tiles, looks)]
    return Part(own=own, ground=ground, tiles=moved[0], looks=moved[1], picture=picture)


def _moved(tile: Tile, ground: Rectangle) -> Tile:
    """Return a tile of a picture as one of the ground; where the picture ends, so does it."""
    return Tile(
        rows=_shifted(tile.rows, ground.top),
        columns=_shifted(tile.columns, ground.left),
        picture=(tile.picture[0] - ground.top, tile.picture[1] - ground.left),
    )


def _shifted(span: Span, by: int) -> Span:
    return Span(
        start=span.start - by,
        end=span.end - by,
        core_start=span.core_start - by,
        core_end=span.core_end - by,
    )


def _neighbors(part: Part, parts: Sequence[Part]) -> tuple[int, ...]:
    return tuple(
        number
        for number, other in enumerate(parts)
        if other is not part and (part.own.meet(other.ground) or other.own.meet(part.ground))
    )


def _pixels(tiles: Sequence[Tile]) -> float:
    return float(sum(math.prod(tile.shape) for tile in tiles))
