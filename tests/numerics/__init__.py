"""An independent NumPy implementation, to check the product's numbers against.

``reference`` holds the network, the losses and the objective; the two descents are here. Neither
imports the product.

Reference: Kingma and Ba, "Adam" (ICLR 2015), section 2.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import OptimizeResult, minimize

Array = NDArray[np.float64]
Evaluate = Callable[[Array], tuple[float, Array]]


@dataclass(frozen=True)
class Trajectory:
    """A descent: the start and the point after each iteration, and the values there."""

    points: list[Array]
    values: list[float]


def adam(
    evaluate: Evaluate,
    start: Array,
    iterations: int,
    learning_rate: float,
    constants: tuple[float, float, float] = (0.9, 0.999, 1e-7),
    limits: tuple[float, float] = (-np.inf, np.inf),
) -> Trajectory:
    """Descend by Adam; constants are beta_1, beta_2 and epsilon, limits clip after each step.

    The form at the end of section 2, with epsilon beside the uncorrected root as Keras has it:
    x -= learning_rate * sqrt(1 - beta_2^t) / (1 - beta_1^t) * m / (sqrt(v) + epsilon).
    """
    beta_1, beta_2, epsilon = constants
    x, m, v = np.array(start, np.float64), np.zeros(start.shape), np.zeros(start.shape)
    value, g = evaluate(x)
    found = Trajectory([x], [value])
    for t in range(1, iterations + 1):
        m = beta_1 * m + (1 - beta_1) * g
        v = beta_2 * v + (1 - beta_2) * g**2
        rate = learning_rate * np.sqrt(1 - beta_2**t) / (1 - beta_1**t)
        x = np.clip(x - rate * m / (np.sqrt(v) + epsilon), *limits)
        value, g = evaluate(x)
        found.points.append(x)
        found.values.append(value)
    return found


def lbfgs(evaluate: Evaluate, start: Array, iterations: int, *, memory: int = 10) -> Trajectory:
    """Descend by SciPy's L-BFGS-B, unbounded, until the iterations or no better point is left."""
    start = np.array(start, np.float64)
    found = Trajectory([start], [evaluate(start)[0]])

    def flat(x: Array) -> tuple[float, Array]:
        value, gradient = evaluate(x.reshape(start.shape))
        return value, gradient.ravel()

    def record(intermediate_result: OptimizeResult) -> None:
        found.points.append(intermediate_result.x.reshape(start.shape).copy())
        found.values.append(float(intermediate_result.fun))

    options = {"maxiter": iterations, "maxfun": 10**9, "maxcor": memory, "ftol": 0.0, "gtol": 0.0}
    minimize(flat, start.ravel(), jac=True, method="L-BFGS-B", callback=record, options=options)
    return found
