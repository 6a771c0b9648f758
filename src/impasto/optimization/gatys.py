"""The optimization of Gatys, Ecker and Bethge: a picture improved until its features fit.

A generator of Steps: it computes targets once per scale, asks for value and gradient, steps, yields. It
does not print, save or know of progress bars; whoever wants to show, stop or save does so between two
yields.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from impasto.engine.gradients import Evaluation, to_engine, to_host
from impasto.errors import joined
from impasto.optimization.anchored import AnchoredEvaluation
from impasto.optimization.guard import Guard, named_losses
from impasto.optimization.objective import LossWeights, Objective, seen_content_layers
from impasto.optimization.optimizers import LBFGS, Adam, Optimizer
from impasto.optimization.planning import choose_tiles
from impasto.optimization.preconditioner import Preconditioner
from impasto.optimization.scales import Scale, plan_scales, remembered_pairs
from impasto.optimization.spread.evaluation import SpreadEvaluation, SpreadPreconditioner
from impasto.optimization.spread.planning import shared_partition, spread_tiles
from impasto.optimization.spread.recovery import steadfast_steps
from impasto.optimization.spread.vectors import SpreadArray
from impasto.optimization.targets import build_objective, objective_without_content
from impasto.optimization.tiling import BoundedEvaluation
from impasto.pictures.resizing import resize
from impasto.prepared import Prepared, StyledRegion
from impasto.progress import Step
from impasto.settings import Settings

Array = NDArray[np.float32]
REMEMBERED_PIXELS = 2**20
"""Of a picture whose targets stay in the workshop: they take up to 64 MB, with VGG-19."""
DETAILS = 0.5
"""Share of the initial image's details with which a finer scale starts (`benchmarks/details.py`)."""


def optimize_steps(prepared: Prepared, start: State | None = None) -> Iterator[Step]:
    """Improve the initial image, yielding a Step per iteration.

    Args:
        prepared: content, regions, initial image, network and settings; its workshop keeps what is compiled.
        start: where an earlier run of the same inputs stopped; this one goes on as if it had not.

    Raises:
        DivergenceError: it went wrong three times; the last Step is the last good one.
        OutOfMemoryError: the engine ran out of memory even in the smallest tiles.

    Reference: Gatys et al. (CVPR 2016); coarse to fine after Gatys et al. (CVPR 2017), section 6.
    """
    if prepared.workshop.team is None:
        yield from _steps(prepared, start)
    else:
        yield from steadfast_steps(partial(_steps, prepared), prepared.workshop.team, start)


def _steps(prepared: Prepared, start: State | None) -> Iterator[Step]:
    settings, initial = prepared.settings, prepared.initial
    scales, first = plan_scales(prepared.content.shape[:2], settings), start.scale if start else 1
    plan = partial(spread_tiles, prepared.workshop.team) if prepared.workshop.team else choose_tiles
    tiles = list(start.tiles) if start else plan(scales, prepared.network, settings)
    before = None
    for number, scale in enumerate(scales[first - 1 :], first):
        picture = starting_point(initial, before, scale.shape, settings)[None]
        evaluate, point = _placed(prepared, scale, tiles[number - 1], picture)
        optimizer = new_optimizer(evaluate, point, scale, settings)
        guard = Guard(optimizer)
        done = start.resume(number, optimizer, guard) if start else 0
        for iteration in range(done + 1, scale.iterations + 1):
            evaluation, note = guard.step(number, iteration)
            tiles[number - 1] = evaluate.side
            yield Step(
                scale=number,
                scales=len(scales),
                iteration=iteration,
                iterations=scale.iterations,
                shape=scale.shape,
                losses=named_losses(evaluation),
                make_image=partial(clipped, optimizer.point),
                last=number == len(scales) and iteration == scale.iterations,
                note=joined((note, evaluate.note())),
                make_state=partial(State.of, (number, iteration), tuple(tiles), optimizer, guard),
            )
        before = clipped(optimizer.release())


def _placed(
    prepared: Prepared, scale: Scale, tile: int | None, picture: Array
) -> tuple[BoundedEvaluation | AnchoredEvaluation | SpreadEvaluation, Any]:
    """Return a scale's objective and its starting point: here, or with the workers that share the picture."""
    settings, network, team = prepared.settings, prepared.network, prepared.workshop.team
    partition = shared_partition(team, scale.shape, tile, settings)
    if partition is None:
        build = partial(_objective_at, prepared, scale)
        here, point = BoundedEvaluation(build, scale.shape, tile, prepared.workshop), to_engine(picture)
        if prepared.anchor is None:
            return here, point
        return AnchoredEvaluation(here, prepared.anchor, settings, point), point
    regions = _regions_at(prepared, scale)
    frame = objective_without_content(network, scale.shape, regions, settings, tile, prepared.visible)
    evaluate = SpreadEvaluation(
        team,
        partition,
        replace(frame, achromatic=prepared.achromatic),
        (resize(prepared.content, scale.shape), seen_content_layers(settings)),
        prepared.workshop,
    )
    return evaluate, evaluate.vectors.placed(picture)


def starting_point(initial: Array, before: Array | None, shape: tuple[int, int], settings: Settings) -> Array:
    """Return where the optimization starts at a size: the coarser pastiche and some of the initial image.

    An enlarged pastiche has no fine details. Half of the initial image's turn into strokes in fewer
    iterations than nothing does; all of them would stay where a style is smooth. Noise has none that are
    worth keeping.

    Args:
        initial: float32 (height, width, 3), in [0, 1].
        before: the same, smaller: what the coarser scale made of it; None at the first.
        shape: (height, width) wanted.
        settings: of which it is used what the initial image is.
    """
    if before is None:
        return resize(initial, shape)
    enlarged = resize(before, shape)
    if settings.initial == "noise":
        return enlarged
    details = resize(initial, shape) - resize(resize(initial, before.shape[:2]), shape)
    point: Array = np.clip(enlarged + DETAILS * details, 0, 1)
    return point


@dataclass(frozen=True, kw_only=True)
class State:
    """Where a run stands between two iterations: enough to go on as if it had never stopped.

    Attributes:
        scale, iteration: of the last Step, from 1.
        tiles: longest side of the tiles of each scale, None for a scale in one part: another side would
            round differently.
        guard: what the guard remembers, numbers by name.
        optimizer: what the optimizer remembers, arrays and numbers by name.
    """

    scale: int
    iteration: int
    tiles: Sequence[int | None]
    guard: Mapping[str, float]
    optimizer: Mapping[str, Any]

    def resume(self, scale: int, optimizer: Optimizer, guard: Guard) -> int:
        """Bring this state's scale where it was; return the iterations done at the scale."""
        if scale != self.scale:
            return 0
        optimizer.restore(self.optimizer)
        guard.restore(self.guard)
        return self.iteration

    @classmethod
    def of(
        cls, at: tuple[int, int], tiles: Sequence[int | None], optimizer: Optimizer, guard: Guard
    ) -> State:
        """Return the state after the iteration (scale, iteration); valid until the next one begins."""
        return cls(
            scale=at[0], iteration=at[1], tiles=tiles, guard=guard.state(), optimizer=optimizer.state()
        )


def _objective_at(prepared: Prepared, scale: Scale, tile: int | None) -> Objective:
    """Return one scale's objective, its targets computed in tiles of a side or as a whole.

    The targets of a picture that is not large stay in the workshop: they are those of every run that differs
    in its weights and steps alone, such as a sweep over strengths.
    """
    settings, weights = prepared.settings, LossWeights.from_settings(prepared.settings)
    make = partial(_new_objective, prepared, scale, tile)
    if math.prod(scale.shape) > REMEMBERED_PIXELS:
        return make()
    losses = tuple(weights.vector > 0)
    key = (
        prepared.network,
        _digest(prepared),
        scale.shape,
        tile,
        settings.up_to("objective"),
        losses,
    )
    return replace(prepared.workshop.get("targets", key, make, lambda made: made.memory), weights=weights)


def _new_objective(prepared: Prepared, scale: Scale, tile: int | None) -> Objective:
    content, regions = resize(prepared.content, scale.shape)[None], _regions_at(prepared, scale)
    objective = build_objective(prepared.network, content, regions, prepared.settings, tile, prepared.visible)
    return replace(objective, achromatic=prepared.achromatic)


def _regions_at(prepared: Prepared, scale: Scale) -> list[StyledRegion]:
    """Return the regions with their style images as they are looked at beside a scale's picture."""
    factor = max(scale.shape) / max(prepared.content.shape[:2])
    return [
        replace(region, styles=tuple(style.scaled(factor) for style in region.styles))
        for region in prepared.regions
    ]


def _digest(prepared: Prepared) -> bytes:
    """Return what is equal for the same pictures and masks in the same places."""
    digest = hashlib.blake2b(repr((prepared.achromatic, len(prepared.regions))).encode())
    arrays = [prepared.content, prepared.visible]
    for region in prepared.regions:
        arrays.append(region.mask)
        for style in region.styles:
            arrays += [style.pixels, style.mask, style.visible]
            digest.update(repr((style.size, style.weight, style.part)).encode())
    for array in arrays:
        digest.update(b"none" if array is None else repr((array.shape, array.dtype.str)).encode())
        digest.update(b"" if array is None else np.ascontiguousarray(array).data)
    return digest.digest()


def new_optimizer(
    evaluate: Callable[[Any], Evaluation], start: Any, scale: Scale, settings: Settings
) -> Optimizer:
    """Return the optimizer that the settings name, at its starting point.

    L-BFGS is preconditioned but for a publication's formulas, which had a plain one.
    """
    if settings.optimizer == "adam":
        return Adam(evaluate, start, settings.learning_rate)
    precondition = None
    if settings.formulas == "relative":
        precondition = (
            SpreadPreconditioner(start) if isinstance(start, SpreadArray) else Preconditioner(start)
        )
    return LBFGS(evaluate, start, remembered_pairs(scale), precondition)


def clipped(point: Any) -> Array:
    """Return a batch of one as a picture (height, width, 3) with its values in [0, 1]."""
    picture: Array = np.clip(to_host(point)[0], 0, 1)
    return picture
