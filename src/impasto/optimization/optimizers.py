"""What improves a picture, one iteration at a time: limited-memory BFGS and Adam.

L-BFGS remembers pairs of a step s and the gradient difference y over it. They are the rows of two matrices
and meet only in matrix-vector products; the recursion itself runs on a small table of their dot products (the
vector-free form). That is two passes over the memory per iteration whatever its length, instead of the
classical four passes per remembered pair, and no conversion to float64.

Reference: Nocedal, "Updating Quasi-Newton Matrices with Limited Storage" (1980); Chen, Wang and Zhou,
"Large-scale L-BFGS using MapReduce" (NIPS 2014) for the vector-free recursion; Kingma and Ba, "Adam: A
Method for Stochastic Optimization" (ICLR 2015).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from impasto.engine.gradients import Evaluation, to_host
from impasto.engine.vectors import vectors_for

Array = Any
"""A NumPy array, or the engine's on a GPU."""
Weights = NDArray[np.float64]

SUFFICIENT_DECREASE = 1e-4
SHRINKAGES = 6
FIRST_STEP = 0.02
"""Root mean square change of the first step, in units of the picture's range."""


class Optimizer(Protocol):
    """Anything that improves `point` step by step; `evaluation` is the function there.

    `rejected` is the evaluation of a point that the last step tried and refused because it had no finite
    value, or None.
    """

    point: Array
    evaluation: Evaluation
    rejected: Evaluation | None

    def step(self) -> Evaluation:
        """Make one iteration and return the new point's evaluation."""

    def restart(self, point: Array, caution: float) -> None:
        """Go on from a point without memory of the past, with steps smaller by the factor `caution`."""

    def state(self) -> dict[str, Any]:
        """Return everything that `restore` needs to go on as if nothing had happened."""

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a state."""

    def release(self) -> Array:
        """Free what further steps would need and return the point, which stays.

        The last Step of a scale still knows its optimizer, and the pairs of a large scale are many pictures.
        """


def _evaluation_state(evaluation: Evaluation) -> dict[str, Any]:
    gradient = to_host(evaluation.gradient)
    return {"total": np.float64(evaluation.total), "terms": evaluation.terms, "gradient": gradient}


def _restored_evaluation(state: Mapping[str, Any], vectors: Any) -> Evaluation:
    return Evaluation(float(state["total"]), np.asarray(state["terms"]), vectors.placed(state["gradient"]))


@dataclass
class Adam:
    """Adam with bias correction, as Keras computes it.

    Args:
        evaluate: point -> Evaluation.
        point: where to start; any shape.
        rate: the step, in units of the point.
        decays: of the first and second moment.
    """

    evaluate: Callable[[Array], Evaluation]
    point: Array
    rate: float = 0.02
    decays: tuple[float, float] = (0.9, 0.999)
    evaluation: Evaluation = field(init=False)
    rejected: Evaluation | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self.restart(self.point, 1.0)

    def restart(self, point: Array, caution: float) -> None:
        """Go on from a point without moments, at a rate smaller by the factor `caution`."""
        self.point, self.evaluation = point, self.evaluate(point)
        self.rate *= caution
        self._steps = 0
        self._first = 0 * self.point
        self._second = 0 * self.point

    def state(self) -> dict[str, Any]:
        """Return point, moments, rate and the number of steps."""
        vectors = {"point": self.point, "first": self._first, "second": self._second}
        state = {name: to_host(vector) for name, vector in vectors.items()}
        return state | {"steps": self._steps, "rate": self.rate} | _evaluation_state(self.evaluation)

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a state."""
        vectors = vectors_for(self.point)
        names = "point", "first", "second"
        self.point, self._first, self._second = (vectors.placed(state[name]) for name in names)
        self._steps, self.rate = int(state["steps"]), float(state["rate"])
        self.evaluation = _restored_evaluation(state, vectors)

    def release(self) -> Array:
        """Free the moments and return the point."""
        self._first = self._second = vectors_for(self.point).rows(0, 0)
        return self.point

    def step(self) -> Evaluation:
        """Make one iteration and return the new point's evaluation."""
        self._steps += 1
        one, two = self.decays
        gradient = self.evaluation.gradient
        self._first = self._first + (1 - one) * (gradient - self._first)
        self._second = self._second + (1 - two) * (gradient * gradient - self._second)
        rate = float(self.rate * np.sqrt(1 - two**self._steps) / (1 - one**self._steps))
        self.point = self.point - rate * self._first / (self._second**0.5 + 1e-7)
        self.evaluation = self.evaluate(self.point)
        return self.evaluation


@dataclass
class LBFGS:
    """Minimizes a function of a float32 array.

    Args:
        evaluate: point -> Evaluation.
        point: where to start; any shape.
        memory: how many past steps the curvature is estimated from.
        precondition: a symmetric linear map F of points; the function is minimized over z, point = F z.

    Attributes:
        point: the best point so far; a new array after every step.
        evaluation: there; its gradient is that of z.
        converged: whether there is no better point within the precision of the numbers.
    """

    evaluate: Callable[[Array], Evaluation]
    point: Array
    memory: int = 12
    precondition: Callable[[Array], Array] | None = None
    evaluation: Evaluation = field(init=False)
    converged: bool = field(init=False, default=False)
    rejected: Evaluation | None = field(init=False, default=None)
    _pairs: int = field(init=False)
    _newest: int = field(init=False)
    _steps: Array = field(init=False, repr=False)
    _differences: Array = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.evaluation = self._evaluate(self.point)
        self._vectors = vectors_for(self.point)
        self._first_step = FIRST_STEP
        self._sy = np.zeros((self.memory, self.memory))
        self._yy = np.zeros((self.memory, self.memory))
        self._forget()

    def restart(self, point: Array, caution: float) -> None:
        """Go on from a point without pairs, with a first step smaller by the factor `caution`."""
        self.point, self.evaluation, self.converged = point, self._evaluate(point), False
        self._first_step *= caution
        self._forget()

    def state(self) -> dict[str, Any]:
        """Return point, pairs, their products and how many there are, by the names that checkpoints have."""
        arrays = {"point": self.point, "moves": self._steps, "bends": self._differences}
        numbers = {"pairs": self._pairs, "newest": self._newest, "converged": self.converged}
        tables = {"move_bend": self._sy.copy(), "bend_bend": self._yy.copy()}
        state = {name: to_host(array).copy() for name, array in arrays.items()}
        return (
            state | tables | numbers | {"first_move": self._first_step} | _evaluation_state(self.evaluation)
        )

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a state."""
        self.point, self._steps, self._differences = (
            self._vectors.placed(state[k]) for k in ("point", "moves", "bends")
        )
        self._sy, self._yy = (np.array(state[k]) for k in ("move_bend", "bend_bend"))
        self._pairs, self._newest = int(state["pairs"]), int(state["newest"])
        self.converged, self._first_step = bool(state["converged"]), float(state["first_move"])
        self.evaluation = _restored_evaluation(state, self._vectors)

    def release(self) -> Array:
        """Free the pairs and return the point."""
        self._steps = self._differences = self._vectors.rows(0, 0)
        return self.point

    def step(self) -> Evaluation:
        """Move to a better point, or stay if there is none along the direction; return it evaluated.

        When not even the steepest descent leads to a better point, the optimum is reached to the
        precision of the numbers, and further steps cost nothing.
        """
        self.rejected = None
        if self.converged:
            return self.evaluation
        direction, start = self._direction(), self.evaluation
        slope = self._vectors.dot(direction, start.gradient)
        if slope >= 0 or not np.isfinite(slope):
            self._forget()
            direction = self._direction()
            slope = self._vectors.dot(direction, start.gradient)
        slot = self._begin_pair(direction)
        del direction, start  # they live in the pair's rows from here on: a large picture's memory counts
        before, length = self.evaluation, 1.0
        for _ in range(SHRINKAGES):
            point = self._moved(slot, length)
            evaluation = self._evaluate(point)
            if evaluation.total <= before.total + SUFFICIENT_DECREASE * length * slope:
                self._remember(slot, length, evaluation.gradient)
                self.point, self.evaluation = point, evaluation
                return evaluation
            if not np.isfinite(evaluation.total):
                self.rejected = evaluation
            length *= _shrinkage(before.total, slope * length, evaluation.total)
        self.converged = self._pairs == 0 and self.rejected is None
        self._forget()
        return self.evaluation

    def _evaluate(self, point: Array) -> Evaluation:
        evaluation = self.evaluate(point)
        if self.precondition is None:
            return evaluation
        return replace(evaluation, gradient=self.precondition(evaluation.gradient))

    def _moved(self, slot: int, length: float) -> Array:
        """Return the point after a part of the direction in a row."""
        if self.precondition is None:
            return self._vectors.moved(self.point, self._steps, slot, length)
        moved = self.precondition(self._vectors.row(self._steps, slot, tuple(self.point.shape)))
        moved *= length
        moved += self.point
        return moved

    def _begin_pair(self, direction: Any) -> int:
        """Put direction and gradient where the next pair will be, in place of the oldest; return where."""
        slot = (self._newest + 1) % self.memory
        self._pairs = min(self._pairs, self.memory - 1)
        self._steps = self._vectors.put(self._steps, slot, direction)
        self._differences = self._vectors.put(self._differences, slot, self.evaluation.gradient)
        gradient = self._vectors.row(self._differences, slot, tuple(self.point.shape))
        self.evaluation = replace(self.evaluation, gradient=gradient)
        return slot

    def _direction(self) -> Any:
        gradient = self.evaluation.gradient
        if not self._pairs:
            size = float(np.prod(self.point.shape))
            norm = np.sqrt(self._vectors.dot(gradient, gradient) / size) or 1.0
            return gradient * float(-self._first_step / norm)
        of_steps, of_differences, gamma = self._coefficients(gradient)
        shape = tuple(self.point.shape)
        direction = self._vectors.combine(of_steps, self._steps, shape)
        direction -= gamma * gradient
        direction += self._vectors.combine(of_differences, self._differences, shape)
        return direction

    def _coefficients(self, gradient: Any) -> tuple[Weights, Weights, float]:
        """Return the direction's weights of steps, gradient differences and gradient (the two loops)."""
        order = [(self._newest - i) % self.memory for i in range(self._pairs)]
        sy, yy = self._sy, self._yy
        s_gradient = self._vectors.dots(self._steps, gradient)
        y_gradient = self._vectors.dots(self._differences, gradient)
        alpha = np.zeros(self.memory)
        for i in order:
            alpha[i] = (s_gradient[i] - alpha @ sy[i]) / sy[i, i]
        newest = self._newest
        gamma = float(sy[newest, newest] / yy[newest, newest])
        left = np.zeros(self.memory)  # alpha - beta of the steps that are done
        for i in reversed(order):
            # y_i . r, where r = gamma (g - sum alpha_j y_j) + sum over done (alpha_j - beta_j) s_j
            dot = gamma * (y_gradient[i] - alpha @ yy[:, i]) + left @ sy[:, i]
            left[i] = alpha[i] - dot / sy[i, i]
        return -left, gamma * alpha, gamma

    def _remember(self, slot: int, length: float, gradient: Any) -> None:
        """Turn the rows of `_begin_pair` into the pair of this step."""
        vectors, shape = self._vectors, tuple(self.point.shape)
        self._steps, self._differences = vectors.pair(self._steps, self._differences, slot, length, gradient)
        step, difference = (vectors.row(matrix, slot, shape) for matrix in (self._steps, self._differences))
        curvature, size = vectors.dot(step, difference), vectors.dot(difference, difference)
        if not curvature > 1e-8 * size:
            return
        self._sy[slot] = vectors.dots(self._differences, step)
        self._sy[:, slot] = vectors.dots(self._steps, difference)
        self._yy[slot] = self._yy[:, slot] = vectors.dots(self._differences, difference)
        self._newest, self._pairs = slot, self._pairs + 1

    def _forget(self) -> None:
        self._pairs, self._newest = 0, -1
        size = int(np.prod(self.point.shape))
        self._steps = self._vectors.rows(self.memory, size)
        self._differences = self._vectors.rows(self.memory, size)


def _shrinkage(start: float, slope: float, reached: float) -> float:
    """Return the factor at which a parabola through start, slope and reached has its least value."""
    if not np.isfinite(reached):
        return 0.1
    least = -slope / (2 * (reached - start - slope))
    return float(np.clip(least, 0.1, 0.5))
