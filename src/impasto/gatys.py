"""The optimisation of Gatys, Ecker and Bethge: a picture improved until its features fit.

A generator of Steps: it computes targets once per scale, asks for value and gradient, steps, yields. It
does not print, save or know of progress bars; whoever wants to show, stop or save does so between two
yields.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from keras import ops
from numpy.typing import NDArray

from impasto.errors import DivergenceError
from impasto.feature_network import MINIMUM_SIDE, FeatureNetwork
from impasto.gradients import Evaluation, compile_value_and_gradient, memory_errors, to_engine, to_host
from impasto.images import resize, scale_to
from impasto.objective import TERMS, build_objective
from impasto.optimizers import LBFGS, Adam, Optimizer
from impasto.progress import Step
from impasto.settings import Settings

Array = NDArray[np.float32]

COARSEST_SIDE = 128
"""Long side in pixels of the first scale; every further scale doubles it."""
DEFAULT_ITERATIONS = (40, 28, 21, 15, 8, 5)
"""At the first scale, the second and so on: large forms settle early, the fine scales add strokes."""


@dataclass(frozen=True)
class Scale:
    """One picture size of the coarse-to-fine sequence: (height, width) and its iterations."""

    shape: tuple[int, int]
    iterations: int


def plan_scales(shape: tuple[int, int], settings: Settings) -> list[Scale]:
    """Return the scales, coarse to fine; the last one has the content image's shape.

    Sides double from scale to scale. Explicit iterations fix the number of scales; a scale with a side
    below 16 px is left out and its iterations go to the next.

    Args:
        shape: (height, width) of the result.
        settings: of which ``iterations`` is used.
    """
    long_side = max(shape)
    if settings.iterations:
        iterations = settings.iterations
    else:
        doublings = max(0, math.ceil(math.log2(long_side / COARSEST_SIDE) - 0.25))
        iterations = DEFAULT_ITERATIONS[: doublings + 1]
        iterations += (DEFAULT_ITERATIONS[-1],) * (doublings + 1 - len(iterations))
    scales: list[Scale] = []
    skipped = 0
    for index, count in enumerate(iterations):
        factor = 2 ** (len(iterations) - 1 - index)
        sides = shape if factor == 1 else scale_to(shape, max(1, round(long_side / factor)))
        if factor > 1 and min(shape) / factor < MINIMUM_SIDE:
            skipped += count
            continue
        scales.append(Scale((sides[0], sides[1]), count + skipped))
        skipped = 0
    return scales


def optimize_steps(
    content: Array, style: Array, initial: Array, network: FeatureNetwork, settings: Settings
) -> Iterator[Step]:
    """Improve the initial image, yielding a Step per iteration.

    Args:
        content: float32 (height, width, 3), sRGB in [0, 1]; the result has its shape.
        style: the same, of any size; its size relative to the content's sets the size of strokes.
        initial: the same, of the content's aspect: where the optimisation starts.
        network: the feature network.
        settings: iterations, optimiser, weights, layers, formulas.

    Yields:
        A Step after each iteration; the last one has ``last`` set.

    Raises:
        DivergenceError: a loss is no longer a finite number.
        EngineError: the engine ran out of memory.

    Reference: Gatys, Ecker and Bethge (CVPR 2016); coarse to fine after Gatys et al., "Controlling
    Perceptual Factors in Neural Style Transfer" (CVPR 2017), section 6.
    """
    scales = plan_scales(content.shape[:2], settings)
    pastiche = initial
    for number, scale in enumerate(scales, 1):
        share = max(scale.shape) / max(content.shape[:2])
        with memory_errors(scale.shape):
            photo, painting = _batch(resize(content, scale.shape)), _batch(_shrink(style, share))
            objective = build_objective(network, photo, painting, settings)
            start = to_engine(resize(pastiche, scale.shape)[None])
        evaluate = compile_value_and_gradient(objective, start.shape)
        optimizer = new_optimizer(evaluate, start, settings)
        for iteration in range(1, scale.iterations + 1):
            losses = named_losses(optimizer.step(), number, iteration)
            yield Step(
                scale=number,
                scales=len(scales),
                iteration=iteration,
                iterations=scale.iterations,
                shape=scale.shape,
                losses=losses,
                make_image=partial(clipped, optimizer.point),
                last=number == len(scales) and iteration == scale.iterations,
            )
        pastiche = clipped(optimizer.point)


def new_optimizer(evaluate: Callable[[Any], Evaluation], start: Any, settings: Settings) -> Optimizer:
    """Return the optimiser that the settings name, at its starting point."""
    if settings.optimizer == "adam":
        return Adam(evaluate, start, settings.learning_rate)
    return LBFGS(evaluate, start)


def named_losses(evaluation: Evaluation, scale: int, iteration: int) -> dict[str, float]:
    """Return the losses by name.

    Raises:
        DivergenceError: one of them is not a finite number.
    """
    terms = dict(zip(TERMS, map(float, evaluation.terms), strict=True))
    losses = {"total": evaluation.total, **terms}
    for name, value in losses.items():
        if not math.isfinite(value):
            raise DivergenceError(
                f"the {name} loss became {value} at scale {scale}, iteration {iteration}; "
                "lower the weights or the learning rate"
            )
    return losses


def clipped(point: Any) -> Array:
    """Return a batch of one as a picture (height, width, 3) with its values in [0, 1]."""
    picture: Array = np.clip(to_host(point)[0], 0, 1)
    return picture


def _shrink(picture: Array, share: float) -> Array:
    if share == 1:
        return picture
    sides = picture.shape[:2]
    return resize(picture, (_side(sides[0] * share), _side(sides[1] * share)))


def _side(length: float) -> int:
    return max(MINIMUM_SIDE, round(length))


def _batch(picture: Array) -> NDArray[np.float32]:
    return ops.convert_to_tensor(picture[None])  # type: ignore[no-any-return]
