"""Refining: the optimization goes on from what is on screen, and stops when it is told to.

A picture that was refined before goes on as if it had never stopped: where it stood is kept in the workshop,
for a few pictures. So a result's recipe tells all its iterations, and they repeat it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import fields, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from impasto.pastiche import finish
from impasto.preparation import prepare
from impasto.progress import Step
from impasto.settings import Settings
from impasto.studio.looks import Look
from impasto.studio.painting import Desk, follow, keep_result, result_record
from impasto.studio.sessions import Result
from impasto.studio.turns import Event, Job

if TYPE_CHECKING:
    from impasto.finished import Pastiche
    from impasto.optimization.gatys import State

MOST_ITERATIONS = 10_000
"""That a run is planned with, so that it can go on: the first ones are the same for any number of them."""


def refinement(
    desk: Desk, look: Look, side: int, iterations: int, before: Result | None, job: Job
) -> Iterator[Event]:
    """Improve a picture by the optimization.

    Args:
        desk: with the photo.
        look: how.
        side: the long side in pixels.
        iterations: how many more.
        before: what is on screen; its iterations are not made again where they can be gone on from.
        job: whose stop ends it after the iteration, with the picture as it is.

    Yields:
        ``step`` after each iteration, ``result`` at the end.
    """
    settings = look.chosen(max_size=side, refine=MOST_ITERATIONS)
    made = before.iterations if before is not None and _goes_on(before, desk, look, side) else 0
    state = desk.workshop.find("runs", before.id) if before is not None and made else None
    steps = first(desk.steps(look, settings, state), min(made + iterations, MOST_ITERATIONS))
    step = yield from follow(steps, desk, job)
    if step is None:
        return
    result = keep_result(desk, look, step.pastiche)
    if step.make_state is not None and not step.fallback:
        desk.workshop.get("runs", result.id, step.make_state, _state_bytes)
    yield "result", result_record(result, desk.session)


def refinished(desk: Desk, look: Look, side: int, before: Result, job: Job) -> Iterator[Event]:
    """Finish a refined picture anew with a look's adjustments, which cost no iteration.

    Where the run is not kept any more, its iterations are made again.

    Yields:
        ``result``; before it ``step`` for what takes long.
    """
    settings = look.chosen(max_size=side, refine=before.iterations)
    state = desk.workshop.find("runs", before.id) if _goes_on(before, desk, look, side) else None
    if state is None:
        step = yield from follow(desk.steps(look, settings), desk, job)
        if step is None:
            return
        finished = step.pastiche
        state = step.make_state() if step.make_state is not None and not step.fallback else None
    else:
        finished = _finished_anew(desk, look, settings, state)
    result = keep_result(desk, look, finished)
    if state is not None:
        desk.workshop.get("runs", result.id, lambda: state, _state_bytes)
    yield "result", result_record(result, desk.session)


def _finished_anew(desk: Desk, look: Look, settings: Settings, state: State) -> Pastiche:
    from impasto.optimization.gatys import clipped

    prepared = prepare(look.inputs(desk.picture(settings)), settings, workshop=desk.workshop)
    pixels = clipped(state.optimizer["point"])
    step = Step(
        scale=1,
        scales=1,
        iteration=state.iteration,
        iterations=state.iteration,
        shape=(pixels.shape[0], pixels.shape[1]),
        losses={},
        make_image=partial(prepared.complete, pixels),
        last=True,
    )
    return finish(prepared, step, ())


def first(steps: Iterator[Step], iterations: int) -> Iterator[Step]:
    """Yield the Steps of a refinement up to an iteration, as if it were planned with so many."""
    for step in steps:
        if step.scale < step.scales or step.fallback:
            yield step
            continue
        last = step.last or step.iteration >= iterations
        yield replace(step, iterations=iterations, last=last)
        if last:
            return


def _goes_on(before: Result, desk: Desk, look: Look, side: int) -> bool:
    """Return whether a result is of the same photo, look and size."""
    own = max(desk.photo.width, desk.photo.height)
    same = before.photo == desk.photo.id and _before_finish(before.look) == _before_finish(look.plain)
    return same and max(before.width, before.height) == min(side, own)


def _before_finish(look: Mapping[str, Any]) -> dict[str, Any]:
    """Return a look without its adjustments."""
    finish = {spec.name for spec in fields(Settings) if spec.metadata["stage"] == "finish"}
    settings = {name: value for name, value in look.get("settings", {}).items() if name not in finish}
    return {**look, "settings": settings}


def _state_bytes(state: Any) -> int:
    return sum(4 * math.prod(getattr(value, "shape", ())) for value in state.optimizer.values())
