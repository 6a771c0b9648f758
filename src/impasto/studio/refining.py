"""Refining: the optimization goes on from the one-pass picture, and stops when it is told to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from impasto.studio.looks import Look
from impasto.studio.painting import Desk, follow, keep_result, result_record
from impasto.studio.turns import Event, Job

if TYPE_CHECKING:
    from impasto.pastiche import Pastiche
    from impasto.progress import Step


def refinement(desk: Desk, look: Look, side: int, iterations: int, job: Job) -> Iterator[Event]:
    """Improve a picture by the optimization.

    Args:
        desk: with the photo.
        look: how.
        side: the long side in pixels.
        iterations: how many.
        job: whose stop ends it after the iteration, with the picture as it is.

    Yields:
        ``step`` after each iteration, ``result`` at the end.
    """
    steps = desk.steps(look, look.chosen(max_size=side, refine=iterations))
    step = yield from follow(steps, desk, job)
    if step is not None:
        yield "result", result_record(keep_result(desk, look, as_it_is(step)))


def as_it_is(step: Step) -> Pastiche:
    """Return the pastiche of a Step; of one that is not the last with the iterations that were made.

    So many iterations, asked for from the beginning, give the same picture.
    """
    found: Pastiche = step.pastiche
    if step.last or step.fallback:
        return found
    made = step.iteration if step.scale == step.scales else 0
    settings = replace(found.settings, refine=made)
    recipe = replace(found.recipe, settings=settings.to_mapping())
    return replace(found, settings=settings, recipe=recipe)
