"""What a running method tells: one Step per iteration, and how long the rest will take."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

LOADING_SHARE = 0.5
"""Of the time to the very first step: what goes to reading and loading and not to compiling."""
LEAST_RATES, MOST_RATES = 4, 24
"""How many iterations a prediction needs, and how many of the latest it looks at."""


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
        fallback: what was wrong with the one-pass picture instead of which the optimization is made
            (``clipped``, ``flat`` or ``unrecognizable``), or nothing.
        painter: paints the finished picture window by window, where it is too large for memory; or None.
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
    fallback: str = ""
    painter: Any = field(default=None, repr=False)
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
    """Predicts the time that is left from the steps that were made.

    An iteration takes a time in proportion to its number of pixels, that of the last iterations on any
    scale; each scale to come takes as long again as it took to compile the last one. Before a few iterations
    have been seen, nothing is predicted.

    Args:
        work: (pixels, iterations) of each scale, in order.
        started: time.monotonic() when the work began, reading and loading included; now if None.
    """

    def __init__(self, work: Sequence[tuple[int, int]], started: float | None = None) -> None:
        self._work = list(work)
        self._started = self._last = time.monotonic() if started is None else started
        self._rates: list[float] = []
        self._compiling = self._fraction = 0.0
        self._scale = 0

    def tick(self, step: Step, now: float | None = None) -> tuple[float, float | None]:
        """Return the share of the work that is done, 0 to 1, and the predicted seconds to the end or None.

        To be called once for every step, in order.

        Args:
            step: the one that was just made.
            now: time.monotonic().
        """
        now = time.monotonic() if now is None else now
        gap, self._last = now - self._last, now
        if step.scale == self._scale:
            self._rates.append(gap / self._work[step.scale - 1][0])
        else:
            self._compiling = gap if self._scale else gap * (1 - LOADING_SHARE)
            self._scale = step.scale
        left = self._seconds_left(step)
        if left is not None:
            elapsed = now - self._started
            self._fraction = max(self._fraction, elapsed / (elapsed + left) if elapsed + left else 1.0)
        return self._fraction, left

    def _seconds_left(self, step: Step) -> float | None:
        pixels, iterations = self._work[step.scale - 1]
        later = self._work[step.scale :]
        units = pixels * (iterations - step.iteration) + sum(p * n for p, n in later)
        if not units:
            return 0.0
        if len(self._rates) < LEAST_RATES:
            return None
        return units * statistics.median(self._rates[-MOST_RATES:]) + self._compiling * len(later)
