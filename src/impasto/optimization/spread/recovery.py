"""A run that outlives its workers: it keeps where it stands from time to time and goes back there."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from impasto.errors import joined
from impasto.optimization.spread.team import Team, WorkerLost
from impasto.progress import Step

KEEPING_SHARE = 0.05
"""Of the time that bringing the workers' parts together may take."""
LEAST_SECONDS = 10.0
"""Between two times that they are."""


class Keeper:
    """Keeps where a run stands: all vectors, brought together, from time to time.

    Args:
        start: where it begins.
        every: iterations between two times; chosen so that it takes little of the time if None.
    """

    def __init__(self, start: Any, every: int | None = None) -> None:
        self.state, self._every = start, every
        self._pause, self._at, self._steps = LEAST_SECONDS, time.monotonic(), 0

    def see(self, step: Step) -> None:
        """Look at a step, and keep its state if it is due; that of a size's end always is."""
        self._steps += 1
        due = time.monotonic() - self._at > self._pause
        if self._every is not None:
            due = self._steps >= self._every
        if step.last or step.make_state is None or not (due or step.iteration == step.iterations):
            return
        began = time.monotonic()
        self.state = step.make_state()
        self._at, self._steps = time.monotonic(), 0
        self._pause = max(LEAST_SECONDS, (self._at - began) / KEEPING_SHARE)


def steadfast_steps(steps: Callable[[Any], Iterator[Step]], team: Team, start: Any = None) -> Iterator[Step]:
    """Yield a run's steps, each once, whichever workers are lost meanwhile.

    When one is, it is replaced, and the run goes on from the state that was kept last: the iterations since
    are made again, with the same outcome as long as the team is as large.

    Args:
        steps: state or None -> the run's steps from there.
        team: the workers.
        start: the state to begin with.

    Raises:
        EngineError: no worker is left.
    """
    keeper, latest, note = Keeper(start, team.keep_every), (0, 0), ""
    while True:
        try:
            for step in steps(keeper.state):
                at = step.scale, step.iteration
                keeper.see(step)
                if at > latest:
                    latest = at
                    shown = _Shown(step, keeper)
                    yield replace(
                        step,
                        make_image=shown.image,
                        make_state=shown.state,
                        note=joined((note, step.note)),
                    )
                    note = ""
            return
        except WorkerLost:
            note = joined((note, team.mend()))


class _Shown:
    """A step's picture and state, also where a worker is lost after it: then those that were kept last.

    The last picture is brought together while the workers are there.
    """

    def __init__(self, step: Step, keeper: Keeper) -> None:
        self._step, self._keeper = step, keeper
        self._image = step.image if step.last else None

    def image(self) -> Any:
        """Return the picture, float32 (height, width, 3)."""
        try:
            return self._step.image if self._image is None else self._image
        except WorkerLost:
            if self._keeper.state is None:
                raise
            return np.clip(self._keeper.state.optimizer["point"][0], 0, 1)

    def state(self) -> Any:
        """Return where the run stands."""
        try:
            return self._step.make_state() if self._step.make_state else None
        except WorkerLost:
            if self._keeper.state is None:
                raise
            return self._keeper.state
