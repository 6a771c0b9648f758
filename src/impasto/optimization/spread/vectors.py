"""Vectors that lie in parts with a team's workers, for optimizers that think they are whole.

An optimizer holds names of vectors and says what is to be done with them; only their dot products come to
it, a few numbers from each worker.
"""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from impasto.errors import EngineError
from impasto.optimization.spread.part_worker import FLAT, Key
from impasto.optimization.spread.partition import Partition
from impasto.optimization.spread.team import Team

Array = NDArray[np.float32]


class SpreadArray:
    """A picture (1, height, width, 3), or rows of them, whose parts lie with workers.

    Attributes:
        vectors: the operations for such arrays.
        key: its name there.
        shape: of the whole.
    """

    __array_ufunc__ = None

    def __init__(self, vectors: SpreadVectors, key: Key, shape: tuple[int, ...]) -> None:
        self.vectors, self.key, self.shape = vectors, key, shape

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        """Return the whole, brought together."""
        return np.asarray(self.vectors.brought(self), dtype)

    def __getitem__(self, places: Any) -> Array:
        """Return every so many rows and columns of a picture: [:, ::rows, ::columns]."""
        return self.vectors.sampled(self, (places[1].step or 1, places[2].step or 1))

    def __add__(self, other: Any) -> SpreadArray:
        return self.vectors.computed("add", self, other)

    def __sub__(self, other: Any) -> SpreadArray:
        return self.vectors.computed("sub", self, other)

    def __mul__(self, other: Any) -> SpreadArray:
        return self.vectors.computed("mul", self, other)

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> SpreadArray:
        return self.vectors.computed("truediv", self, other)

    def __pow__(self, other: Any) -> SpreadArray:
        return self.vectors.computed("pow", self, other)

    def __iadd__(self, other: Any) -> SpreadArray:
        return self.vectors.changed("iadd", self, other)

    def __isub__(self, other: Any) -> SpreadArray:
        return self.vectors.changed("isub", self, other)

    def __imul__(self, other: Any) -> SpreadArray:
        return self.vectors.changed("imul", self, other)


class SpreadVectors:
    """The optimizers' operations (`engine/vectors.py`) for vectors in parts.

    Args:
        team: the workers.
        partition: who has what.
    """

    def __init__(self, team: Team, partition: Partition) -> None:
        self.team, self.partition, self._begun = team, partition, team.begun + 1

    def rows(self, count: int, size: int) -> SpreadArray:
        """Return a matrix of zeros, (count, size)."""
        matrix = self.new((count, size))
        self.team.order("rows", matrix.key, count)
        return matrix

    def put(self, matrix: SpreadArray, row: int, vector: SpreadArray) -> SpreadArray:
        """Return the matrix with a row replaced, in place."""
        self._tell(None, "put", (matrix, row, vector))
        return matrix

    def row(self, matrix: SpreadArray, row: int, shape: tuple[int, ...]) -> SpreadArray:
        """Return a row in a shape; it shares the matrix' memory."""
        return self._filled(self.new(shape), "row", (matrix, row, FLAT))

    def moved(self, point: SpreadArray, matrix: SpreadArray, row: int, length: float) -> SpreadArray:
        """Return point + length x row, a new array."""
        return self._filled(self.new(point.shape), "moved", (point, matrix, row, length))

    def pair(
        self, steps: SpreadArray, differences: SpreadArray, row: int, length: float, gradient: SpreadArray
    ) -> tuple[SpreadArray, SpreadArray]:
        """Turn a row of direction and gradient into the step and the gradient's difference, in place."""
        self._tell(None, "pair", (steps, differences, row, length, gradient))
        return steps, differences

    def dots(self, matrix: SpreadArray, vector: SpreadArray) -> NDArray[np.float64]:
        """Return each row's dot product with a vector."""
        total: NDArray[np.float64] = sum(answer[0] for answer in self._dots([(matrix, vector)]))
        return total

    def dot(self, one: SpreadArray, other: SpreadArray) -> float:
        """Return the dot product of two arrays of one shape."""
        return float(sum(answer[0] for answer in self._dots([(one, other)])))

    def combine(
        self, weights: NDArray[np.float64], matrix: SpreadArray, shape: tuple[int, ...]
    ) -> SpreadArray:
        """Return the weighted sum of the rows, in a shape."""
        return self._filled(self.new(shape), "combine", (weights, matrix, FLAT))

    def placed(self, array: Array) -> SpreadArray:
        """Return an array that is whole here, a picture or rows of them, as one in parts.

        Rows travel one by one: all of them would be many pictures at once.
        """
        if array.ndim != 2:
            placed = self.new(tuple(array.shape))
            self._place(placed, array[0], None)
            return placed
        placed = self.rows(*array.shape)
        for row, values in enumerate(array):
            self._place(placed, values.reshape(*self.partition.shape, 3), row)
        return placed

    def brought(self, array: SpreadArray) -> Array:
        """Return an array in parts as one that is whole here."""
        if len(array.shape) != 2:
            return self._bring(array, None)[None]
        whole = np.empty(array.shape, np.float32)
        for row in range(len(whole)):
            whole[row] = self._bring(array, row).ravel()
        return whole

    def _place(self, out: SpreadArray, picture: Array, row: int | None) -> None:
        parts = (np.ascontiguousarray(part.own.of(picture)) for part in self.partition.parts)
        self.team.order_each("receive", [(out.key, part, row) for part in parts])
        self.team.settle()

    def _bring(self, array: SpreadArray, row: int | None) -> Array:
        if self.team.begun != self._begun:
            raise EngineError("a step's picture must be asked for before the next size begins")
        whole = np.empty((*self.partition.shape, 3), np.float32)
        answers = self.team.ask("get", array.key, row)
        for part, values in zip(self.partition.parts, answers, strict=True):
            part.own.of(whole)[:] = values
        return whole

    def sampled(self, array: SpreadArray, steps: tuple[int, int]) -> Array:
        """Return every so many rows and columns of a picture, (1, rows, columns, 3)."""
        height, width = (-(-side // step) for side, step in zip(self.partition.shape, steps, strict=True))
        whole = np.empty((height, width, 3), np.float32)
        answers = self.team.ask("sample", array.key, steps)
        for part, values in zip(self.partition.parts, answers, strict=True):
            top, left = -(-part.own.top // steps[0]), -(-part.own.left // steps[1])
            whole[top : top + values.shape[0], left : left + values.shape[1]] = values
        return whole[None]

    def computed(self, function: str, one: SpreadArray, other: Any) -> SpreadArray:
        """Return a new array: a function of an array and another one or a number."""
        return self._filled(self.new(one.shape), function, (one, other))

    def changed(self, function: str, one: SpreadArray, other: Any) -> SpreadArray:
        """Return an array that has been changed in place by another one or a number."""
        self._tell(None, function, (one, other))
        return one

    def new(self, shape: tuple[int, ...]) -> SpreadArray:
        """Return the name of an array that is to be; the workers forget it when nobody has it any more."""
        array = SpreadArray(self, self.team.new_key(), tuple(shape))
        weakref.finalize(array, self.team.order, "drop", array.key).atexit = False
        return array

    def _filled(self, out: SpreadArray, function: str, arguments: Sequence[Any]) -> SpreadArray:
        self._tell(out.key, function, arguments)
        return out

    def _tell(self, out: Key | None, function: str, arguments: Sequence[Any]) -> None:
        keys = [a.key if isinstance(a, SpreadArray) else a for a in arguments]
        self.team.order("apply", out, function, keys)

    def _dots(self, pairs: Sequence[tuple[SpreadArray, SpreadArray]]) -> list[Any]:
        return self.team.ask("dots", [(one.key, other.key) for one, other in pairs])
