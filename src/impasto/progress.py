"""What a running method tells: one Step per iteration, and how long the rest will take."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Step:
    """One iteration of a method, after it has been made.

    Attributes:
        scale, scales: which of how many picture sizes, from 1, coarse to fine.
        iteration, iterations: which of how many at this scale, from 1.
        shape: (height, width) of the picture at this scale.
        losses: the named losses, unweighted, and ``total``, weighted.
        image: float32 array (height, width, 3), sRGB in [0, 1]; made when it is asked for.
        last: whether this is the finished pastiche.
        note: a sentence about what went wrong and what was done about it, or nothing.
        make_state: returns where the run stands, for a checkpoint; None where there is nothing to resume.
        pastiche: the `impasto.Pastiche` as it is after this step, with its recipe; the finished one if this
            is the last step. It is made when it is asked for.
    """

    scale: int
    scales: int
    iteration: int
    iterations: int
    shape: tuple[int, int]
    losses: Mapping[str, float]
    make_image: Callable[[], Any] = field(repr=False)
    last: bool = False
    note: str = ""
    make_state: Callable[[], Any] | None = field(default=None, repr=False)
    make_pastiche: Callable[[], Any] | None = field(default=None, repr=False)

    @property
    def image(self) -> Any:
        """The current pastiche."""
        return self.make_image()

    @property
    def pastiche(self) -> Any:
        """The pastiche as it is now; None outside of `impasto.stylize_steps` and what is built upon it."""
        return self.make_pastiche() if self.make_pastiche else None


class Clock:
    """Predicts the time that is left from the work that is done.

    An iteration's work is taken to be proportional to its number of pixels; a new scale costs as much
    as a few of its iterations, for compiling.

    Args:
        work: (pixels, iterations) of each scale, in order.
        started: time.monotonic() when the work began; now if None.
        compiling: iterations' worth of work that starting a scale costs.
    """

    def __init__(
        self, work: Sequence[tuple[int, int]], started: float | None = None, compiling: float = 8.0
    ) -> None:
        self._start = time.monotonic() if started is None else started
        self._compiling = compiling
        self._work = list(work)
        self._total = sum(pixels * (iterations + compiling) for pixels, iterations in self._work)

    @property
    def total(self) -> float:
        """All work, in pixels times iterations."""
        return self._total

    def done(self, step: Step) -> float:
        """Return the work done after this step, in pixels times iterations."""
        before = sum(p * (n + self._compiling) for p, n in self._work[: step.scale - 1])
        return before + self._work[step.scale - 1][0] * (step.iteration + self._compiling)

    def seconds_left(self, step: Step) -> float:
        """Return the predicted seconds until the end."""
        done = self.done(step)
        return (time.monotonic() - self._start) * (self._total - done) / done
