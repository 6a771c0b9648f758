"""Exact values and gradients of an objective in bounded memory: the picture is looked at tile by tile.

An objective depends on a picture only through sums over its positions (`Objective.measure`). So one pass
adds up the tiles' sums; from the totals follow the losses and how much the total changes with each sum;
a second pass takes these sensitivities back to each tile's pixels. Tiles overlap by the network's reach
(`tile_grid.py`), each position counts in one core only, and the gradients of overlapping tiles add up: the
result is the gradient of the whole picture, not an approximation, and there are no seams.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from keras import ops
from numpy.typing import NDArray

from impasto.engine.gradients import (
    Evaluation,
    compile_function,
    compile_gradient,
    compile_pull_back,
    compile_value_and_gradient,
    memory_errors,
    ordinary_tensors,
    to_host,
)
from impasto.errors import Argument, Message, OutOfMemoryError, SettingError
from impasto.layers import layer_shapes, level_of
from impasto.networks.tile_grid import Tile, forward_grid, tile_grid
from impasto.optimization.objective import Objective, View
from impasto.optimization.planning import LEAST_TILE
from impasto.workshop import Workshop

Tensor = Any
Array = NDArray[np.float32]


Totals = Mapping[str, NDArray[np.float64]]
"""The sums of `Objective.measure`, added up over tiles."""
Evaluate = Callable[[Objective, Any], Evaluation]
"""Value and gradient of an objective of one form at a point (1, height, width, 3), on the host or the GPU."""


def compile_objective(objective: Objective, side: int | None) -> Evaluate:
    """Compile what all objectives of one form share: value and gradient, in tiles if they must be.

    Args:
        objective: one of that form; of its values nothing is kept.
        side: longest side of a tile in pixels, surroundings included; None for the whole picture at once.

    Raises:
        SettingError: the measure of style needs the whole picture.
        OutOfMemoryError: when called, if the engine runs out of memory.
    """
    return compile_whole(objective) if side is None else compile_in_tiles(objective, side)


def compile_whole(objective: Objective) -> Evaluate:
    """Compile value and gradient of the whole picture; as `compile_objective`."""
    form, constants = without_values(objective), objective.constants

    def function(image: Tensor, weights: Tensor, values: View, content: View) -> tuple[Tensor, Tensor]:
        now = form.with_values(values)
        return now.losses(now.measure(image, {**content, **constants}), weights)

    compiled = compile_value_and_gradient(function, (1, *objective.shape, 3))
    return lambda now, point: compiled(point, now.weights.vector, now.values, now.content)


def compile_in_tiles(objective: Objective, side: int) -> Evaluate:
    """Compile value and gradient so that memory is bounded by a tile's; as `compile_objective`."""
    parts, compare = PartFunctions(objective), compile_comparison(objective)
    tiles = tile_grid(objective.shape, side, objective.layers)
    looks = forward_grid(objective.shape, side, objective.layers)

    def evaluate(now: Objective, point: Any) -> Evaluation:
        picture = to_host(point)[0]
        with memory_errors(tiles[0].shape):
            total, terms, slopes = compare(now, parts.measure(now, picture, looks))
            gradient = parts.pull_back(now, picture, tiles, slopes)
        return Evaluation(total, terms, gradient[None])

    return evaluate


class PartFunctions:
    """The two passes over a picture's parts: to sums over positions, and back to pixels.

    Args:
        objective: one of the form that they are compiled for; of its values nothing is kept.

    Raises:
        SettingError: the measure of style needs the whole picture.
    """

    def __init__(self, objective: Objective) -> None:
        if objective.style and not objective.style.additive:
            raise SettingError(
                "style_loss sliced needs the whole picture in memory; choose gram or a smaller max_size"
            )
        form = without_values(objective)

        def measure(image: Tensor, view: View, values: View) -> dict[str, Tensor]:
            return form.with_values(values).measure(image, view)

        def slope(image: Tensor, view: View, slopes: View, values: View) -> tuple[Tensor, Tensor]:
            return _dot(slopes, measure(image, view, values)), ops.zeros((), "float32")

        self._measure, self._pull_back = compile_function(measure), compile_gradient(slope)
        self._both = compile_pull_back(measure)

    def measure(self, now: Objective, picture: Array, looks: Sequence[Tile]) -> Totals:
        """Return the sums of a picture (height, width, 3) over the cores of tiles, float64 by name."""
        totals: dict[str, Any] = {}
        for tile in looks:
            add_up(totals, self._measure(_batch(tile, picture), view_of(now, tile), now.values))
        return totals

    def measure_once(
        self, now: Objective, picture: Array, tile: Tile
    ) -> tuple[Totals, Callable[[View], Array]]:
        """Return a tile's sums, and what takes slopes back: in one pass, whose features stay meanwhile."""
        totals: dict[str, Any] = {}
        sums, back = self._both(_batch(tile, picture), view_of(now, tile), now.values)
        add_up(totals, sums)
        return totals, lambda slopes: to_host(back(slopes))[0]

    def pull_back(self, now: Objective, picture: Array, tiles: Sequence[Tile], slopes: View) -> Array:
        """Return the gradient (height, width, 3) of the sums over the cores of tiles, weighed by slopes."""
        gradient = np.zeros_like(picture)
        for tile in tiles:
            slope = self._pull_back(_batch(tile, picture), view_of(now, tile), slopes, now.values)[2]
            tile.cut(gradient)[:] += to_host(slope)[0]
        return gradient


def add_up(totals: dict[str, Any], sums: Mapping[str, Any]) -> None:
    """Add sums to totals, in float64."""
    for name, value in sums.items():
        totals[name] = totals.get(name, 0) + to_host(value).astype(np.float64)


def compile_comparison(objective: Objective) -> Callable[[Objective, Totals], tuple[float, Array, View]]:
    """Compile an objective of one form and the whole picture's sums -> total, terms, and the sums' slopes."""
    form = without_values(objective)
    compiled = compile_gradient(lambda sums, weights, values: form.with_values(values).losses(sums, weights))

    def compare(now: Objective, totals: Totals) -> tuple[float, Array, View]:
        sums = {name: value.astype(np.float32) for name, value in totals.items()}
        total, terms, slopes = compiled(sums, now.weights.vector, now.values)
        return float(total), to_host(terms), slopes

    return compare


def without_values(objective: Objective) -> Objective:
    """Return an objective without its values, which compiled functions are given in every call."""
    style: Any = objective.style
    return replace(objective, content_targets={}, style=style and replace(style, values={}), grain=0.0)


class BoundedEvaluation:
    """An objective's value and gradient, in tiles if they must be, in smaller ones if memory runs out.

    Args:
        build: longest side of a tile or None -> the objective, its targets computed within that bound.
        shape: (height, width) of the picture.
        side: longest side of a tile; None for the whole picture at once.
        workshop: keeps what is compiled for other objectives of the same form.
    """

    def __init__(
        self,
        build: Callable[[int | None], Objective],
        shape: tuple[int, int],
        side: int | None,
        workshop: Workshop,
    ) -> None:
        self._build, self._shape, self._side, self._workshop = build, shape, side, workshop
        self._note = ""
        self._evaluate: Callable[[Any], Evaluation] | None = None

    def __call__(self, point: Any) -> Evaluation:
        """Return the objective's value and gradient at a point (1, height, width, 3).

        Raises:
            OutOfMemoryError: memory ran out in the smallest tiles, too.
        """
        while True:
            try:
                if self._evaluate is None:
                    self._evaluate = self._compile()
                return self._evaluate(point)
            except OutOfMemoryError:
                self._evaluate = None
                self._halve()

    @property
    def side(self) -> int | None:
        """Longest side of the tiles now; None for the whole picture at once."""
        return self._side

    def note(self) -> str:
        """Return, once, a sentence about memory that ran out."""
        note, self._note = self._note, ""
        return note

    def _compile(self) -> Callable[[Any], Evaluation]:
        with memory_errors(self._shape), ordinary_tensors():
            objective = self._build(self._side)
        side = None if self._side is None or self._side >= max(self._shape) else self._side
        key = "objective", objective.form, side
        evaluate = self._workshop.get("functions", key, partial(compile_objective, objective, side))
        return partial(evaluate, objective)

    def _halve(self) -> None:
        side = min(self._side or max(self._shape), max(self._shape))
        half = max(LEAST_TILE, side // 2)
        if half >= side:
            raise OutOfMemoryError(
                "memory ran out even in tiles of {side} px; choose a smaller {max_size}",
                side=side,
                max_size=Argument("max_size"),
            ) from None
        self._side = half
        self._note = Message("memory ran out, so the picture is computed in tiles of {side} px", side=half)


def _batch(tile: Tile, picture: Array) -> Tensor:
    return ops.convert_to_tensor(np.ascontiguousarray(tile.cut(picture)[None]))


def _dot(slopes: Mapping[str, Tensor], sums: Mapping[str, Tensor]) -> Tensor:
    return sum(ops.sum(slopes[name] * value) for name, value in sums.items())


def view_of(objective: Objective, tile: Tile) -> dict[str, Tensor]:
    """Return what `Objective.measure` needs to know to measure a tile's core."""
    sides = layer_shapes(tile.shape, objective.network.pool_rounding)
    view = {"core/pixels": tile.core(0, tile.shape)}
    if objective.visible:
        view["visible"] = view["core/pixels"] * tile.cut_layer(objective.visible["pixels"], 0, tile.shape)
    for layer, target in objective.content_targets.items():
        level = level_of(layer)
        view[f"core/{layer}"] = tile.core(level, sides[level])
        if layer in objective.visible:
            visible = tile.cut_layer(objective.visible[layer], level, sides[level])
            view[f"core/{layer}"] = view[f"core/{layer}"] * visible
        maps = np.moveaxis(np.asarray(target)[0], -1, 0)
        cut = tile.cut_layer(maps, level, sides[level])
        view[f"raw/{layer}"] = np.moveaxis(cut, 0, -1)[None]
    for layer in objective.style.layers if objective.style else ():
        level = level_of(layer)
        mask = tile.core(level, sides[level])[None]
        if layer in objective.masks:
            mask = mask * tile.cut_layer(objective.masks[layer], level, sides[level])
        view[f"mask/{layer}"] = mask
    return {name: ops.convert_to_tensor(np.ascontiguousarray(value)) for name, value in view.items()}
