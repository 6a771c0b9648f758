"""Takes an optimization back to the last good picture when it leaves the path."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from impasto.engine.gradients import Evaluation, to_host
from impasto.errors import DivergenceError, Message
from impasto.optimization.objective import TERMS
from impasto.optimization.optimizers import Optimizer

TROUBLES, CAUTION = 3, 0.3
"""How often a run that went wrong is taken back, and by what factor its steps then shrink."""
EXPLODED = 1e3
"""How many times the first loss is an explosion."""
COLLAPSED = 1e-3
"""Standard deviation below which a picture is one color."""


def named_losses(evaluation: Evaluation) -> dict[str, float]:
    """Return the losses by name."""
    return {"total": evaluation.total, **dict(zip(TERMS, map(float, evaluation.terms), strict=True))}


class Guard:
    """Steps an optimizer and takes it back to the last good point when it leaves the path.

    Trouble is a loss that is not finite or has exploded, or a picture that collapsed to one color.
    """

    def __init__(self, optimizer: Optimizer) -> None:
        self._optimizer = optimizer
        self._good = optimizer.point
        self._limit = EXPLODED * max(abs(optimizer.evaluation.total), 1e-6)
        self._contrast = _contrast(optimizer.point)
        self._troubles = 0

    def state(self) -> dict[str, float]:
        """Return what `restore` needs."""
        return {"limit": self._limit, "contrast": self._contrast, "troubles": self._troubles}

    def restore(self, state: Mapping[str, float]) -> None:
        """Go on from a state; the optimizer is where it was."""
        self._limit, self._contrast = state["limit"], state["contrast"]
        self._troubles, self._good = int(state["troubles"]), self._optimizer.point

    def step(self, scale: int, iteration: int) -> tuple[Evaluation, str]:
        """Make an iteration; return its evaluation and a sentence about what went wrong, if anything.

        Raises:
            DivergenceError: at the third trouble.
        """
        note = ""
        while True:
            evaluation = self._optimizer.step()
            trouble = self._trouble(evaluation, self._optimizer.rejected)
            if not trouble:
                self._good = self._optimizer.point
                return evaluation, note
            while trouble:
                self._troubles += 1
                where = Message(
                    "{trouble} at scale {scale}, iteration {iteration}",
                    trouble=trouble,
                    scale=scale,
                    iteration=iteration,
                )
                if self._troubles == TROUBLES:
                    raise DivergenceError("{where}; lower the weights or the learning rate", where=where)
                note = Message("{where}; going on from the last good picture with smaller steps", where=where)
                self._optimizer.restart(self._good, CAUTION)
                trouble = self._trouble(self._optimizer.evaluation)  # steps along a NaN would hide its origin

    def _trouble(self, evaluation: Evaluation, rejected: Evaluation | None = None) -> Message:
        judged = rejected or evaluation
        for name, value in named_losses(judged).items():
            if name != "total" and not math.isfinite(value):
                return Message("the {name} loss became {value}", name=name, value=value)
        if not math.isfinite(judged.total):
            return Message("the {name} loss became {value}", name="total", value=judged.total)
        if evaluation.total > self._limit:
            return Message("the total loss exploded to {value:.3g}", value=evaluation.total)
        if self._contrast > 10 * COLLAPSED and _contrast(self._optimizer.point) < COLLAPSED:
            return Message("the picture collapsed to one color")
        return Message("")


def _contrast(point: Any) -> float:
    """Return the standard deviation of a coarse sample of the pixels."""
    rows, columns = (max(1, side // 64) for side in point.shape[1:3])
    return float(np.std(to_host(point[:, ::rows, ::columns])))
