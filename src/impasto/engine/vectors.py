"""Long vectors for the optimizers: NumPy's on a processor, the engine's own on a GPU."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray


class HostVectors:
    """Vectors as NumPy arrays: on a processor they share the engine's memory."""

    @staticmethod
    def rows(count: int, size: int) -> Any:
        """Return a matrix of zeros, (count, size)."""
        return np.zeros((count, size), np.float32)

    @staticmethod
    def placed(array: NDArray[np.float32]) -> Any:
        """Return an array of the host as one of these."""
        return np.ascontiguousarray(array)

    @staticmethod
    def put(matrix: Any, row: int, vector: Any) -> Any:
        """Return the matrix with a row replaced, in place if possible."""
        matrix[row] = vector.ravel()
        return matrix

    @staticmethod
    def row(matrix: Any, row: int, shape: tuple[int, ...]) -> Any:
        """Return a row in a shape; it shares the matrix' memory."""
        return matrix[row].reshape(shape)

    @staticmethod
    def moved(point: Any, matrix: Any, row: int, length: float) -> Any:
        """Return point + length x row, a new array."""
        moved = matrix[row].reshape(point.shape) * np.float32(length)
        moved += point
        return moved

    @staticmethod
    def pair(steps: Any, differences: Any, row: int, length: float, gradient: Any) -> tuple[Any, Any]:
        """Turn a row of direction and gradient into the step and the gradient's difference, in place."""
        steps[row] *= np.float32(length)
        np.subtract(gradient.ravel(), differences[row], out=differences[row])
        return steps, differences

    @staticmethod
    def dots(matrix: Any, vector: Any) -> NDArray[np.float64]:
        """Return each row's dot product with a vector, on the host."""
        return np.asarray(matrix @ vector.ravel(), np.float64)

    @staticmethod
    def combine(weights: NDArray[np.float64], matrix: Any, shape: tuple[int, ...]) -> Any:
        """Return the weighted sum of the rows, in a shape."""
        return (weights.astype(np.float32) @ matrix).reshape(shape)

    @staticmethod
    def dot(one: Any, other: Any) -> float:
        """Return the dot product of two arrays of one shape."""
        return float(np.dot(one.ravel(), other.ravel()))


class DeviceVectors:
    """Vectors as the engine's own arrays: on a GPU only a few numbers travel per iteration."""

    @staticmethod
    def rows(count: int, size: int) -> Any:
        """Return a matrix of zeros, (count, size)."""
        return ops.zeros((count, size), "float32")

    @staticmethod
    def placed(array: NDArray[np.float32]) -> Any:
        """Return an array of the host as one of these."""
        return ops.convert_to_tensor(array)

    @staticmethod
    def put(matrix: Any, row: int, vector: Any) -> Any:
        """Return the matrix with a row replaced, in place if possible: it must not be used any more."""
        return _row_replacement()(matrix, row, ops.reshape(vector, (1, -1)))

    @staticmethod
    def row(matrix: Any, row: int, shape: tuple[int, ...]) -> Any:
        """Return a row in a shape."""
        return ops.reshape(matrix[row], shape)

    @staticmethod
    def moved(point: Any, matrix: Any, row: int, length: float) -> Any:
        """Return point + length x row."""
        return point + length * ops.reshape(matrix[row], point.shape)

    @staticmethod
    def pair(steps: Any, differences: Any, row: int, length: float, gradient: Any) -> tuple[Any, Any]:
        """Turn a row of direction and gradient into the step and the gradient's difference."""
        step, difference = length * steps[row], ops.reshape(gradient, (-1,)) - differences[row]
        return DeviceVectors.put(steps, row, step), DeviceVectors.put(differences, row, difference)

    @staticmethod
    def dots(matrix: Any, vector: Any) -> NDArray[np.float64]:
        """Return each row's dot product with a vector, on the host."""
        products = ops.matmul(matrix, ops.reshape(vector, (-1, 1)))[:, 0]
        return np.asarray(ops.convert_to_numpy(products), np.float64)

    @staticmethod
    def combine(weights: NDArray[np.float64], matrix: Any, shape: tuple[int, ...]) -> Any:
        """Return the weighted sum of the rows, in a shape."""
        row = ops.convert_to_tensor(weights[None].astype(np.float32))
        return ops.reshape(ops.matmul(row, matrix), shape)

    @staticmethod
    def dot(one: Any, other: Any) -> float:
        """Return the dot product of two arrays of one shape."""
        return float(ops.sum(one * other))


@cache
def _row_replacement() -> Callable[[Any, int, Any], Any]:
    """Return (matrix, row, vector (1, size)) -> matrix; JAX is given the matrix' memory to write into."""
    if keras.backend.backend() == "jax":
        import jax

        def replaced(matrix: Any, row: Any, vector: Any) -> Any:
            return jax.lax.dynamic_update_slice(matrix, vector, (row, 0))

        return jax.jit(replaced, donate_argnums=0)  # type: ignore[no-any-return]
    return lambda matrix, row, vector: ops.slice_update(matrix, (row, 0), vector)


def vectors_for(array: Any) -> Any:
    """Return the operations for NumPy arrays, for the engine's, or those that an array brings along."""
    if own := getattr(array, "vectors", None):
        return own
    return HostVectors if isinstance(array, np.ndarray) else DeviceVectors
