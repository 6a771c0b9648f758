"""The temporal loss: an objective and how far its picture is from one that it is held to.

With the painting before, moved along, as a and the certainty of that motion as c, over D values of a
picture x:

    temporal = 1 / D  sum over pixels and channels of c (x - a)^2

It is a function of pixels alone, and is added outside of what is compiled: so one compiled function serves
all frames, and pictures that are not held to anything know nothing of it.

Reference: Ruder, Dosovitskiy and Brox, "Artistic Style Transfer for Videos" (GCPR 2016), equation 7.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from impasto.engine.gradients import Evaluation
from impasto.engine.vectors import vectors_for
from impasto.optimization.objective import LossWeights
from impasto.optimization.tiling import BoundedEvaluation
from impasto.pictures.resizing import resize
from impasto.prepared import Anchor
from impasto.settings import Settings


class AnchoredEvaluation:
    """An objective's value and gradient, the temporal loss included.

    Args:
        evaluate: the objective's.
        anchor: what the picture is held to.
        settings: whose content and style weights it is relative to.
        point: (1, height, width, 3), where the optimization starts: the kind of its vectors is that of all.
    """

    def __init__(self, evaluate: BoundedEvaluation, anchor: Anchor, settings: Settings, point: Any) -> None:
        self._evaluate, self._vectors = evaluate, vectors_for(point)
        weights, shape = LossWeights.from_settings(settings), (point.shape[1], point.shape[2])
        weight = 2 * anchor.weight * (weights.content + weights.style) / np.prod(point.shape)
        pulls = np.repeat(weight * resize(anchor.certainty, shape)[None, ..., None], 3, axis=3)
        self._pulls = self._vectors.placed(pulls.astype(np.float32))
        self._pixels = self._vectors.placed(resize(anchor.pixels, shape)[None].astype(np.float32))

    def __call__(self, point: Any) -> Evaluation:
        """Return value and gradient at a point; errors are `BoundedEvaluation`'s."""
        evaluation, away = self._evaluate(point), point - self._pixels
        slope = self._pulls * away
        total = evaluation.total + 0.5 * self._vectors.dot(slope, away)
        return replace(evaluation, total=total, gradient=evaluation.gradient + slope)

    @property
    def side(self) -> int | None:
        """Longest side of the tiles now; None for the whole picture at once."""
        return self._evaluate.side

    def note(self) -> str:
        """Return, once, a sentence about memory that ran out."""
        return self._evaluate.note()
